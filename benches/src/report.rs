//! Tables of an outcome, for each state of the machine apart.

use crate::case::{CASES, Case};
use crate::clock::Clock;
use crate::distribution::Distribution;
use crate::ping::State;
use crate::run::Outcome;
use crate::sample::Sample;
use crate::spread::Spread;
use crate::table::Table;
use std::time::Duration;

/// Samples of one case in one state from which on a comparison means something.
pub const ENOUGH_SAMPLES: usize = 5;
/// Times that latencies and interruptions are counted above, with their names.
const THRESHOLDS: [(Duration, &str); 8] = [
    (Duration::from_nanos(500), "0.5 µs"),
    (Duration::from_micros(1), "1 µs"),
    (Duration::from_micros(2), "2 µs"),
    (Duration::from_micros(5), "5 µs"),
    (Duration::from_micros(10), "10 µs"),
    (Duration::from_micros(100), "100 µs"),
    (Duration::from_millis(1), "1 ms"),
    (Duration::from_millis(10), "10 ms"),
];

/// All samples of one case in one state.
struct Group<'o> {
    case: Case,
    state: State,
    samples: Vec<&'o Sample>,
}

impl<'o> Group<'o> {
    /// The groups that have samples, without mixed ones.
    fn all(outcome: &'o Outcome) -> impl Iterator<Item = Self> {
        let of = |case: Case, state: State| {
            let belongs = |sample: &&Sample| sample.case == case && sample.state() == state;
            Self { case, state, samples: outcome.samples.iter().filter(belongs).collect() }
        };
        CASES
            .into_iter()
            .flat_map(move |case| [State::Near, State::Far].map(|state| of(case, state)))
            .filter(|group| !group.samples.is_empty())
    }

    /// The spread of a quantity over the samples.
    fn spread(&self, quantity: impl Fn(&Sample) -> f64) -> String {
        let spread = Spread::of(self.samples.iter().map(|sample| quantity(sample)));
        spread.map_or_else(|| "-".to_owned(), |spread| spread.to_string())
    }

    fn sum(&self, quantity: impl Fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(|sample| quantity(sample)).sum()
    }

    fn missed(&self) -> u64 {
        self.sum(|sample| sample.tally.as_ref().map_or(0, |tally| tally.missed))
    }

    fn cells(&self) -> Vec<String> {
        vec![self.case.name.to_owned(), self.state.to_string(), self.samples.len().to_string()]
    }
}

/// One-way latency at a given rate, by case and state.
#[must_use]
pub fn latency(outcome: &Outcome) -> String {
    let clock = &outcome.clock;
    let mut table = Table::new(&[
        "rate",
        "state",
        "samples",
        "n",
        "missed",
        "pp ns",
        "p50 ns",
        "p50 / pp",
        "p99 ns",
        "p99.9 ns",
        "max ns",
        "longest gap reader ns",
        "longest gap sender ns",
    ]);
    for group in Group::all(outcome).filter(|group| group.case.is_paced()) {
        let quantile = |quantile: f64| {
            group.spread(move |sample| sample.latency_ns(quantile, clock).unwrap_or(f64::NAN))
        };
        let timed = |sample: &Sample| sample.tally.as_ref().map_or(0, |tally| tally.latency.len());
        let gap = |sample: &Sample| sample.tally.as_ref().map_or(0, |tally| tally.gaps.max());
        let mut cells = group.cells();
        cells.extend([
            group.sum(timed).to_string(),
            group.missed().to_string(),
            group.spread(Sample::pp_ns),
            quantile(0.5),
            group.spread(|sample| {
                sample.latency_ns(0.5, clock).unwrap_or(f64::NAN) / sample.pp_ns()
            }),
            quantile(0.99),
            quantile(0.999),
            quantile(1.0),
            group.spread(|sample| clock.ns(gap(sample))),
            group.spread(|sample| clock.ns(sample.sent.gaps.max())),
        ]);
        table.rows.push(cells);
    }
    table.text()
}

/// Throughput at full speed, by case and state.
#[must_use]
pub fn throughput(outcome: &Outcome) -> String {
    let clock = &outcome.clock;
    let mut table = Table::new(&[
        "case",
        "state",
        "samples",
        "sent",
        "missed",
        "pp ns",
        "ns per record",
        "best window ns",
        "ns per record / pp",
        "GB/s read",
        "/ memcpy L3",
        "/ memcpy DRAM",
    ]);
    for group in Group::all(outcome).filter(|group| !group.case.is_paced()) {
        let mut cells = group.cells();
        cells.extend([
            group.sum(|sample| sample.sent.records).to_string(),
            if group.case.is_read { group.missed().to_string() } else { "-".to_owned() },
            group.spread(Sample::pp_ns),
            group.spread(|sample| sample.ns_per_record(clock)),
            group.spread(|sample| sample.sent.best_ns_per_record),
            group.spread(|sample| sample.ns_per_record(clock) / sample.pp_ns()),
            group.spread(|sample| sample.delivered_rate(clock)),
            group.spread(|sample| sample.delivered_rate(clock) / sample.copy.l3),
            group.spread(|sample| sample.delivered_rate(clock) / sample.copy.dram),
        ]);
        table.rows.push(cells);
    }
    table.text()
}

