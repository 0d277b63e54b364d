//! What the normaliser has seen: messages by type, and anomalies.

use tickring::record::UNDEF_SIZE;
use tickring::record::flag;

use crate::source::{Count, Report};
use crate::wire::itch50::TYPES;

/// Something that a correct feed does not have, labelled on the record and counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anomaly {
    UnknownOrder,
    DuplicateOrder,
    TooMuchTaken,
    BadSide,
}

/// All counters of a session.
#[derive(Debug)]
pub(super) struct Counts {
    messages: [u64; 256],
    unknown_orders: u64,
    duplicate_orders: u64,
    too_much_taken: u64,
    bad_sides: u64,
    too_wide: u64,
    not_printable: u64,
    empty_crosses: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            messages: [0; 256],
            unknown_orders: 0,
            duplicate_orders: 0,
            too_much_taken: 0,
            bad_sides: 0,
            too_wide: 0,
            not_printable: 0,
            empty_crosses: 0,
        }
    }
}

impl Counts {
    pub(super) fn message(&mut self, message_type: u8) {
        if let Some(count) = self.messages.get_mut(usize::from(message_type)) {
            *count += 1;
        }
    }

    /// Counts an anomaly and returns the flag that labels its record.
    #[cold]
    pub(super) fn anomaly(&mut self, anomaly: Anomaly) -> u8 {
        match anomaly {
            Anomaly::UnknownOrder => self.unknown_orders += 1,
            Anomaly::DuplicateOrder => self.duplicate_orders += 1,
            Anomaly::TooMuchTaken => self.too_much_taken += 1,
            Anomaly::BadSide => self.bad_sides += 1,
        }
        flag::MAYBE_BAD_BOOK
    }

    pub(super) fn not_printable(&mut self) {
        self.not_printable += 1;
    }

    pub(super) fn empty_cross(&mut self) {
        self.empty_crosses += 1;
    }

    /// Narrows a 64-bit quantity. One that does not fit is undefined in the record, and counted.
    pub(super) fn narrow(&mut self, quantity: u64) -> u32 {
        match u32::try_from(quantity) {
            Ok(narrow) => narrow,
            Err(_) => {
                self.too_wide += 1;
                UNDEF_SIZE
            }
        }
    }

    pub(super) fn report(&self) -> Report {
        let inputs = TYPES.iter().filter_map(|&(code, _)| {
            let count = self.messages.get(usize::from(code)).copied().unwrap_or_default();
            (count > 0).then(|| Count::new(char::from(code), count))
        });
        let anomalies = [
            ("unknown order", self.unknown_orders),
            ("duplicate order", self.duplicate_orders),
            ("more taken than left", self.too_much_taken),
            ("unknown side", self.bad_sides),
            ("quantity above 32 bits", self.too_wide),
            ("execution not printable", self.not_printable),
            ("cross without shares", self.empty_crosses),
        ];
        let anomalies = anomalies.into_iter().filter(|&(_, count)| count > 0);
        Report {
            inputs: inputs.collect(),
            anomalies: anomalies.map(|(name, count)| Count::new(name, count)).collect(),
        }
    }
}
