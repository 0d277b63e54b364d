//! Which core a thread runs on.

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::error::Error;

/// The calling thread.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// Binds the calling thread, and those that it starts from now on, to one core.
///
/// # Errors
/// [`Error::Option`] if the process may not run on that core, with those on which it may.
pub fn pin(core: usize) -> Result<(), Error> {
    let allowed = sched_getaffinity(THIS_THREAD);
    // The system would allow cores that somebody took away from this thread on purpose.
    let is_allowed = allowed.is_ok_and(|allowed| allowed.is_set(core).unwrap_or(false));
    let mut one = CpuSet::new();
    let mut set = || one.set(core).and_then(|()| sched_setaffinity(THIS_THREAD, &one));
    if is_allowed && set().is_ok() { Ok(()) } else { Err(refused(core, allowed)) }
}

fn refused(core: usize, allowed: Result<CpuSet, Errno>) -> Error {
    let found = match allowed {
        Ok(allowed) => format!("{core}; those are {}", list(&allowed)),
        Err(_) => core.to_string(),
    };
    Error::Option { name: "pin", expected: "a core that this process may run on", found }
}

/// The cores of a set, such as `0-3, 8`.
fn list(cores: &CpuSet) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for core in (0..CpuSet::count()).filter(|core| cores.is_set(*core).unwrap_or(false)) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => runs.push((core, core)),
        }
    }
    let run = |(first, last): (usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.into_iter().map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_its_core_alone() {
        let allowed = sched_getaffinity(THIS_THREAD).unwrap();
        let core = (0..CpuSet::count()).find(|core| allowed.is_set(*core).unwrap()).unwrap();
        pin(core).unwrap();
        let now = sched_getaffinity(THIS_THREAD).unwrap();
        assert_eq!(list(&now), core.to_string());
        // From here on every other core is one that this thread may not run on.
        let error = pin(core + 1).unwrap_err().to_string();
        let expected = format!("found {}; those are {core}", core + 1);
        assert!(error.contains(&expected), "{error}");
        assert_eq!(sched_getaffinity(THIS_THREAD).unwrap(), now);
    }

    #[test]
    fn a_core_that_does_not_exist_is_refused() {
        for core in [CpuSet::count() - 1, CpuSet::count(), usize::MAX] {
            let error = pin(core).unwrap_err().to_string();
            assert!(error.contains("option pin: expected a core"), "{error}");
        }
    }

    #[test]
    fn cores_are_listed_as_runs() {
        let mut cores = CpuSet::new();
        for core in [0, 1, 2, 5, 7, 8] {
            cores.set(core).unwrap();
        }
        assert_eq!(list(&cores), "0-2, 5, 7-8");
        assert_eq!(list(&CpuSet::new()), "");
    }
}
