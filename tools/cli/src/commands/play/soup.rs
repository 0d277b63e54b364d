//! `tickring play soup`: a SoupBinTCP server of a file.

use crate::commands::feed;
use crate::failure::Failure;
use crate::login::Login;
use crate::notation::Grouped;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tickring_producer::pace::Pace;
use tickring_producer::play::soup::{SoupServer, SoupServerOptions, Trouble};
use tickring_producer::source::{Count, Progress};
use tickring_producer::wire::soupbintcp::{Rejection, Session};

/// What to serve, where, and how badly.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file
    file: PathBuf,
    /// Where to listen; port 0 takes a free one, which is told at the start
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Name of the session, at most 10 characters
    #[arg(long, value_name = "NAME", default_value = "0000000001")]
    #[arg(value_parser = feed::session)]
    session: Session,
    /// Speed, from the first login on: 1x or 10x by the time of the messages, 100000/s by their
    /// number, or max
    #[arg(long, value_name = "PACE", default_value = "max")]
    pace: Pace,
    #[command(flatten)]
    login: Login,
    /// Cut each connection off in the middle of a packet, after up to so many messages
    #[arg(long, value_name = "N")]
    cut_after: Option<u64>,
    /// Let each connection fall silent after so many messages
    #[arg(long, value_name = "N")]
    silent_after: Option<u64>,
    /// End the session unsaid after so many messages of a connection, and begin another one
    #[arg(long, value_name = "N")]
    new_session_after: Option<u64>,
    /// Reject all logins with this reason: A, not authorized, or S, session not available
    #[arg(long, value_name = "LETTER", value_parser = rejection)]
    reject: Option<Rejection>,
    /// Chooses where connections are cut off
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    let signals = Signals::catch()?;
    let credentials = (!arguments.login.is_anonymous()).then(|| arguments.login.credentials());
    let server = SoupServer::open(&SoupServerOptions {
        listen: arguments.listen,
        session: arguments.session,
        credentials: credentials.transpose()?,
        pace: arguments.pace,
        trouble: Trouble {
            seed: arguments.seed,
            cut_after: arguments.cut_after,
            silent_after: arguments.silent_after,
            reject: arguments.reject,
            new_session_after: arguments.new_session_after,
        },
        ..SoupServerOptions::new(&arguments.file)
    })?;
    let (address, messages) = (server.address(), server.messages());
    if arguments.reports.are_json() {
        writeln!(output, "{}", json!({ "address": address.to_string(), "messages": messages }))?;
        output.flush()?;
    } else {
        note("play", format!("serving {} messages at {address}", Grouped(messages)));
    }
    service::run(Serving { server }, &signals, arguments.reports, output)
}

/// Reads the reason of a rejection; for clap.
fn rejection(letter: &str) -> Result<Rejection, String> {
    match letter {
        "A" => Ok(Rejection::NotAuthorized),
        "S" => Ok(Rejection::SessionNotAvailable),
        _ => Err(format!("expected A or S, found {letter:?}")),
    }
}

/// A server at work.
struct Serving {
    server: SoupServer,
}

impl Service for Serving {
    const NAME: &'static str = "play";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(match self.server.run_once() {
            Progress::Advanced(_) => Step::Advanced,
            Progress::Idle => Step::Idle,
            Progress::End => Step::Ended,
        })
    }

    fn wait(&mut self, limit: Duration) {
        self.server.wait(limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn text(&self) -> String {
        let counts = self.server.counts();
        if counts.is_empty() {
            return "nobody came".to_owned();
        }
        let each = counts.iter().map(|Count { name, count }| format!("{name} {}", Grouped(*count)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        let counts = self.server.counts().into_iter();
        counts.map(|Count { name, count }| (name, count.into())).collect::<Map<_, _>>().into()
    }
}
