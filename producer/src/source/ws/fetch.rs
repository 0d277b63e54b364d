//! Snapshots over HTTP, for venues that do not send them over the WebSocket.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;
use ureq::Agent;

use super::subscription::Subscription;
use crate::venue::Request;

/// The largest answer, in bytes.
const MOST_ANSWER: u64 = 1 << 26;
/// Wait before a snapshot that is asked for again; twice as long each further time.
const AGAIN: Duration = Duration::from_millis(250);
/// The longest such wait is so many doublings.
const MOST_DOUBLINGS: u32 = 6;

/// What came of a request.
pub(super) struct Fetched {
    pub(super) symbol: String,
    /// The answer's body, or why there is none.
    pub(super) answer: Result<Vec<u8>, String>,
}

/// The snapshots of one connection.
pub(super) struct Fetches {
    agent: Agent,
    subscription: Subscription,
    base: String,
    /// How often each was asked for.
    asked: HashMap<String, u32>,
    running: JoinSet<Fetched>,
}

impl Fetches {
    /// Creates an idle set; `base` is the URL without the path.
    pub(super) fn new(agent: Agent, subscription: Subscription, base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let (asked, running) = (HashMap::new(), JoinSet::new());
        Self { agent, subscription, base, asked, running }
    }

    /// Begins to fetch the snapshot of an instrument.
    pub(super) fn begin(&mut self, Request { symbol }: Request) {
        let asked = self.asked.entry(symbol.clone()).or_default();
        let wait = match asked.checked_sub(1) {
            Some(again) => AGAIN * 2_u32.pow(again.min(MOST_DOUBLINGS)),
            None => Duration::ZERO,
        };
        *asked = asked.saturating_add(1);
        let url = format!("{}{}", self.base, self.subscription.snapshot(&symbol));
        let agent = self.agent.clone();
        self.running.spawn(async move {
            tokio::time::sleep(wait).await;
            let answer = tokio::task::spawn_blocking(move || get(&agent, &url)).await;
            let answer = answer.unwrap_or_else(|error| Err(error.to_string()));
            Fetched { symbol, answer }
        });
    }

    /// Waits for the next answer; for ever while nothing was asked for.
    pub(super) async fn next(&mut self) -> Fetched {
        loop {
            match self.running.join_next().await {
                Some(Ok(fetched)) => return fetched,
                // A fetch that was taken back: nobody waits for it.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

fn get(agent: &Agent, url: &str) -> Result<Vec<u8>, String> {
    let mut answer = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(MOST_ANSWER);
    body.read_to_vec().map_err(|error| error.to_string())
}
