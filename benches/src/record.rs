//! The outcome as text: for the terminal, and as a dated record.

use crate::harness::Findings;
use crate::machine::Scheduling;
use crate::report;
use crate::run::Outcome;

/// What came out, with the samples if they are to be shown.
#[must_use]
pub fn findings(outcome: &Outcome, with_samples: bool) -> Findings {
    let plan = &outcome.plan;
    let shown = outcome.samples.iter().filter(|_| with_samples);
    Findings {
        title: "One-way latency and throughput",
        machine: outcome.machine.clone(),
        cores: plan.cores,
        clock: outcome.clock,
        extent: vec![format!(
            "Rounds: {}; bursts of {:?}, each between ping-pongs of {:?}",
            plan.rounds, plan.burst, plan.ping
        )],
        reading: "Figures are medians over the samples with [smallest..largest]; pp is the one-way \
                  time of a\ncache line between the two cores, near below 80 ns, measured before \
                  and after each burst.",
        samples: shown.map(|sample| sample.line(&outcome.clock) + "\n").collect(),
        tables: tables(outcome),
    }
}

/// The tables, with a line above each.
fn tables(outcome: &Outcome) -> String {
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
