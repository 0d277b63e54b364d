//! Another process of this very binary, which plays a consumer.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::env;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const ENTRY: &str = "torture::other_side";
/// Where the desk is; a process that has it plays the consumer.
const DESK: &str = "TICKRING_TEST_DESK";
/// Records between checkpoints.
const EVERY: &str = "TICKRING_TEST_EVERY";
const READY: &str = "ready";
/// Kills, about; as many as one run has without it.
const ROUNDS: &str = "TICKRING_TORTURE_ROUNDS";
/// Seed of the random choices; drawn without it, and printed.
const SEED: &str = "TICKRING_TORTURE_SEED";

/// Lets `run` kill so many consumers at most, again and again until enough are killed, and gives
/// what it has seen.
pub(crate) fn torture<S: Debug + Default>(
    what: &str,
    most: u64,
    mut run: impl FnMut(&mut ChaCha8Rng, u64, &mut S),
) -> S {
    let rounds: u64 = env::var(ROUNDS).map_or(most, |text| text.parse().unwrap());
    let drawn = || getrandom::u64().unwrap();
    let seed = env::var(SEED).map_or_else(|_| drawn(), |text| text.parse().unwrap());
    println!("{what}: seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut seen, mut kills) = (S::default(), 0);
    while kills < rounds {
        let next = most.min(rounds - kills);
        run(&mut random, next, &mut seen);
        kills += next;
    }
    println!("{what}: {seen:?}");
    seen
}

/// A consumer that is killed when the test is over, however it ends.
pub(crate) struct Role {
    child: Child,
    steps: ChildStdin,
    said: BufReader<ChildStdout>,
    is_ready: bool,
}

impl Role {
    pub(crate) fn start(desk: &Path, every: u64) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            // One test: the process has no thread besides it but the harness's, which waits.
            .args(["--exact", ENTRY, "--nocapture", "--test-threads=1"])
            .env(DESK, desk)
            .env(EVERY, every.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let steps = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, steps, said, is_ready: false }
    }

    /// Waits until it has opened everything; `false` if it ended instead.
    pub(crate) fn wait_ready(&mut self) -> bool {
        while !self.is_ready {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return false;
            }
            self.is_ready = line.trim_end() == READY;
        }
        true
    }

    /// Lets it take so many steps more.
    pub(crate) fn send(&mut self, steps: usize) {
        self.steps.write_all(&vec![1; steps]).unwrap();
    }

    /// Kills it, and says whether it had opened everything. One that failed fails the test.
    pub(crate) fn kill(mut self) -> bool {
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        assert_ne!(status.code(), Some(101), "the consumer failed");
        self.wait_ready()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays the consumer, if this process is to: a step for each byte of stdin, until a step says that
/// the input has ended.
pub(crate) fn play<C>(open: impl FnOnce(PathBuf, u64) -> C, mut step: impl FnMut(&mut C) -> bool) {
    let Some(desk) = env::var_os(DESK) else { return };
    let every = env::var(EVERY).unwrap().parse().unwrap();
    let mut consumer = open(desk.into(), every);
    // Behind what the test harness has begun to say on this line.
    println!("\n{READY}");
    for byte in std::io::stdin().lock().bytes() {
        byte.unwrap();
        if step(&mut consumer) {
            return;
        }
    }
}
