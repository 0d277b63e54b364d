//! Steps that a person allows: lines of stdin, for the pace `step`.

use crate::failure::Failure;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::Duration;

/// Bytes of a line that are kept: a number of steps has no more.
const LONGEST_LINE: usize = 20;

/// Lines from stdin, without waiting for them longer than asked.
#[derive(Debug)]
pub(crate) struct Steps {
    input: File,
    /// The line that is not at its end yet.
    line: Vec<u8>,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// So many steps, perhaps none.
    Steps(u64),
    /// No line will come any more.
    End,
}

impl Steps {
    /// Takes stdin.
    pub(crate) fn of_stdin() -> Result<Self, Failure> {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        let input = File::from(stdin.map_err(Failure::io("read stdin"))?);
        Ok(Self { input, line: Vec::new() })
    }

    /// Waits for a line, for `limit` at most. An empty line is a step; one that begins with a
    /// number is so many.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Allowed, Failure> {
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut waited = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, timeout) {
            // A signal: whoever waits looks at those.
            Ok(0) | Err(Errno::EINTR) => return Ok(Allowed::Steps(0)),
            Ok(_) => {}
            Err(errno) => return Err(Failure::io("wait for stdin")(errno.into())),
        }
        let mut bytes = [0; 4096];
        match self.input.read(&mut bytes) {
            Ok(0) => Ok(Allowed::End),
            Ok(read) => Ok(Allowed::Steps(self.take(bytes.get(..read).unwrap_or_default()))),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Allowed::Steps(0)),
            Err(error) => Err(Failure::io("read stdin")(error)),
        }
    }

    /// Counts the steps of the lines that end in these bytes.
    fn take(&mut self, bytes: &[u8]) -> u64 {
        let mut steps = 0_u64;
        for byte in bytes {
            if *byte == b'\n' {
                steps = steps.saturating_add(steps_of(&self.line));
                self.line.clear();
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(*byte);
            }
        }
        steps
    }
}

/// The steps that a line is.
fn steps_of(line: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(line);
    text.trim().parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_step_or_as_many_as_it_says() {
        let mut steps = Steps::of_stdin().unwrap();
        for (bytes, taken) in [
            (&b"\n"[..], 1),
            (b"\n\n\n", 3),
            (b"12\n", 12),
            (b" 7 \r\n", 7),
            (b"next\n", 1),
            (b"0\n", 0),
            (b"1", 0),
            (b"0", 0),
            (b"\n5\n", 15),
            (b"99999999999999999999999999\n", 1),
            (b"-1\n", 1),
        ] {
            assert_eq!(steps.take(bytes), taken, "{}", bytes.escape_ascii());
        }
    }
}
