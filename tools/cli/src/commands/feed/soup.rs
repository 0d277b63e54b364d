//! The options of `tickring feed soup`.

use super::Publishing;
use crate::duration;
use crate::failure::Failure;
use crate::login::Login;
use jiff::civil::Date;
use std::time::Duration;
use tickring_producer::source::soup::{SoupOptions, SoupSource, Timing};
use tickring_producer::wire::soupbintcp::Session;

/// Where to log in, and from where to receive.
#[derive(Debug, clap::Args)]
pub(super) struct Soup {
    /// The server
    #[arg(value_name = "HOST:PORT")]
    server: String,
    #[command(flatten)]
    login: Login,
    /// The session, at most 10 characters [default: the active one, and those that follow it]
    #[arg(long, value_name = "NAME", value_parser = session)]
    session: Option<Session>,
    /// The first message that is wanted, from 1; 0 is the newest one
    #[arg(long, value_name = "N", default_value_t = 1)]
    sequence: u64,
    /// Date of the session in New York [default: the date there when the session is joined]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Give up after so many failures in a row [default: never, once it was logged in]
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// A server that sends nothing for so long is taken for dead
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    silence: Duration,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

impl Soup {
    /// Logs in.
    pub(super) fn open(&self) -> Result<SoupSource, Failure> {
        let credentials = self.login.credentials()?;
        Ok(SoupSource::open(&SoupOptions {
            session: self.session.unwrap_or(Session::ANY),
            sequence: self.sequence,
            date: self.date,
            attempts: self.attempts,
            timing: Timing { silence: self.silence, ..Timing::default() },
            ..SoupOptions::new(&self.server, credentials)
        })?)
    }
}

/// Reads the name of a session; for clap.
pub(in crate::commands) fn session(name: &str) -> Result<Session, String> {
    Session::new(name)
        .ok_or_else(|| format!("expected at most 10 printable ASCII characters, found {name:?}"))
}
