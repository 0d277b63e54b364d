//! Where a reader joins, in Python's words.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyInt, PyString};
use std::time::Duration;
use tickring::{Start, Token};

const EXPECTED: &str = "expected 'latest', 'oldest', a sequence, an age such as '-10s', a datetime \
                        with a zone, or a token";
/// Units of an age in nanoseconds; the longer names first.
const UNITS: [(&str, f64); 6] =
    [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];

/// Reads where to join.
///
/// # Errors
///
/// `ValueError` for a word, number or time that is none, `TypeError` for anything else.
pub(crate) fn start_of(start: &Bound<'_, PyAny>) -> PyResult<Start> {
    if let Ok(word) = start.cast::<PyString>() {
        let word = word.to_cow()?;
        return from_word(&word)
            .ok_or_else(|| PyValueError::new_err(format!("start is '{word}': {EXPECTED}")));
    }
    if start.is_instance_of::<PyDateTime>() {
        return from_datetime(start);
    }
    match start.call_method0("__index__") {
        Ok(number) if number.is_instance_of::<PyInt>() => {
            let refuse = |_| PyValueError::new_err("a sequence is a number from 0 to 2**64 - 1");
            Ok(Start::Sequence(number.extract::<u64>().map_err(refuse)?))
        }
        _ => {
            let found = start.get_type().name()?;
            Err(PyTypeError::new_err(format!("start is a {found}: {EXPECTED}")))
        }
    }
}

fn from_word(word: &str) -> Option<Start> {
    match word {
        "latest" => Some(Start::Latest),
        "oldest" => Some(Start::Oldest),
        _ => match word.strip_prefix('-') {
            Some(age) => {
                let unit = |(name, ns): (&str, f64)| {
                    let number: f64 = age.strip_suffix(name)?.parse().ok()?;
                    Duration::try_from_secs_f64(number * ns / 1e9).ok()
                };
                UNITS.into_iter().find_map(unit).map(Start::Ago)
            }
            None => word.parse::<Token>().ok().map(Start::Token),
        },
    }
}

fn from_datetime(start: &Bound<'_, PyAny>) -> PyResult<Start> {
    if start.getattr("tzinfo")?.is_none() {
        let text = "start is a datetime without a zone: write for instance \
                    datetime(2026, 1, 5, 14, 30, tzinfo=timezone.utc)";
        return Err(PyValueError::new_err(text));
    }
    let seconds: f64 = start.call_method0("timestamp")?.extract()?;
    let since = Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err("start is a time before 1970"))?;
    // A float of today's seconds is exact to the microsecond, which is what a datetime has.
    let micros = (since + Duration::from_nanos(500)).as_micros();
    Ok(Start::Time(u64::try_from(micros * 1000).unwrap_or(u64::MAX)))
}