/// How many latencies are above which time, with the interruptions of the same bursts beside.
#[must_use]
pub fn tails(outcome: &Outcome) -> String {
    let names = THRESHOLDS.map(|(_, name)| format!("> {name}"));
    let mut table = Table::new(&["rate", "state", "what", "n"]);
    table.head.extend(names);
    let clock = &outcome.clock;
    for group in Group::all(outcome).filter(|group| group.case.is_paced()) {
        let (mut latency, mut reader, mut sender) =
            (Distribution::new(), Distribution::new(), Distribution::new());
        let mut seconds = 0.0;
        for sample in &group.samples {
            seconds += clock.ns(sample.sent.elapsed_ticks) * 1e-9;
            sender.merge(&sample.sent.gaps);
            if let Some(tally) = &sample.tally {
                latency.merge(&tally.latency);
                reader.merge(&tally.gaps);
            }
        }
        let share = |above: u64| format!("{:.5}", above as f64 / latency.len().max(1) as f64);
        let often = |above: u64| format!("{:.0}", above as f64 / seconds);
        table.rows.push(tail(&group, "share of records slower", &latency, clock, share));
        table.rows.push(tail(&group, "gaps of the reader per second", &reader, clock, often));
        table.rows.push(tail(&group, "gaps of the sender per second", &sender, clock, often));
    }
    table.text()
}

fn tail(
    group: &Group<'_>,
    what: &str,
    values: &Distribution,
    clock: &Clock,
    write: impl Fn(u64) -> String,
) -> Vec<String> {
    let mut cells = vec![group.case.name.to_owned(), group.state.to_string(), what.to_owned()];
    cells.push(values.len().to_string());
    cells.extend(THRESHOLDS.map(|(time, _)| write(values.above(clock.ticks(time)))));
    cells
}

/// The limits of the machine in this run.
#[must_use]
pub fn limits(outcome: &Outcome) -> String {
    let mut table = Table::new(&["limit", "samples", "median [min..max]"]);
    let mut row = |name: &str, values: Vec<f64>| {
        if let Some(spread) = Spread::of(values.iter().copied()) {
            let count = values.len().to_string();
            table.rows.push(vec![name.to_owned(), count, spread.to_string()]);
        }
    };
    let samples = &outcome.samples;
    for state in [State::Near, State::Far] {
        let of_state = samples.iter().filter(|sample| sample.state() == state);
        let name = format!("ping-pong one way, {state}, ns (pp)");
        row(&name, of_state.map(Sample::pp_ns).collect());
    }
    let first = CASES.first();
    let rounds = || samples.iter().filter(|sample| Some(&sample.case) == first);
    row("memcpy L3, GB/s", rounds().map(|sample| sample.copy.l3).collect());
    row("memcpy DRAM, GB/s", rounds().map(|sample| sample.copy.dram).collect());
    table.text()
}

/// What a reader of the tables has to know about this run.
#[must_use]
pub fn remarks(outcome: &Outcome) -> Vec<String> {
    let mixed = outcome.samples.iter().filter(|sample| sample.state() == State::Mixed).count();
    let agreement = &outcome.agreement;
    let mut remarks = vec![
        format!(
            "{mixed} of {} samples were mixed (another state after the burst than before, or \
             interrupted) and are left out.",
            outcome.samples.len()
        ),
        format!(
            "One-way times are differences of two cores' clocks: offset {:.0} ns ± {:.0} ns by \
             the quickest of {} answers, none of which was stamped outside its round trip.",
            agreement.offset_ns, agreement.uncertainty_ns, agreement.rounds
        ),
    ];
    let few: Vec<String> = Group::all(outcome)
        .filter(|group| group.samples.len() < ENOUGH_SAMPLES)
        .map(|group| format!("{} {}", group.case.name, group.state))
        .collect();
    if !few.is_empty() {
        remarks.push(format!(
            "Fewer than {ENOUGH_SAMPLES} samples, not to be compared: {}.",
            few.join("; ")
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_table_stand_below_each_other() {
        let mut table = Table::new(&["a", "bcd"]);
        table.rows.push(vec!["1 µs".to_owned(), "2".to_owned()]);
        assert_eq!(table.text(), "| a    | bcd |\n|------|-----|\n| 1 µs | 2   |\n");
    }
}
