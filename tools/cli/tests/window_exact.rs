//! `tickring window` behind crashes and behind a history.

use crate::support::{Bus, ring, wait_for};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;
use tickring::{Poll, Reader, RingInfo, Start};

const WINDOWS: &str = "--size 20ms --delay 2ms --lateness 10ms --aggregates twap,flow";

/// A market of one file.
fn market(bus: &Bus) -> String {
    let file = bus.path().join("market.dbn").display().to_string();
    done(bus, &format!("simulate --instruments 20 --count 30000 --seed 7 --dbn {file}"));
    file
}

fn done(bus: &Bus, arguments: &str) {
    let ran = bus.run(arguments);
    assert_eq!(ran.code, Some(0), "{arguments}: {}", ran.err);
}

fn published(bus: &Bus, name: &str) -> u64 {
    RingInfo::read(&bus.directory(), &ring(name)).map_or(0, |info| info.published)
}

/// The records of windows that a ring holds.
fn bars(bus: &Bus, name: &str) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(&bus.directory(), &ring(name), Start::Sequence(0)).unwrap();
    let mut bars = Vec::new();
    loop {
        match reader.poll() {
            Poll::Record(record) => bars.push(record.bytes().to_vec()),
            Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Lapped { .. } => panic!("{name} is too small"),
            Poll::Empty | Poll::Closed(_) => return bars,
        }
    }
}

#[test]
fn a_consumer_that_is_killed_and_started_again_leaves_each_bar_once() {
    let bus = Bus::new();
    let file = market(&bus);
    let checkpoints = bus.path().join("checkpoints").display().to_string();
    done(&bus, &format!("feed dbn {file} --to demo --capacity 65536"));
    done(&bus, &format!("window demo {WINDOWS} --bars plain"));
    let exact = format!("window demo {WINDOWS} --checkpoint {checkpoints} --checkpoint-every 500");
    let window = bus.start(&exact);
    wait_for(|| (published(&bus, "demo/bars") > 0).then_some(()));
    window.kill();
    let ran = bus.run(&format!("{exact} --json"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let stats = ran.objects().pop().unwrap();
    assert_eq!((&stats["output_epoch"], &stats["checkpoints"]["failed"]), (&0.into(), &0.into()));
    let (exact_bars, plain) = (bars(&bus, "demo/bars"), bars(&bus, "demo/plain"));
    assert!(plain.len() > 100, "{}", plain.len());
    assert!(exact_bars == plain, "{} and {}", exact_bars.len(), plain.len());

    let other = bus.run(&format!("window demo --size 21ms --checkpoint {checkpoints}"));
    let error = other.failure(4);
    assert!(error.contains("- size = 20000000") && error.contains("+ size = 21000000"), "{error}");
}

#[test]
fn a_file_comes_before_the_ring_that_no_longer_reaches_back_so_far() {
    let bus = Bus::new();
    let file = market(&bus);
    let journal = bus.path().join("history").display().to_string();
    done(&bus, &format!("feed dbn {file} --to demo --capacity 65536"));
    done(&bus, &format!("window demo {WINDOWS}"));
    done(&bus, &format!("feed dbn {file} --to history --journal {journal}"));
    done(&bus, &format!("feed dbn {file} --to live --capacity 1024"));
    let windows = format!("window live {WINDOWS} --backfill {journal}");
    let ran = bus.run(&format!("{windows} --backfill-ring history/ticks --json"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.objects().pop().unwrap()["missed"], 0);
    assert!(bars(&bus, "live/bars") == bars(&bus, "demo/bars"));
    assert!(bars(&bus, "live/bars").len() > 100);
}

#[test]
fn a_dbn_file_comes_before_the_ring_without_a_seam_and_crashes_leave_it_exact() {
    let bus = Bus::new();
    let file = market(&bus);
    done(&bus, &format!("feed dbn {file} --to demo --capacity 65536"));
    done(&bus, &format!("window demo {WINDOWS}"));
    done(&bus, &format!("feed dbn {file} --to live --capacity 1024"));
    done(&bus, &format!("window live {WINDOWS} --backfill {file}"));
    assert!(bars(&bus, "live/bars") == bars(&bus, "demo/bars"));
    assert!(bars(&bus, "live/bars").len() > 100);

    let checkpoints = bus.path().join("checkpoints").display().to_string();
    let exact = format!(
        "window live {WINDOWS} --backfill {file} --bars exact --checkpoint {checkpoints} \
         --checkpoint-every 500"
    );
    let window = bus.start(&exact);
    wait_for(|| (published(&bus, "live/exact") > 0).then_some(()));
    window.kill();
    done(&bus, &exact);
    assert!(bars(&bus, "live/exact") == bars(&bus, "demo/bars"));

    let text = bus.path().join("broken.dbn").display().to_string();
    std::fs::write(&text, "DBN and then nothing of the kind").unwrap();
    let error = bus.run(&format!("window live {WINDOWS} --bars other --backfill {text}"));
    assert!(error.failure(2).contains("broken.dbn"));
}

#[test]
fn the_bars_are_the_same_at_every_pace() {
    let bus = Bus::new();
    let file = bus.path().join("market.dbn").display().to_string();
    done(&bus, &format!("simulate --instruments 20 --count 12000 --seed 9 --dbn {file}"));
    let made = ["1x", "100x", "max", "step"].map(|pace| {
        let mut feed = bus.command(&format!("feed dbn {file} --to at-{pace} --pace {pace}"));
        let mut feed = feed.stdin(Stdio::piped()).spawn().unwrap();
        wait_for(|| RingInfo::read(&bus.directory(), &ring(&format!("at-{pace}/ticks"))).ok());
        // Of steps, a few of odd size while bars are made, and then to the end.
        let steps = "1\n7\n500\n3\n1024\n2\n100000\n";
        std::thread::scope(|scope| {
            let mut stdin = feed.stdin.take().unwrap();
            scope.spawn(move || {
                for line in steps.split_inclusive('\n') {
                    // The other paces do not read.
                    let _ = stdin.write_all(line.as_bytes());
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            done(&bus, &format!("window at-{pace} {WINDOWS}"));
        });
        assert!(feed.wait().unwrap().success());
        bars(&bus, &format!("at-{pace}/bars"))
    });
    assert!(made[0].len() > 100, "{}", made[0].len());
    assert!(made.iter().all(|bars| *bars == made[0]));
}
