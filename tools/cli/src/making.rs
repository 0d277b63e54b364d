//! How rings are made: permissions, memory, and help for readers of other users.

use crate::duration;
use std::time::Duration;
use tickring::{Huge, Memory};

/// Options of the commands that make rings.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Making {
    /// Permissions of the files, octal; readers need no more than to read
    #[arg(long, value_name = "MODE", value_parser = octal, default_value = "640")]
    pub(crate) mode: u32,
    /// Wake sleeping readers of other users so often; without it they look by themselves
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) wake_ticker: Option<Duration>,
    /// Lock the rings in memory (RLIMIT_MEMLOCK must allow it)
    #[arg(long)]
    mlock: bool,
    /// Advise the system to back the rings by huge pages
    #[arg(long)]
    huge_pages: bool,
    /// Allocate new rings on this NUMA node
    #[arg(long, value_name = "NODE")]
    numa_node: Option<u32>,
}

impl Making {
    /// The wishes on memory.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            lock: self.mlock,
            huge_pages: if self.huge_pages { Huge::Advise } else { Huge::No },
            numa_node: self.numa_node,
            ..Memory::default()
        }
    }
}

fn octal(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("expected permissions in octal such as 640, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal() {
        assert_eq!(octal("640"), Ok(0o640));
        assert_eq!(octal("0444"), Ok(0o444));
        for text in ["", "rw", "648", "1777", "-1"] {
            assert!(octal(text).unwrap_err().contains("octal"), "{text}");
        }
    }
}
