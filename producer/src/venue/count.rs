//! What a normaliser has seen.

use crate::source::{Count, Report};

/// Something that was not as it should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Anomaly {
    BadTsRecv,
    CrossedBook,
    CrossedQuote,
    WrongChecksum,
    SequenceJump,
    Disconnect,
    Silence,
    Overflow,
    Malformed,
    Refused,
    OldSnapshot,
    OldUpdate,
    NoBook,
    BeyondDepth,
    FinePrice,
    WideQuantity,
    Unnamed,
}

const NAMES: [(Anomaly, &str); 17] = [
    (Anomaly::BadTsRecv, "received before it happened"),
    (Anomaly::CrossedBook, "crossed book"),
    (Anomaly::CrossedQuote, "crossed quote, withheld"),
    (Anomaly::WrongChecksum, "wrong checksum"),
    (Anomaly::SequenceJump, "sequence jump"),
    (Anomaly::Disconnect, "lost connection"),
    (Anomaly::Silence, "silent connection"),
    (Anomaly::Overflow, "message without room in the queue"),
    (Anomaly::Malformed, "malformed message"),
    (Anomaly::Refused, "error from the venue"),
    (Anomaly::OldSnapshot, "snapshot older than the first update"),
    (Anomaly::OldUpdate, "update older than the snapshot"),
    (Anomaly::NoBook, "update without a book"),
    (Anomaly::BeyondDepth, "level beyond the depth"),
    (Anomaly::FinePrice, "price that 1e-9 cannot hold"),
    (Anomaly::WideQuantity, "quantity in a quote that the exponent cannot hold"),
    (Anomaly::Unnamed, "message without a usable symbol"),
];

/// Counts by type.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// The venue's message types that occurred; there are a dozen at most.
    inputs: Vec<(&'static str, u64)>,
    anomalies: [u64; NAMES.len()],
}

impl Counts {
    /// Counts inputs of a type.
    pub(super) fn input(&mut self, name: &'static str, more: u64) {
        match self.inputs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += more,
            None => self.inputs.push((name, more)),
        }
    }

    pub(super) fn anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies(anomaly, 1);
    }

    pub(super) fn anomalies(&mut self, anomaly: Anomaly, more: u64) {
        let at = NAMES.iter().position(|(known, _)| *known == anomaly);
        if let Some(count) = at.and_then(|at| self.anomalies.get_mut(at)) {
            *count += more;
        }
    }

    pub(super) fn report(&self) -> Report {
        let mut inputs: Vec<Count> =
            self.inputs.iter().map(|&(name, count)| Count::new(name, count)).collect();
        inputs.sort_by(|a, b| a.name.cmp(&b.name));
        let seen = NAMES.iter().zip(self.anomalies).filter(|(_, count)| *count > 0);
        let anomalies = seen.map(|((_, name), count)| Count::new(*name, count)).collect();
        Report { inputs, anomalies }
    }
}
