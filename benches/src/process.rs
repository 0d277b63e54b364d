//! This binary once more, as another process that is talked to in lines of text.

use crate::failure::Failure;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The option with which a process becomes a reading side.
pub const READS_OPTION: &str = "--reads";
/// What the reading side says when it listens.
pub const READY: &str = "ready";

/// A reading process, which ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this binary again, reading in `root` on `core`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if it cannot be started; [`Failure::Protocol`] if it ends at once, with
    /// the reason in its own message.
    pub fn start(root: &Path, core: usize) -> Result<Self, Failure> {
        let binary = env::current_exe()
            .map_err(|source| Failure::io("find", Path::new("this program"), source))?;
        let mut child = Command::new(&binary)
            .arg(READS_OPTION)
            .arg(root)
            .args(["--parent", &std::process::id().to_string(), "--core", &core.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::io("start", &binary, source))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were piped")
        };
        let mut process = Self { child, input, output: BufReader::new(output) };
        process.expect_ready()?;
        Ok(process)
    }

    /// Sends it a line.
    ///
    /// # Errors
    ///
    /// [`Failure::Protocol`] if it has ended.
    pub fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let sent = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        let ended = |source: io::Error| Failure::Protocol {
            expected: "to be listened to",
            found: source.to_string(),
        };
        sent.map_err(ended)
    }

    /// Waits for a line of it, which is empty if it has ended.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if it cannot be read.
    pub fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .map_err(|source| Failure::io("read from", Path::new("the other process"), source))?;
        Ok(line.trim_end().to_owned())
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Protocol`] if it says something else.
    pub fn expect_ready(&mut self) -> Result<(), Failure> {
        let found = self.line()?;
        if found == READY { Ok(()) } else { Err(Failure::Protocol { expected: READY, found }) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says a line to the process that started this one.
///
/// # Errors
///
/// [`Failure::Io`] if it does not listen any more.
pub fn answer(line: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|source| Failure::io("write to", Path::new("standard output"), source))
}
