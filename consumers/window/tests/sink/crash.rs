//! A process that writes files is killed, again and again.

use super::{FORMATS, bar, expected, open, options, push, rows};
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tickring_window::sink::{FileFormat, Pushed, Rotation, SinkOptions};
use zerocopy::IntoBytes;

const ENTRY: &str = "sink::crash::other_side";
/// Environment variable that tells the other side its folder.
const FOLDER: &str = "TICKRING_SINK_FOLDER";
const FORMAT: &str = "TICKRING_SINK_FORMAT";
/// Environment variable with the number of kills in each format.
const ROUNDS: &str = "TICKRING_SINK_ROUNDS";
/// Rows of a file: the files end at other places in each round.
const ROWS: [u64; 4] = [37, 250, 1_000, 7];
/// A child that does nothing for so long is stuck: the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// Not a test of its own: pushes for ever, from a little before what is due.
#[test]
fn other_side() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let format =
        if env::var(FORMAT).unwrap() == "arrow" { FileFormat::Arrow } else { FileFormat::Parquet };
    let next = open(&SinkOptions { folder: (&folder).into(), format, ..SinkOptions::default() })
        .next_seq();
    let rows = ROWS[usize::try_from(next % 4).unwrap()];
    let rotation = Rotation { rows, ..Rotation::default() };
    let mut sink =
        open(&SinkOptions { folder: folder.into(), format, rotation, ..SinkOptions::default() });
    for n in next.saturating_sub(20).. {
        let pushed = sink.push(n, bar(n).as_bytes()).unwrap();
        assert_eq!(pushed == Pushed::Known, n < next);
    }
}

fn start(folder: &Path, format: FileFormat) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", ENTRY, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(FORMAT, format.extension())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn committed(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with("bars-")).count()
}

/// A small generator of numbers that look random.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn a_killed_process_leaves_each_sequence_once_and_is_continued() {
    let rounds: u64 = env::var(ROUNDS).map_or(8, |text| text.parse().unwrap());
    let mut state = u64::from(std::process::id());
    println!("seed {state}");
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let mut half_written = 0;
        for _ in 0..rounds {
            let wanted =
                committed(folder.path()) + usize::try_from(random(&mut state) % 4).unwrap();
            let mut child = start(folder.path(), format);
            let deadline = Instant::now() + PATIENCE;
            while committed(folder.path()) < wanted {
                assert!(child.try_wait().unwrap().is_none(), "the other side has ended");
                assert!(Instant::now() < deadline, "the other side is stuck");
                thread::yield_now();
            }
            // Anywhere in the next file, not only at its beginning.
            for _ in 0..random(&mut state) % 20_000 {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let temporary = format!(".bars.{}.tmp", format.extension());
            half_written += u64::from(folder.path().join(temporary).exists());
        }
        let mut sink = open(&options(&folder, format, 0));
        let whole = sink.committed().map_or(0, |last| last + 1);
        assert_eq!(rows(&sink.files().unwrap()), expected(0..whole), "{format:?}");
        for n in 0..whole + 100 {
            push(&mut sink, n);
        }
        sink.commit().unwrap();
        assert_eq!(rows(&sink.files().unwrap()), expected(0..whole + 100), "{format:?}");
        println!("{format:?}: {rounds} kills, {half_written} in a file, {whole} rows");
    }
}
