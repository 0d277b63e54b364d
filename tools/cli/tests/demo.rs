//! The demo: shows figures, ends by itself or by Ctrl-C, and leaves nothing behind.

use crate::support::PATIENCE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

/// The demo and the directory that it said it works in.
struct Demo {
    child: Child,
    root: PathBuf,
}

impl Demo {
    fn start(words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tickring"))
            .arg("demo")
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut note = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut note).unwrap();
        // What follows is read so that the parts never write into a full pipe.
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|l| eprintln!("{l}")));
        let (_, rest) = note.split_once("TICKRING_DIR=").expect("the note names the directory");
        Self { child, root: rest.split_whitespace().next().unwrap().into() }
    }

    /// Processes of the demo's parts: those that were told its directory.
    fn parts(&self) -> Vec<u32> {
        let wanted = format!("TICKRING_DIR={}", self.root.display());
        let runs = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(runs).collect()
    }

    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the demo does not end");
            thread::yield_now();
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number that stands in front of a word in a line of the demo.
fn figure(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|found| *found == word).expect(word);
    words[at - 1].replace(',', "").parse().unwrap()
}

#[test]
fn the_demo_shows_every_stage_at_work_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&["--seconds", "3", "--rate", "5000", "--dim", "128"]);
    let stdout = BufReader::new(demo.child.stdout.take().unwrap());
    let lines: Vec<String> = stdout.lines().map(Result::unwrap).collect();
    assert_eq!(demo.wait(), Some(0));
    assert!(lines.len() >= 3, "{lines:#?}");
    let total = lines.last().unwrap();
    for word in ["ticks", "bars", "vectors", "matches"] {
        assert!(figure(total, word) > 0, "no {word}: {total}");
    }
    assert_eq!((figure(total, "missed"), figure(total, "late")), (0, 0), "{total}");
    assert!(!demo.root.exists(), "{} is left", demo.root.display());
    assert!(demo.parts().is_empty());
}

#[test]
fn ctrl_c_ends_the_demo_and_all_its_parts() {
    let mut demo = Demo::start(&["--rate", "5000"]);
    let mut stdout = BufReader::new(demo.child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert_eq!(demo.parts().len(), 3, "feed, window and ann");
    let pid = Pid::from_raw(i32::try_from(demo.child.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let rest: Vec<String> = stdout.lines().map(Result::unwrap).collect();
    assert_eq!(demo.wait(), Some(130), "{rest:?}");
    assert!(rest.last().is_some_and(|line| line.contains("total")), "{rest:?}");
    assert!(!demo.root.exists());
    assert!(demo.parts().is_empty());
}
