//! The outcome as text: for the terminal, and as a dated record.

use crate::machine::{Machine, Scheduling};
use crate::report;
use crate::run::Outcome;
use crate::shared::CLOCK_NAME;
use jiff::Timestamp;

/// The tables, with a line above each.
#[must_use]
pub fn text(outcome: &Outcome) -> String {
    let sections = [
        ("Limits of the machine in this run", report::limits(outcome)),
        ("One-way latency from the scheduled time", report::latency(outcome)),
        ("Full speed", report::throughput(outcome)),
        ("Tails, and interruptions in the same bursts", report::tails(outcome)),
    ];
    let sections = sections.map(|(title, table)| format!("## {title}\n\n{table}"));
    let remarks = remarks(outcome).into_iter().map(|remark| format!("- {remark}\n"));
    format!("{}\n## To be kept in mind\n\n{}", sections.join("\n"), remarks.collect::<String>())
}

/// The dated record in markdown. `command` is what measures the same again.
#[must_use]
pub fn markdown(outcome: &Outcome, command: &str, now: Timestamp) -> String {
    let Machine { processor, kernel, cores, load_average, scheduling, .. } = &outcome.machine;
    let plan = &outcome.plan;
    let scheduling = match scheduling {
        Scheduling::Ordinary => "ordinary",
        Scheduling::RealTime => "real-time (`chrt` before the command), a rest after each burst",
    };
    format!(
        "# One-way latency and throughput, {date}\n\n\
         - Processor: {processor}; cores allowed: {cores}; sender on core {sender}, reader on \
         core {receiver}\n\
         - Kernel: Linux {kernel}\n\
         - Load average before the run: {load_average}; scheduling: {scheduling}\n\
         - Clock: {CLOCK_NAME}, {rate:.4} ticks a nanosecond\n\
         - Rounds: {rounds}; bursts of {burst:?}, each between ping-pongs of {ping:?}\n\
         - Command: `{command}`\n\n\
         Figures are medians over the samples with [smallest..largest]; pp is the one-way time \
         of a\ncache line between the two cores, near below 80 ns, measured before and after \
         each burst.\n\n{tables}",
        date = now.strftime("%Y-%m-%d %H:%M UTC"),
        sender = plan.cores.sender,
        receiver = plan.cores.receiver,
        rate = outcome.clock.ticks_per_ns(),
        rounds = plan.rounds,
        burst = plan.burst,
        ping = plan.ping,
        tables = text(outcome),
    )
}

fn remarks(outcome: &Outcome) -> Vec<String> {
    let mut remarks = report::remarks(outcome);
    let machine = &outcome.machine;
    let is_quiet = machine.load_average.parse().is_ok_and(|load: f64| load < 0.5);
    if !is_quiet {
        let load = &machine.load_average;
        remarks.push(format!("The machine was not quiet: load average {load} before the run."));
    }
    if machine.scheduling == Scheduling::Ordinary {
        remarks.push(
            "Bursts were not protected from other processes (run under `chrt -f 10` for that): \
             p99.9 and max are the machine's."
                .to_owned(),
        );
    }
    if !machine.has_constant_clock {
        remarks.push("The kernel does not call this machine's TSC constant.".to_owned());
    }
    remarks.push(
        "A time includes reading the clock once, about 10 ns. Both sides spin without a pause. \
         Records at full speed are lossy: what the reader did not keep up with is missed, and \
         counted."
            .to_owned(),
    );
    remarks
}
