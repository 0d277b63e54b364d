//! Forks of a test process, for children that must be cheap or must share what only a fork can.

#![expect(unsafe_code, reason = "fork and _exit")]

use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The exit code of a child that panicked.
const PANICKED: i32 = 101;

/// A forked child, which is killed when it is dropped.
pub(crate) struct Fork {
    pid: Pid,
    is_over: bool,
}

impl Fork {
    /// Runs `f` in a fork of this process, which ends with the exit code that `f` returns.
    pub(crate) fn start(f: impl FnOnce() -> i32) -> Self {
        // SAFETY: the tests fork in processes of their own, whose only other thread is that of
        // the test harness, which waits and holds no lock: the child may go on as if nothing had
        // happened.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Self { pid: child, is_over: false },
            ForkResult::Child => {
                let code = catch_unwind(AssertUnwindSafe(|| {
                    // Nobody is left behind by a test that is killed.
                    set_pdeathsig(Signal::SIGKILL).unwrap();
                    f()
                }));
                // SAFETY: ends the child without running what its parent will run at its own end.
                unsafe { libc::_exit(code.unwrap_or(PANICKED)) }
            }
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until the child has stopped or ended.
    pub(crate) fn wait(&mut self) -> WaitStatus {
        let status = waitpid(self.pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        self.is_over = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        status
    }

    /// Kills the child with SIGKILL and waits until the system has let go of all it had.
    pub(crate) fn kill(&mut self) {
        kill(self.pid, Signal::SIGKILL).unwrap();
        while !self.is_over {
            self.wait();
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
        }
    }
}
