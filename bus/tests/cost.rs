//! What the data path does not do once it is warm: allocate memory, or call the system.

use crate::allocations;
use crate::role::Role;
use crate::support::{Bench, trade};
use crate::torture::victim::{Progress, Victim};
use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{Command, Stdio};
use tickring::{Batch, Poll, Reader, Start, Writer};

const ENTRY: &str = "cost::other_side";
const CAPACITY: u64 = 1 << 10;
/// Rounds of the work; each is more than a lap of the time index, and all of them lap the ring.
const ROUNDS: u64 = 100;
/// Records that a round publishes.
const SOME: u64 = 70;

/// A ring with a writer and readers, each of which reads in its own way.
struct Market {
    writer: Writer,
    copier: Reader,
    batcher: Reader,
    viewer: Reader,
    batch: Batch,
}

impl Market {
    fn new(bench: &Bench) -> Self {
        let writer = bench.writer();
        let reader = || bench.reader(Start::Oldest);
        let (copier, batcher, viewer) = (reader(), reader(), reader());
        Self { writer, copier, batcher, viewer, batch: Batch::new() }
    }

    fn publish(&mut self) {
        for _ in 0..SOME {
            let n = self.writer.next_seq();
            self.writer.publish(&trade(n)).unwrap();
        }
    }

    fn publish_batch(&mut self) {
        let n = self.writer.next_seq();
        self.writer.publish_batch(&[trade(n), trade(n + 1), trade(n + 2)]).unwrap();
    }

    fn stage_and_flush(&mut self) {
        for _ in 0..SOME {
            let n = self.writer.next_seq();
            self.writer.stage(&trade(n)).unwrap();
        }
        self.writer.flush();
    }

    fn claim(&mut self) {
        for _ in 0..SOME {
            let n = self.writer.next_seq();
            let mut claim = self.writer.claim();
            claim.write(&trade(n)).unwrap();
            claim.commit();
        }
    }

    /// Up to and with the poll that finds nothing, and so the ones that find a lap.
    fn poll(&mut self) {
        while self.copier.poll() != Poll::Empty {}
    }

    fn poll_batch(&mut self) {
        while self.batcher.poll_batch(&mut self.batch, 64) != Poll::Empty {}
    }

    fn view(&mut self) {
        let sum = |view: &tickring::View<'_>| view.iter().map(|record| record.word(1)).max();
        while self.viewer.view(64, sum) != Poll::Empty {}
    }

    /// The control path, for comparison.
    fn claim_and_ask(&mut self) {
        drop(self.writer.claim());
        assert_eq!(self.writer.vanished(), None);
    }
}

type Work = fn(&mut Market);

const WORK: [(&str, Work); 7] = [
    ("publish", Market::publish),
    ("publish_batch", Market::publish_batch),
    ("stage and flush", Market::stage_and_flush),
    ("claim", Market::claim),
    ("poll", Market::poll),
    ("poll_batch", Market::poll_batch),
    ("view", Market::view),
];

fn work(market: &mut Market) {
    for (_, work) in WORK {
        work(market);
    }
}

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    println!();
    let bench = Bench::inherited(CAPACITY);
    match role.as_str() {
        "calls" => count_calls(&role, &bench),
        "rounds" => {
            let mut market = Market::new(&bench);
            let rounds: u64 = env::var(ROUNDS_VARIABLE).unwrap().parse().unwrap();
            (0..rounds).for_each(|_| work(&mut market));
        }
        other => panic!("no role {other}"),
    }
}

/// Counts how often a victim enters or leaves a system call while it works, besides those of
/// its stops: as many as there are without any work.
fn count_calls(role: &str, bench: &Bench) {
    let Some(idle) = stops(bench, |_| {}) else {
        println!("{role}: skipped, the system does not permit ptrace");
        return;
    };
    for (name, work) in WORK {
        let stops = stops(bench, work).unwrap();
        println!("{role}: {name}: {} in {ROUNDS} rounds", stops - idle);
        assert_eq!(stops, idle, "{name} calls the system");
    }
    let control = stops(bench, |market| market.claim_and_ask()).unwrap();
    assert_eq!(control - idle, 2 * ROUNDS, "what does call is counted");
}

fn stops(bench: &Bench, work: Work) -> Option<u64> {
    let before = || {
        let mut market = Market::new(bench);
        self::work(&mut market);
        market.publish();
        market
    };
    let mut victim = Victim::start(before, |market| (0..ROUNDS).for_each(|_| work(market)))?;
    let mut stops = 0;
    while victim.step_to_system_call() == Progress::Running {
        stops += 1;
    }
    victim.kill();
    Some(stops)
}

#[test]
fn the_data_path_does_not_allocate() {
    let bench = Bench::new(CAPACITY);
    let mut market = Market::new(&bench);
    work(&mut market);
    for _ in 0..ROUNDS {
        for (name, work) in WORK {
            let count = allocations::during(|| work(&mut market));
            assert_eq!(count, 0, "{name} allocates");
        }
    }
    assert!(market.writer.next_seq() > 20 * CAPACITY);
    let control = allocations::during(|| drop(black_box(Box::new(trade(0)))));
    assert_eq!(control, 2, "what does allocate is counted");
}

#[test]
fn the_data_path_does_not_call_the_system() {
    Role::play(ENTRY, "calls", &Bench::new(CAPACITY));
}

const ROUNDS_VARIABLE: &str = "TICKRING_TEST_ROUNDS";

/// The same seen from outside, by `strace`: a hundred times the work makes no call more. How
/// often the threads of the test harness wait for each other, and whether the stack of the last
/// one is unmapped before the process ends, is not the ring's affair.
#[test]
fn strace_counts_the_same_calls_for_any_amount_of_work() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let count = |rounds: u64| {
        let bench = Bench::new(CAPACITY);
        let summary = bench.directory.root().with_extension("strace");
        let output = Command::new("strace")
            .args(["-f", "-c", "-U", "name,calls", "-o"])
            .arg(&summary)
            .arg(env::current_exe().unwrap())
            .args(["--exact", ENTRY, "--test-threads=1"])
            .env(Role::VARIABLE, "rounds")
            .env(ROUNDS_VARIABLE, rounds.to_string())
            .env(tickring::DIRECTORY_VARIABLE, bench.directory.root())
            .output()
            .unwrap();
        let text = fs::read_to_string(summary).unwrap_or_default();
        let mut calls: Vec<String> = text.lines().map(str::to_owned).collect();
        let of_harness = ["futex", "munmap", "total"];
        calls.retain(|line| !of_harness.iter().any(|name| line.starts_with(name)));
        calls.sort();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), calls, complaint)
    };
    let (is_good, few, complaint) = count(1);
    if !is_good && complaint.contains("ptrace") {
        println!("skipped: {complaint}");
        return;
    }
    let (_, many, _) = count(ROUNDS);
    assert!(is_good && few.iter().any(|line| line.starts_with("mmap")), "{few:?}\n{complaint}");
    assert_eq!(few, many, "work calls the system");
}
