//! Joining by time and by token.

use crate::support::{Bench, drain, trade};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickring::{Error, Poll, Reader, Start, Token};

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Publishes up to `count` records, one block of 64 a millisecond or so.
fn publish_slowly(bench: &Bench, count: u64) -> tickring::Writer {
    let mut writer = bench.writer();
    for n in 0..count {
        if n % 64 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        writer.publish(&trade(n)).unwrap();
    }
    writer
}

#[test]
fn a_time_leads_in_front_of_what_was_published_then_by_a_block_at_most() {
    let bench = Bench::new(1 << 10);
    let before = now_ns();
    let _writer = publish_slowly(&bench, 640);
    let probe = bench.reader(Start::Oldest);
    for block in 0..10 {
        let at_ns = probe.published_at_ns(block * 64).unwrap();
        let cursor = |start| bench.reader(start).cursor();
        assert_eq!(cursor(Start::Time(at_ns)), block * 64);
        assert_eq!(cursor(Start::Time(at_ns - 1)), block.saturating_sub(1) * 64);
    }
    let cursor = |start| bench.reader(start).cursor();
    assert_eq!(cursor(Start::Time(before)), 0);
    assert_eq!(cursor(Start::Time(0)), 0);
    assert_eq!(cursor(Start::Time(u64::MAX)), 640, "still to come");
    assert_eq!(cursor(Start::Ago(Duration::ZERO)), 640);
    assert_eq!(cursor(Start::Ago(Duration::MAX)), 0);
}

#[test]
fn a_time_before_the_oldest_record_leads_to_it() {
    let bench = Bench::new(128);
    let _writer = publish_slowly(&bench, 1000);
    let oldest = bench.reader(Start::Oldest).cursor();
    assert_eq!(bench.reader(Start::Ago(Duration::from_secs(3600))).cursor(), oldest);
    let recent = bench.reader(Start::Ago(Duration::from_millis(1))).cursor();
    assert!((oldest..1000).contains(&recent), "{recent}");
}

/// The clock was set back by an hour in between: the newest block counts.
#[test]
fn a_clock_that_was_set_back_does_not_lead_astray() {
    let bench = Bench::new(1 << 10);
    drop(publish_slowly(&bench, 640));
    let path = bench.directory.path_of(&bench.name);
    let times = 4096 + 4096 * 2;
    let hour = 3_600_000_000_000;
    let stored = |block: u64| bench.reader(Start::Oldest).published_at_ns(block * 64).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap()[times..times + 8],
        stored(0).to_le_bytes(),
        "the time index stands behind two pages of schema"
    );
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    for block in 0..5 {
        let ahead = (stored(block) + hour).to_le_bytes();
        let at = times as u64 + block * 8;
        std::os::unix::fs::FileExt::write_all_at(&file, &ahead, at).unwrap();
    }
    for block in 5..9 {
        assert_eq!(bench.reader(Start::Time(stored(block))).cursor(), block * 64);
    }
    let before = bench.reader(Start::Time(stored(5) - 1)).cursor();
    assert_eq!(before, 0, "no block that is not later: the oldest record");
}

#[test]
fn a_token_leads_another_reader_to_the_same_place_over_restarts() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    for n in 0..20 {
        writer.publish(&trade(n)).unwrap();
    }
    let mut reader = bench.reader(Start::Sequence(0));
    for _ in 0..7 {
        assert!(matches!(reader.poll(), Poll::Record(_)));
    }
    let token: Token = reader.token().to_string().parse().unwrap();
    assert_eq!((token.epoch, token.seq), (1, 7));
    drop(writer);
    drop(bench.writer());
    let mut second = bench.reader(Start::Token(token));
    assert_eq!(drain(&mut second)[0], Poll::Record(7));
}

#[test]
fn a_token_of_another_ring_or_of_a_life_that_never_was_is_refused() {
    let (bench, other) = (Bench::new(64), Bench::new(64));
    let (_writer, _other_writer) = (bench.writer(), other.writer());
    let token = other.reader(Start::Latest).token();
    let open = |token| Reader::open(&bench.directory, &bench.name, Start::Token(token));
    let error = open(token).unwrap_err();
    assert!(matches!(error, Error::TokenMismatch { .. }), "{error}");
    assert!(error.to_string().contains(&token.to_string()), "{error}");
    let own = bench.reader(Start::Latest).token();
    assert!(open(own).is_ok());
    assert!(open(Token { epoch: 2, ..own }).is_err());
    let mut reader = bench.reader(Start::Sequence(5));
    assert!(reader.seek(Start::Token(token)).is_err());
    assert_eq!(reader.cursor(), 5, "a refused seek moves nothing");
}

#[test]
fn text_that_is_no_token_is_refused() {
    let good = format!("{:032x}-3-4", 5);
    assert!(good.parse::<Token>().is_ok());
    for bad in ["", "5-3-4", &good[1..], &format!("{good}-1"), &good.replace('4', "x"), "a-b-c"] {
        let error = bad.parse::<Token>().unwrap_err();
        assert!(matches!(error, Error::Token { .. }), "{bad}: {error}");
    }
}
