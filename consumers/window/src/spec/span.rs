//! Durations in a specification: text or whole nanoseconds; written as whole nanoseconds.
//!
//! Those that do not fit TOML's integers of 64 bits with a sign are written as text.

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A duration as it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Nanoseconds(i64),
    Text(String),
}

impl Given {
    fn nanoseconds<E: Error>(self) -> Result<i128, E> {
        match self {
            Self::Nanoseconds(nanoseconds) => Ok(nanoseconds.into()),
            Self::Text(text) => text
                .parse::<SignedDuration>()
                .map(|duration| duration.as_nanos())
                .map_err(|_| E::custom(expected(&text))),
        }
    }
}

fn expected(found: impl std::fmt::Debug) -> String {
    format!(
        "expected a duration such as \"250ms\", \"1m30s\", or whole nanoseconds, found {found:?}"
    )
}

pub(super) fn serialize<S: Serializer>(span: &u64, to: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(*span) {
        Ok(nanoseconds) => nanoseconds.serialize(to),
        Err(_) => format!("{}s {}ns", span / 1_000_000_000, span % 1_000_000_000).serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let nanoseconds = Given::deserialize(from)?.nanoseconds()?;
    u64::try_from(nanoseconds).map_err(|_| D::Error::custom(expected(nanoseconds)))
}

/// Durations that may be negative.
pub(super) mod signed {
    use super::{Deserialize, Deserializer, Error, Given, Serialize, Serializer, expected};

    pub(in crate::spec) fn serialize<S: Serializer>(span: &i64, to: S) -> Result<S::Ok, S::Error> {
        span.serialize(to)
    }

    pub(in crate::spec) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<i64, D::Error> {
        let nanoseconds = Given::deserialize(from)?.nanoseconds()?;
        i64::try_from(nanoseconds).map_err(|_| D::Error::custom(expected(nanoseconds)))
    }
}
