//! The files of checkpoints: damaged ones, and where a consumer goes on then.

use super::desk::{Desk, INPUT, run};
use std::fs;
use std::path::PathBuf;
use tickring_window::{CheckpointEvery, WindowError};

/// A consumer that died behind several checkpoints, and its two files.
fn died(desk: &Desk) -> [PathBuf; 2] {
    let mut input = desk.input();
    let mut consumer = desk.consumer().unwrap();
    for part in 0..8 {
        desk.publish(&mut input, part * INPUT / 10..(part + 1) * INPUT / 10);
        run(&mut consumer);
    }
    consumer.stop().unwrap();
    desk.publish(&mut input, 8 * INPUT / 10..INPUT);
    run(&mut consumer);
    drop(consumer);
    input.close();
    ["a.checkpoint", "b.checkpoint"].map(|name| desk.files.join("checkpoints").join(name))
}

fn generation(path: &PathBuf) -> u64 {
    let bytes = fs::read(path).unwrap();
    u64::from_le_bytes(bytes[16..24].try_into().unwrap())
}

fn damage(path: &PathBuf) {
    let mut bytes = fs::read(path).unwrap();
    bytes[700] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_newest_checkpoint_falls_back_to_the_older_one_and_the_run_is_exact() {
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(3_000));
    let files = died(&desk);
    let newest = usize::from(generation(&files[1]) > generation(&files[0]));
    damage(&files[newest]);
    let mut consumer = desk.consumer().unwrap();
    let told = consumer.checkpoint_stats().unwrap().fell_back.clone().unwrap();
    let name = files[newest].file_name().unwrap().to_str().unwrap();
    assert!(told.contains(name) && told.contains("checksum"), "{told}");
    run(&mut consumer);
    assert!(consumer.stats().replayed > 0);
    drop(consumer);
    desk.assert_exact();
}

#[test]
fn two_damaged_checkpoints_are_an_error_that_says_what_to_do() {
    let desk = Desk::new(1 << 16);
    for file in &died(&desk) {
        damage(file);
    }
    let error = desk.consumer().unwrap_err();
    assert!(matches!(error, WindowError::DamagedCheckpoints { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("a.checkpoint: checksum") && text.contains("to begin anew"), "{text}");
}

#[test]
fn checkpoints_are_written_in_turn_and_their_files_keep_their_size() {
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(1));
    let mut input = desk.input();
    let mut consumer = desk.consumer().unwrap();
    let files = ["a.checkpoint", "b.checkpoint"].map(|n| desk.files.join("checkpoints").join(n));
    assert_eq!(generation(&files[0]), 1, "the first is there before any output");
    assert_eq!(fs::metadata(&files[1]).unwrap().len(), 0);
    let mut sizes = Vec::new();
    for part in 0..20 {
        desk.publish(&mut input, part * 2_000..(part + 1) * 2_000);
        run(&mut consumer);
        consumer.stop().unwrap();
        let [a, b] = [generation(&files[0]), generation(&files[1])];
        assert_eq!(a.abs_diff(b), 1);
        sizes.push(files.each_ref().map(|file| fs::metadata(file).unwrap().len()));
    }
    assert_eq!(sizes[19], sizes[5], "preallocated");
    let stats = consumer.checkpoint_stats().unwrap();
    assert_eq!((stats.failed, stats.written >= 20), (0, true));
}
