//! What the normaliser has seen: messages by type, and anomalies.

use tickring::record::{UNDEF_PRICE, flag};

use crate::source::{Count, Report};
use crate::wire::iex::{IexError, Price, TYPES};

/// Something that a correct feed does not have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anomaly {
    /// A message was received before it happened.
    ReceivedBefore,
    /// A bid is above the ask.
    CrossedQuote,
    /// A time is before 1970.
    BadTime,
    /// A code is none of the specification.
    UnknownCode,
}

/// All counters of a feed.
#[derive(Debug)]
pub(super) struct Counts {
    messages: [u64; 256],
    unknown_types: u64,
    too_short: u64,
    received_before: u64,
    crossed_quotes: u64,
    bad_times: u64,
    bad_prices: u64,
    unknown_codes: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            messages: [0; 256],
            unknown_types: 0,
            too_short: 0,
            received_before: 0,
            crossed_quotes: 0,
            bad_times: 0,
            bad_prices: 0,
            unknown_codes: 0,
        }
    }
}

impl Counts {
    pub(super) fn message(&mut self, message_type: u8) {
        if let Some(count) = self.messages.get_mut(usize::from(message_type)) {
            *count += 1;
        }
    }

    /// Counts bytes that are no message.
    #[cold]
    pub(super) fn refused(&mut self, error: IexError) {
        match error {
            IexError::UnknownType { .. } => self.unknown_types += 1,
            IexError::Empty | IexError::TooShort { .. } => self.too_short += 1,
        }
    }

    /// Counts an anomaly and returns the flag that labels its record, where it has one.
    #[cold]
    pub(super) fn anomaly(&mut self, anomaly: Anomaly) -> u8 {
        let (count, flag) = match anomaly {
            Anomaly::ReceivedBefore => (&mut self.received_before, flag::BAD_TS_RECV),
            Anomaly::CrossedQuote => (&mut self.crossed_quotes, flag::MAYBE_BAD_BOOK),
            Anomaly::BadTime => (&mut self.bad_times, 0),
            Anomaly::UnknownCode => (&mut self.unknown_codes, 0),
        };
        *count += 1;
        flag
    }

    /// Converts dollars x 10^4, where 0 is no price, to a price in 1e-9. One that does not fit is
    /// undefined, and counted.
    pub(super) fn price_or_none(&mut self, price: Price) -> i64 {
        match price.get() {
            0 => UNDEF_PRICE,
            price => price.checked_mul(100_000).unwrap_or_else(|| {
                self.bad_prices += 1;
                UNDEF_PRICE
            }),
        }
    }

    pub(super) fn report(&self) -> Report {
        let inputs = TYPES.iter().filter_map(|&(code, _)| {
            let count = self.messages.get(usize::from(code)).copied().unwrap_or_default();
            (count > 0).then(|| Count::new(char::from(code), count))
        });
        let anomalies = [
            ("message of an unknown type", self.unknown_types),
            ("message too short", self.too_short),
            ("received before it happened", self.received_before),
            ("bid above ask", self.crossed_quotes),
            ("time before 1970", self.bad_times),
            ("price out of range", self.bad_prices),
            ("unknown code", self.unknown_codes),
        ];
        let anomalies = anomalies.into_iter().filter(|&(_, count)| count > 0);
        Report {
            inputs: inputs.collect(),
            anomalies: anomalies.map(|(name, count)| Count::new(name, count)).collect(),
        }
    }
}
