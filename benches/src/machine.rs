//! What a result was measured on.

use crate::failure::Failure;
use crate::pin;
use crate::shared::CLOCK_NAME;
use std::fs;
use std::path::Path;

/// The fields of `/proc/self/stat` behind the name in brackets before the scheduling policy.
const POLICY_FIELD: usize = 38;

/// The machine, as far as a result depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Processes that wanted to run in the last minute, on average: above 0.5 the machine was
    /// not quiet before the run.
    pub load_average: String,
    /// Scheduling of this process.
    pub scheduling: Scheduling,
    /// Whether the kernel says that the clock runs at one rate always.
    pub has_constant_clock: bool,
}

/// How the system lets this process run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// Like every other process.
    Ordinary,
    /// Before every ordinary process: SCHED_FIFO or SCHED_RR.
    RealTime,
}

impl Machine {
    /// Asks the system. What it does not tell is "unknown".
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the allowed cores cannot be asked for.
    pub fn inspect() -> Result<Self, Failure> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = field(&cpuinfo, "flags").unwrap_or_default();
        let has = |flag| flags.split_whitespace().any(|found| found == flag);
        let word_of = |path: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace().next().unwrap_or("unknown").to_owned()
        };
        Ok(Self {
            processor: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            kernel: word_of("/proc/sys/kernel/osrelease"),
            cores: pin::allowed()?.len(),
            load_average: word_of("/proc/loadavg"),
            scheduling: scheduling(&fs::read_to_string("/proc/self/stat").unwrap_or_default()),
            has_constant_clock: CLOCK_NAME != "TSC" || (has("constant_tsc") && has("nonstop_tsc")),
        })
    }
}

/// What this process has in memory, in MiB.
///
/// # Errors
///
/// [`Failure::Io`] if the system does not tell.
pub fn resident_mib() -> Result<f64, Failure> {
    let path = Path::new("/proc/self/statm");
    let text = fs::read_to_string(path).map_err(|source| Failure::io("read", path, source))?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    // Pages of 4 KiB, as everywhere here.
    Ok(pages.unwrap_or_default() * 4096.0 / (1024.0 * 1024.0))
}

/// The value of the first line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// Reads the scheduling policy out of `/proc/self/stat`: 1 is SCHED_FIFO, 2 is SCHED_RR.
fn scheduling(stat: &str) -> Scheduling {
    // The name of the program stands in brackets and may hold anything.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    match behind.split_whitespace().nth(POLICY_FIELD) {
        Some("1" | "2") => Scheduling::RealTime,
        _ => Scheduling::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_found_behind_any_name() {
        let stat = |policy: u32| {
            let zeros = ["0"; 36].join(" ");
            format!("7 (a) b (c) S 1 {zeros} {policy} 0 0")
        };
        assert_eq!(scheduling(&stat(0)), Scheduling::Ordinary);
        assert_eq!(scheduling(&stat(1)), Scheduling::RealTime);
        assert_eq!(scheduling(&stat(2)), Scheduling::RealTime);
        assert_eq!(scheduling(""), Scheduling::Ordinary);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 17\nmodel name\t: Some Processor\n";
        assert_eq!(field(text, "model name"), Some("Some Processor"));
        assert_eq!(field(text, "name"), None);
    }

    #[test]
    fn this_machine_has_a_core() {
        assert!(Machine::inspect().unwrap().cores > 0);
    }
}
