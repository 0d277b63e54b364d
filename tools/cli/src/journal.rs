//! How journals are kept, on the command line.

use crate::{bytes, duration};
use std::path::Path;
use std::time::Duration;
use tickring::{Fsync, JournalSpec};

/// Options of every command that writes journals.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Keeping {
    /// Begin a new file when the present one is so large, such as 64MiB; so much is allocated when
    /// it is begun [default: 128MiB]
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    rotate_bytes: Option<u64>,
    /// Begin a new file when the present one is so old, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    rotate_every: Option<Duration>,
    /// When to wait for the disk: never, after every block, or every so often, such as 200ms
    #[arg(long, value_name = "POLICY", value_parser = fsync, default_value = "never")]
    fsync: Fsync,
}

impl Keeping {
    /// What this says about a journal in `directory`.
    pub(crate) fn spec(&self, directory: &Path) -> JournalSpec {
        let spec = JournalSpec::new(directory);
        JournalSpec {
            rotate_bytes: self.rotate_bytes.unwrap_or(spec.rotate_bytes),
            rotate_every: self.rotate_every,
            fsync: self.fsync,
            ..spec
        }
    }
}

fn fsync(text: &str) -> Result<Fsync, String> {
    match text {
        "never" => Ok(Fsync::Never),
        "block" => Ok(Fsync::Block),
        _ => duration::parse(text).map(Fsync::Every).map_err(|_| {
            format!("expected never, block or a duration such as 200ms, found {text:?}")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_word_or_a_duration() {
        assert_eq!(fsync("never"), Ok(Fsync::Never));
        assert_eq!(fsync("block"), Ok(Fsync::Block));
        assert_eq!(fsync("200ms"), Ok(Fsync::Every(Duration::from_millis(200))));
        assert!(fsync("always").unwrap_err().contains("never, block"));
    }
}
