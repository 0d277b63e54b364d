//! The outcome as text: for the terminal, and as a dated record.

use super::Outcome;
use super::attach::Step;
use super::cost::{Readers, Rhythm, SLOT_BYTES};
use super::wake::Waiter;
use crate::distribution::Distribution;
use crate::harness::Findings;
use crate::spread::{Spread, median};
use crate::table::Table;

/// Stands for no figure.
const NONE: &str = "-";

/// What came out.
#[must_use]
pub fn findings(outcome: &Outcome) -> Findings {
    let (plan, agreement) = (&outcome.plan, &outcome.agreement);
    let sections = [
        ("From the scheduled time to being read by another process", wake(outcome)),
        ("A reader that nothing comes for", idle(outcome)),
        ("What publishing and polling cost", cost(outcome)),
        ("A ring of 64 MiB", attach(outcome)),
    ];
    let sections = sections.map(|(title, table)| format!("## {title}\n\n{table}"));
    Findings {
        title: "Waiting, being waited for, and attaching",
        machine: outcome.machine.clone(),
        cores: plan.cores,
        clock: outcome.clock,
        extent: vec![
            format!(
                "The cores' clocks differ by {:.0} ns ± {:.0} ns",
                agreement.offset_ns, agreement.uncertainty_ns
            ),
            format!(
                "Rounds: {}, in which all cases take turns; bursts of {:?} at a schedule, {:?} at \
                 full speed; {} tries",
                plan.rounds, plan.paced, plan.full, plan.tries
            ),
        ],
        reading: "Where a figure has brackets it is the median over rounds with \
                  [smallest..largest]. A ratio is one\nwithin a round, so that what moves both \
                  sides of it falls out.",
        samples: String::new(),
        tables: sections.join("\n"),
    }
}

fn shown(spread: Option<Spread>) -> String {
    spread.map_or_else(|| NONE.to_owned(), |spread| spread.to_string())
}

fn wake(outcome: &Outcome) -> String {
    let mut table = Table::new(&[
        "waiting",
        "rate",
        "n",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "max µs",
        "sent late p99.9 µs",
        "p50 / pipe",
        "of its core, %",
    ]);
    for bursts in &outcome.wake.bursts {
        let micros = |ticks: u64| format!("{:.2}", outcome.clock.ns(ticks) / 1e3);
        let at = |latency: &Distribution, quantile| micros(latency.quantile(quantile));
        let (latency, late) = (&bursts.latency, &bursts.late);
        let (name, ratio) = match bursts.waiter {
            Waiter::Pipe => ("line through a pipe".to_owned(), None),
            Waiter::Reader(strategy) => {
                let pipe = outcome.wake.pipe(bursts.per_second);
                (strategy.to_string(), bursts.ratio(pipe))
            }
        };
        table.rows.push(vec![
            name,
            format!("{}/s", bursts.per_second),
            latency.len().to_string(),
            at(latency, 0.5),
            at(latency, 0.99),
            at(latency, 0.999),
            micros(latency.max()),
            at(late, 0.999),
            shown(ratio),
            shown(Spread::of(bursts.busy.iter().map(|share| share * 100.0))),
        ]);
    }
    table.text()
}

fn idle(outcome: &Outcome) -> String {
    let mut table = Table::new(&["waiting", "for", "of its core, %"]);
    for (strategy, share) in &outcome.wake.idle {
        let (idle, share) = (outcome.plan.idle, share * 100.0);
        table.rows.push(vec![strategy.to_string(), format!("{idle:?}"), format!("{share:.3}")]);
    }
    table.text()
}

fn cost(outcome: &Outcome) -> String {
    let costs = &outcome.cost;
    let mut table = Table::new(&[
        "readers",
        "published",
        "batch",
        "ns a record",
        "best",
        "/ no reader",
        "/ memcpy",
        "GB/s",
        "wake-ups a batch and reader",
    ]);
    for cost in &costs.costs {
        let case = cost.case;
        let is_limit = case == case.limit();
        let is_full = case.rhythm == Rhythm::Full;
        let spread = Spread::of(cost.ns.iter().copied());
        let figure = |show: &dyn Fn(Spread) -> String| spread.map_or_else(|| NONE.into(), show);
        table.rows.push(vec![
            case.to_string(),
            if is_full { "at full speed" } else { "with gaps" }.to_owned(),
            case.batch.to_string(),
            shown(spread),
            figure(&|spread| format!("{:.2}", spread.min)),
            if is_limit { NONE.to_owned() } else { shown(costs.ratio(cost)) },
            shown(costs.of_copy(cost).filter(|_| is_full)),
            if is_full {
                figure(&|spread| format!("{:.1}", SLOT_BYTES / spread.median))
            } else {
                NONE.to_owned()
            },
            match case.readers {
                Readers::Idle(_) => NONE.to_owned(),
                Readers::Asleep(_) => {
                    let woken = Spread::of(cost.woken.iter().copied());
                    woken.map_or_else(|| NONE.to_owned(), |woken| format!("{:.4}", woken.median))
                }
            },
        ]);
    }
    let copy = Spread::of(costs.copy_ns.iter().copied());
    let copy_rate = copy.map_or(0.0, |copy| SLOT_BYTES / copy.median);
    let poll = costs.poll_ns.iter().zip(&costs.copy_ns);
    format!(
        "{}\nmemcpy of a slot's 64 bytes, within 4 MiB as the ring has: {} ns, {copy_rate:.1} \
         GB/s. With gaps\nthe median batch counts, and a look at the clock with it \
         (about 10 ns).\n\nPolling a record in the cache: {} ns, {} of that memcpy.\n",
        table.text(),
        shown(copy),
        shown(Spread::of(costs.poll_ns.iter().copied())),
        shown(Spread::of(poll.map(|(poll, copy)| poll / copy))),
    )
}

fn attach(outcome: &Outcome) -> String {
    let times = &outcome.attach;
    let mut table = Table::new(&[
        "step",
        "prefault",
        "n",
        "p50 ms",
        "p99 ms",
        "max ms",
        "/ memset, there",
        "/ memset, fresh",
    ]);
    let divided = |own: &[u64], by: Step| {
        // Two looks at a header belong to one try.
        let each = own.len() / times.of(by).len().max(1);
        let limits = times.of(by).iter().flat_map(|limit| std::iter::repeat_n(*limit, each));
        let ratios = own.iter().zip(limits).map(|(own, by)| *own as f64 / by as f64);
        let ratio = median(&mut ratios.collect::<Vec<_>>());
        ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{ratio:.3}"))
    };
    for time in &times.times {
        let mut counts = Distribution::new();
        time.ns.iter().for_each(|ns| counts.record(*ns));
        let millis = |ns: u64| format!("{:.3}", ns as f64 / 1e6);
        table.rows.push(vec![
            time.step.name().to_owned(),
            time.prefault.map_or(NONE, |prefault| if prefault { "yes" } else { "no" }).to_owned(),
            time.ns.len().to_string(),
            millis(counts.quantile(0.5)),
            millis(counts.quantile(0.99)),
            millis(counts.max()),
            divided(&time.ns, Step::SetAgain),
            divided(&time.ns, Step::SetFresh),
        ]);
    }
    table.text()
}
