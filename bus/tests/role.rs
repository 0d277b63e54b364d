//! Another process of this very binary: it runs one test, which plays the role it is told.

use crate::support::Bench;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::env;
use std::ffi::OsStr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A child that outlives this is stuck: the test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A child process that is killed when the test is over, however it ends.
pub(crate) struct Role(Child);

impl Role {
    /// Environment variable that names the role which a process plays.
    pub(crate) const VARIABLE: &str = "TICKRING_TEST_ROLE";

    /// Starts test `entry` in a process of its own, to play `role` on the bench.
    pub(crate) fn start(entry: &str, role: &str, bench: &Bench) -> Self {
        let mut command = Self::command(entry, role, bench);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// As [`start`](Self::start), with more environment variables.
    pub(crate) fn start_with(
        entry: &str,
        role: &str,
        bench: &Bench,
        variables: &[(&str, &OsStr)],
    ) -> Self {
        let mut command = Self::command(entry, role, bench);
        command.envs(variables.iter().copied());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Makes it stand still; when this returns it does.
    pub(crate) fn pause(&self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(id, Signal::SIGSTOP).unwrap();
        nix::sys::wait::waitpid(id, Some(WaitPidFlag::WUNTRACED)).unwrap();
    }

    pub(crate) fn resume(&self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(id, Signal::SIGCONT).unwrap();
    }

    /// Lets test `entry` play `role` to its end, which must be a good one, and prints what it
    /// had to say in lines that begin with the role.
    pub(crate) fn play(entry: &str, role: &str, bench: &Bench) {
        let output = Self::command(entry, role, bench).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        // The harness succeeds as well if it finds no such test.
        let is_played = said.contains("1 passed");
        let is_good = output.status.success() && is_played;
        assert!(is_good, "{role}: {}\n{said}\n{complaint}", output.status);
        for line in said.lines().filter(|line| line.starts_with(role)) {
            println!("{line}");
        }
    }

    fn command(entry: &str, role: &str, bench: &Bench) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            // One test: the process has no thread besides it but the harness's, which waits.
            .args(["--exact", entry, "--nocapture", "--test-threads=1"])
            .env(Self::VARIABLE, role)
            .env(tickring::DIRECTORY_VARIABLE, bench.directory.root());
        command
    }

    /// The role that this process plays; `None` if it runs the tests themselves.
    pub(crate) fn own() -> Option<String> {
        env::var(Self::VARIABLE).ok()
    }

    pub(crate) fn kill(mut self) -> ExitStatus {
        self.0.kill().unwrap();
        self.0.wait().unwrap()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the other side is stuck");
            thread::yield_now();
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
