//! One process of the demo.

use crate::failure::Failure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::{DIRECTORY_VARIABLE, Directory};

/// What a part said about itself.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) part: &'static str,
    pub(super) value: Value,
}

/// A running part. It is killed when it is dropped before it has ended.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    child: Child,
}

/// A directory in memory for the bus, removed when it is dropped.
pub(super) fn directory() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("tickring-demo-").tempdir_in(parent)
}

impl Part {
    /// Starts this very program with other words, reporting each second.
    pub(super) fn start(
        name: &'static str,
        words: Vec<String>,
        directory: &Directory,
        reports: Sender<Report>,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("find this program"))?;
        let mut child = Command::new(program)
            .args(words)
            .args(["--stats", "--json"])
            .env(DIRECTORY_VARIABLE, directory.root())
            .env(crate::service::PARENT_VARIABLE, std::process::id().to_string())
            // Ctrl-C is for the demo, which ends its parts in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::io("start a part of the demo"))?;
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let Ok(value) = serde_json::from_str(&line) else { continue };
                    if reports.send(Report { part: name, value }).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name, child })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Finds out that the part has ended before its time.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait().map_err(Failure::io("wait for a part of the demo"))? {
            None => Ok(()),
            Some(status) => Err(Failure::Part { name: self.name, status: status.to_string() }),
        }
    }

    /// Sends SIGTERM.
    pub(super) fn ask_to_end(&self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // A part that has just ended is what was asked for.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    /// Waits for the end until `deadline`.
    pub(super) fn wait(&mut self, deadline: Instant) -> Result<(), Failure> {
        loop {
            let status = self.child.try_wait().map_err(Failure::io("wait for a part"))?;
            let failed = |status: String| Err(Failure::Part { name: self.name, status });
            match status {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return failed(status.to_string()),
                None if Instant::now() > deadline => return failed("did not end".to_owned()),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
