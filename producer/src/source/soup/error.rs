//! Why a client cannot start or go on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::wire::soupbintcp::{PacketError, Rejection};

/// Says why a SoupBinTCP client cannot start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SoupError {
    /// The server's name gives no address.
    #[error("cannot look up the address: {source}; write HOST:PORT, such as 127.0.0.1:8080")]
    Address {
        /// The system's reason.
        source: io::Error,
    },
    /// The system gives no event queue.
    #[error("cannot wait for sockets: {source}; raise the limit of open files")]
    Events {
        /// The system's reason.
        source: io::Error,
    },
    /// A server cannot listen.
    #[error("cannot listen: {source}; choose another address, or end who has it")]
    Listen {
        /// The system's reason.
        source: io::Error,
    },
    /// A connection cannot be made.
    #[error("cannot connect to {address}: {source}; check that the server runs there")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A connection was not made, or a login not answered, in time.
    #[error("no {what} within {limit:?}; check that a SoupBinTCP server runs there")]
    Late {
        /// What did not come.
        what: &'static str,
        /// How long it could take.
        limit: Duration,
    },
    /// The connection broke.
    #[error("the connection broke: {source}")]
    Broken {
        /// The system's reason.
        source: io::Error,
    },
    /// The server ended the connection and not the session.
    #[error("the server closed the connection before the end of the session")]
    Closed,
    /// The server is taken for dead.
    #[error("the server was silent for {limit:?}: expected a heartbeat every second")]
    Silent {
        /// How long it could be silent.
        limit: Duration,
    },
    /// The server does not let the client in.
    #[error(
        "login of '{username}' to session '{session}' rejected: {reason}; {}", hint(*reason)
    )]
    Rejected {
        /// Who tried.
        username: String,
        /// Which session was asked for; blank is the active one.
        session: String,
        /// The server's reason.
        reason: Rejection,
    },
    /// The server sent something else than the answer to a login.
    #[error("expected the answer to the login, found a packet of type '{found}'")]
    NoAnswer {
        /// Type of the packet.
        found: char,
    },
    /// The server let the client in without a sequence.
    #[error("login accepted without a sequence: expected a number of 1 or more in its 20 bytes")]
    NoSequence,
    /// The server let the client into another session than it asked for, in its middle.
    #[error("the session changed; logging in again for its beginning")]
    NewSession,
    /// The bytes are not SoupBinTCP.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

fn hint(reason: Rejection) -> &'static str {
    match reason {
        Rejection::NotAuthorized => "check user name and password",
        Rejection::SessionNotAvailable => "name a session that the server has, or none",
        Rejection::Other(_) => "ask the operator of the server",
    }
}
