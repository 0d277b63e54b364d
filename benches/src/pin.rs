//! Cores: which there are, and staying on one; and not outliving the other process.

use crate::failure::Failure;
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, alarm, getppid};

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// The cores of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The core of the sending process.
    pub sender: usize,
    /// The core of the reading process.
    pub receiver: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    ///
    /// # Errors
    ///
    /// [`Failure::Cores`] if there is only one.
    pub fn first_two() -> Result<Self, Failure> {
        match *allowed()? {
            [sender, receiver, ..] => Ok(Self { sender, receiver }),
            ref fewer => Err(Failure::Cores { allowed: fewer.to_vec() }),
        }
    }
}

/// The cores that this process may use, in ascending order.
///
/// # Errors
///
/// [`Failure::System`] if the system does not tell.
pub fn allowed() -> Result<Vec<usize>, Failure> {
    let set = sched_getaffinity(SELF)
        .map_err(|errno| Failure::System { operation: "ask which cores are allowed", errno })?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core) == Ok(true)).collect())
}

/// Keeps the calling thread on `core`.
///
/// # Errors
///
/// [`Failure::Pin`] if the system refuses.
pub fn pin(core: usize) -> Result<(), Failure> {
    let refused = |errno| Failure::Pin { core, allowed: allowed().unwrap_or_default(), errno };
    let mut set = CpuSet::new();
    set.set(core).map_err(refused)?;
    sched_setaffinity(SELF, &set).map_err(refused)
}

/// Has the system end this process when the process `parent`, which started it, ends.
///
/// # Errors
///
/// [`Failure::System`] if that is not possible, or the parent has ended already.
pub fn die_with(parent: u32) -> Result<(), Failure> {
    let failed = |errno| Failure::System { operation: "tie this process to its parent", errno };
    set_pdeathsig(Signal::SIGKILL).map_err(failed)?;
    // It may have ended before the call above.
    let is_alive = u32::try_from(getppid().as_raw()).is_ok_and(|found| found == parent);
    if is_alive { Ok(()) } else { Err(failed(Errno::ESRCH)) }
}

/// Ends this process by SIGALRM unless it is asked for again within `seconds`: a process that
/// spins on a core of its own must not do so for ever.
pub fn end_after(seconds: u32) {
    alarm::set(seconds.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_can_be_pinned_to_an_allowed_core_and_to_no_other() {
        let core = allowed().unwrap()[0];
        std::thread::spawn(move || {
            pin(core).unwrap();
            assert_eq!(allowed().unwrap(), [core]);
            let refused = pin(CpuSet::count() - 1).unwrap_err().to_string();
            assert!(refused.contains("hint"), "{refused}");
            assert!(matches!(Cores::first_two(), Err(Failure::Cores { .. })));
        })
        .join()
        .unwrap();
    }
}
