//! The one way to stdout: buffered, and with the errors of writing as [`Failure`]s.

use crate::failure::Failure;
use anstream::{AutoStream, ColorChoice};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt::Arguments;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::fd::AsFd;

const BUFFER_BYTES: usize = 1 << 16;

/// Stdout for data.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    has_color: bool,
}

impl Output {
    /// Takes stdout for the rest of the process.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout().lock();
        let has_color = AutoStream::choice(&stdout) != ColorChoice::Never;
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, stdout), has_color }
    }

    /// Whether escape sequences for bold and colour are welcome.
    pub(crate) fn has_color(&self) -> bool {
        self.has_color
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(Failure::io(WRITE))
    }

    /// What `write!` and `writeln!` call.
    pub(crate) fn write_fmt(&mut self, arguments: Arguments<'_>) -> Result<(), Failure> {
        self.out.write_fmt(arguments).map_err(Failure::io(WRITE))
    }

    /// Hands everything written so far to the system.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::io(WRITE))
    }

    /// Fails if stdout is a pipe that nobody reads any more. A program that waits for data would
    /// otherwise notice only at its next line, which may never come.
    pub(crate) fn check_reader(&self) -> Result<(), Failure> {
        let mut stdout = [PollFd::new(self.out.get_ref().as_fd(), PollFlags::empty())];
        let ready = poll(&mut stdout, PollTimeout::ZERO).unwrap_or(0);
        let events = stdout.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if ready > 0 && events.contains(PollFlags::POLLERR) {
            return Err(Failure::io(WRITE)(io::ErrorKind::BrokenPipe.into()));
        }
        Ok(())
    }
}

const WRITE: &str = "write to stdout";
