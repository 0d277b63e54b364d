//! What a client has seen besides market data.

use crate::source::{Count, Report};

/// Counters of a client, over all of its connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) heartbeats: u64,
    pub(super) unsequenced: u64,
    pub(super) debug_texts: u64,
    pub(super) reconnects: u64,
    pub(super) failed_connections: u64,
    pub(super) rejected_logins: u64,
    pub(super) new_sessions: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) refused_packets: u64,
    pub(super) refused_messages: u64,
}

impl Counts {
    /// Adds the counters to what is known of the messages.
    pub(super) fn add_to(&self, report: &mut Report) {
        let happened = |counts: &[(&str, u64)]| {
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            counts.map(|(name, count)| Count::new(*name, *count)).collect::<Vec<_>>()
        };
        report.inputs.extend(happened(&[
            ("heartbeat", self.heartbeats),
            ("unsequenced message", self.unsequenced),
            ("debug text", self.debug_texts),
        ]));
        report.anomalies.extend(happened(&[
            ("reconnect", self.reconnects),
            ("connection failed", self.failed_connections),
            ("login rejected", self.rejected_logins),
            ("new session", self.new_sessions),
            ("message lost", self.lost),
            ("message repeated", self.repeated),
            ("packet refused", self.refused_packets),
            ("message refused", self.refused_messages),
        ]));
    }
}
