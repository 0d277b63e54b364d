//! How numbers are written for people: prices, times, sizes, ages, counts.

use jiff::Timestamp;
use std::fmt::{self, Display, Formatter};

/// A price in units of 1e-9, written as the exact decimal with nine places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price(pub(crate) i128);

impl Display for Price {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const SCALE: u128 = 1_000_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", size / SCALE, size % SCALE)
    }
}

/// A time in nanoseconds since the Unix epoch, written by RFC 3339 in UTC with nanoseconds; one
/// that no calendar holds is written as its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) i128);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanosecond(self.0) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// A number of bytes in binary units, rounded to one decimal place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size(pub(crate) u64);

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        match UNITS.iter().find(|(bits, _)| self.0 >> bits > 0) {
            Some((bits, unit)) => {
                let tenths = (u128::from(self.0) * 10 + (1 << (bits - 1))) >> bits;
                write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{} B", self.0),
        }
    }
}

/// A time span in nanoseconds in the one or two units that matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age(pub(crate) u64);

impl Display for Age {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000_000;
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        match self.0 {
            0..1_000 => write!(f, "{} ns", self.0),
            1_000..1_000_000 => write!(f, "{} µs", self.0 / 1_000),
            1_000_000..1_000_000_000 => write!(f, "{} ms", self.0 / 1_000_000),
            _ if minutes == 0 => write!(f, "{seconds}.{} s", self.0 / 100_000_000 % 10),
            _ if hours == 0 => write!(f, "{minutes} min {} s", seconds % 60),
            _ if days == 0 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

/// A count with a comma between every three digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouped(pub(crate) u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_decimals() {
        let cases = [
            (4_810_250_000_000, "4810.250000000"),
            (0, "0.000000000"),
            (1, "0.000000001"),
            (-1, "-0.000000001"),
            (-1_500_000_000, "-1.500000000"),
            (i128::from(i64::MIN), "-9223372036.854775808"),
            (i128::from(i64::MAX), "9223372036.854775807"),
        ];
        for (price, expected) in cases {
            assert_eq!(Price(price).to_string(), expected);
        }
    }

    #[test]
    fn times_have_nanoseconds_and_a_zone() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1_767_623_400_000_000_001, "2026-01-05T14:30:00.000000001Z"),
            (i128::from(u64::MAX), "2554-07-21T23:34:33.709551615Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (i128::MAX, "170141183460469231731687303715884105727"),
        ];
        for (time, expected) in cases {
            assert_eq!(Time(time).to_string(), expected);
        }
    }

    #[test]
    fn sizes_ages_and_counts_are_short() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (4_325_376, "4.1 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected);
        }
        for (ns, expected) in [
            (12, "12 ns"),
            (12_345, "12 µs"),
            (12_345_678, "12 ms"),
            (1_234_567_890, "1.2 s"),
            (192_000_000_000, "3 min 12 s"),
            (7_380_000_000_000, "2 h 3 min"),
            (u64::MAX, "213503 d 23 h"),
        ] {
            assert_eq!(Age(ns).to_string(), expected);
        }
        for (count, expected) in
            [(0, "0"), (999, "999"), (12_041, "12,041"), (1_000_000, "1,000,000")]
        {
            assert_eq!(Grouped(count).to_string(), expected);
        }
    }
}
