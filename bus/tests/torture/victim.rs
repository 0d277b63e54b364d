//! A writer process that is stopped right before an operation and then driven through it one
//! instruction at a time: any instruction can be its last, and the code that ships is the code
//! that is killed.

use crate::fork::Fork;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::WaitStatus;

/// The exit code of a victim that may not be traced.
const NOT_PERMITTED: i32 = 77;

/// How far the operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    /// It is over; the victim stands behind it.
    Ended,
}

/// A traced process.
pub(crate) struct Victim(Fork);

impl Victim {
    /// Forks a process that runs `before` and stops in front of `operation`; `None` if the
    /// system does not permit tracing.
    pub(crate) fn start<T>(
        before: impl FnOnce() -> T,
        operation: impl FnOnce(&mut T),
    ) -> Option<Self> {
        let mut fork = Fork::start(|| {
            if ptrace::traceme().is_err() {
                return NOT_PERMITTED;
            }
            let mut state = before();
            raise(Signal::SIGSTOP).unwrap();
            operation(&mut state);
            raise(Signal::SIGSTOP).unwrap();
            0
        });
        match fork.wait() {
            WaitStatus::Exited(_, NOT_PERMITTED) => return None,
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            status => panic!("the victim did not get as far as its operation: {status:?}"),
        }
        ptrace::setoptions(fork.pid(), Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD)
            .ok()?;
        Some(Self(fork))
    }

    /// Lets one instruction happen.
    pub(crate) fn step(&mut self) -> Progress {
        ptrace::step(self.0.pid(), None).unwrap();
        self.settle()
    }

    /// Lets everything happen up to the entry of, or the return from, the next system call.
    pub(crate) fn step_to_system_call(&mut self) -> Progress {
        ptrace::syscall(self.0.pid(), None).unwrap();
        self.settle()
    }

    /// Goes on until the operation has tried to take the writer lock: behind it a takeover makes
    /// its first store.
    pub(crate) fn step_to_lock(&mut self) -> Progress {
        let fcntl = u64::try_from(libc::SYS_fcntl).unwrap();
        let set_lock = u64::try_from(libc::F_OFD_SETLK).unwrap();
        let mut is_locking = false;
        loop {
            if self.step_to_system_call() == Progress::Ended {
                return Progress::Ended;
            }
            if is_locking {
                return Progress::Running;
            }
            is_locking = self.system_call() == Some((fcntl, set_lock));
        }
    }

    /// Number and second argument of the system call that the victim is about to make.
    #[expect(unsafe_code, reason = "the system tells by a tag which part of a union it filled")]
    fn system_call(&self) -> Option<(u64, u64)> {
        let info = ptrace::syscall_info(self.0.pid()).unwrap();
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        // SAFETY: `op` says that this is the part that holds values.
        let entry = unsafe { info.u.entry };
        Some((entry.nr, entry.args[1]))
    }

    /// Kills the victim where it stands.
    pub(crate) fn kill(mut self) {
        self.0.kill();
    }

    fn settle(&mut self) -> Progress {
        match self.0.wait() {
            WaitStatus::Stopped(_, Signal::SIGTRAP) | WaitStatus::PtraceSyscall(_) => {
                Progress::Running
            }
            WaitStatus::Stopped(_, Signal::SIGSTOP) => Progress::Ended,
            status => panic!("the victim did not survive its operation: {status:?}"),
        }
    }
}
