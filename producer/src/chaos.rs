//! What may happen to packets between an exchange and its members.

use crate::error::Error;

/// Probabilities of the mishaps of a packet, from 0 to 1.
///
/// Each line draws for itself, but for [`loss_both`](Self::loss_both).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chaos {
    /// Seed: the same mishaps for the same packets.
    pub seed: u64,
    /// A line loses the packet.
    pub loss: f64,
    /// All lines lose the packet.
    pub loss_both: f64,
    /// A line carries the packet twice.
    pub duplicate: f64,
    /// The packet comes one to four packets later.
    pub reorder: f64,
    /// One byte of the packet is another.
    pub corrupt: f64,
}

impl Chaos {
    /// Checks that all are probabilities.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let all = [
            ("loss", self.loss),
            ("loss of both lines", self.loss_both),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ];
        match all.into_iter().find(|(_, p)| !(0.0..=1.0).contains(p)) {
            Some((name, found)) => Err(Error::Option {
                name,
                expected: "a probability from 0 to 1",
                found: found.to_string(),
            }),
            None => Ok(()),
        }
    }
}
