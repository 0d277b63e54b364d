//! Who reads a ring, and how readers that are gone leave the list.

use crate::role::Role;
use crate::support::{Bench, drain, trade};
use std::thread;
use tickring::{Reader, ReaderInfo, ReaderOptions, RingCount, Start};

fn named(bench: &Bench, name: &str) -> Reader {
    let options = ReaderOptions::named(name, Start::Oldest);
    Reader::open_with(&bench.directory, &bench.name, &options).unwrap()
}

fn list(bench: &Bench) -> Vec<ReaderInfo> {
    let mut list = ReaderInfo::list(&bench.directory, &bench.name).unwrap();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

#[test]
fn readers_are_listed_with_what_they_have_read_and_missed() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let (mut fast, mut slow) = (named(&bench, "fast"), named(&bench, "slow"));
    for n in 0..50 {
        writer.publish(&trade(n)).unwrap();
    }
    assert_eq!(drain(&mut fast).len(), 50);
    let readers = list(&bench);
    let shown = |reader: &ReaderInfo| (reader.name.clone(), reader.cursor, reader.lag);
    let shown: Vec<_> = readers.iter().map(shown).collect();
    assert_eq!(shown, [("fast".to_owned(), 50, 0), ("slow".to_owned(), 0, 50)]);
    assert!(readers.iter().all(|reader| reader.is_alive));
    assert!(readers.iter().all(|reader| reader.pid == u64::from(std::process::id())));
    assert!(readers[0].since_ns > 0 && readers[0].polls >= 50);

    for n in 50..200 {
        writer.publish(&trade(n)).unwrap();
    }
    drain(&mut slow);
    let slow_now = list(&bench).pop().unwrap();
    assert_eq!((slow_now.missed, slow_now.laps, slow_now.lag), (slow.missed(), 1, 0));
    drop(fast);
    assert_eq!(list(&bench).len(), 1, "who leaves is not listed");
}

#[test]
fn a_name_is_cut_between_characters() {
    let bench = Bench::new(64);
    let _writer = bench.writer();
    let _reader = named(&bench, &"ä".repeat(20));
    let _other = named(&bench, &format!("{}ä", "x".repeat(31)));
    let names: Vec<_> = list(&bench).into_iter().map(|reader| reader.name).collect();
    assert_eq!(names, ["x".repeat(31), "ä".repeat(16)]);
}

#[test]
fn a_reader_that_was_killed_is_told_from_a_living_one_and_its_entry_is_freed() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let _living = named(&bench, "living");
    let other = Role::start("process::other_side", "read", &bench);
    while list(&bench).len() < 2 {
        thread::yield_now();
    }
    assert!(list(&bench).iter().all(|reader| reader.is_alive));
    other.kill();
    let dead: Vec<_> = list(&bench).into_iter().filter(|reader| !reader.is_alive).collect();
    assert_eq!((dead.len(), dead[0].name.as_str()), (1, "other"));
    while list(&bench).len() > 1 {
        writer.heartbeat();
        thread::yield_now();
    }
    assert_eq!(list(&bench)[0].name, "living");
}

#[test]
fn a_ring_without_a_writer_has_no_list_and_the_next_writer_gets_one() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = named(&bench, "patient");
    drop(writer);
    assert_eq!(list(&bench), []);
    writer = bench.writer();
    writer.publish(&trade(1)).unwrap();
    drain(&mut reader);
    assert_eq!(list(&bench).len(), 1, "a reader that meets the restart enters the new list");
}

/// More than there are entries for: those beyond read like the others, unseen.
#[test]
fn more_readers_than_the_registry_holds_read_all_the_same() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let (_, hard) = limit.unwrap();
    let set = nix::sys::resource::setrlimit;
    set(nix::sys::resource::Resource::RLIMIT_NOFILE, hard.min(1 << 16), hard).unwrap();
    if hard < 4096 {
        println!("skipped: {hard} open files are allowed, 4096 are needed");
        return;
    }
    let mut readers: Vec<Reader> = (0..1100).map(|_| named(&bench, "many")).collect();
    assert_eq!(list(&bench).len(), 1024);
    for n in 0..10 {
        writer.publish(&trade(n)).unwrap();
    }
    assert!(readers.iter_mut().all(|reader| drain(reader).len() == 10));
    readers.truncate(3);
    assert_eq!(list(&bench).len(), 3);
}

fn counts(bench: &Bench) -> Vec<(String, u64)> {
    let list = RingCount::list(&bench.directory, &bench.name).unwrap();
    list.into_iter().map(|RingCount { name, count }| (name, count)).collect()
}

#[test]
fn what_a_writer_counts_is_listed_in_the_order_of_the_names() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    assert_eq!(counts(&bench), []);
    for (name, count) in [("reconnect", 1), ("input A", 500), ("reconnect", 3)] {
        assert!(writer.show_count(name, count));
    }
    let expected = [("reconnect".to_owned(), 3), ("input A".to_owned(), 500)];
    assert_eq!(counts(&bench), expected);
    // 62 names more have room.
    let shown: Vec<bool> = (0..64).map(|n| writer.show_count(&format!("name {n}"), n)).collect();
    assert_eq!(shown.iter().filter(|shown| **shown).count(), 62);
    assert!(!writer.show_count("name 63", 1) && writer.show_count("name 61", 9));
    assert_eq!(counts(&bench)[63], ("name 61".to_owned(), 9));
}

#[test]
fn counts_begin_anew_with_each_writer() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    assert!(writer.show_count("input", 7));
    writer.close();
    assert_eq!(counts(&bench), [], "nobody counts");
    let mut writer = bench.writer();
    assert!(writer.show_count("other", 2));
    assert_eq!(counts(&bench), [("other".to_owned(), 2)]);
}

#[test]
fn counts_do_not_disturb_readers_and_readers_do_not_disturb_counts() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    for n in 0..64 {
        assert!(writer.show_count(&format!("name {n}"), n));
    }
    let readers: Vec<Reader> = (0..3).map(|n| named(&bench, &format!("reader {n}"))).collect();
    assert_eq!(list(&bench).len(), readers.len());
    assert_eq!(counts(&bench).len(), 64);
}
