//! A bus of its own for each test, and the program run on it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::{Mbo, Record, Status, Trade};
use tickring::schema::Kind;
use tickring::{Directory, RingName, RingSpec, Writer};

/// A child that takes longer than this is stuck: the test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-01-05 14:30 UTC.
pub(crate) const OPEN_NS: u64 = 1_767_623_400_000_000_000;

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Stdout of a run that was successful and had nothing to say on stderr.
    #[track_caller]
    pub(crate) fn clean(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Stderr of a run that failed with this code and printed no data.
    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }

    /// The lines of stdout as JSON.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A root of buses that is removed at the end of the test.
pub(crate) struct Bus {
    root: TempDir,
}

impl Drop for Bus {
    /// A writer that was killed leaves a control segment outside of the directory.
    fn drop(&mut self) {
        for name in self.directory().list().unwrap_or_default() {
            let _ = self.directory().remove(&name);
        }
    }
}

impl Bus {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::at(self.path())
    }

    /// A writer of ring `name` with 64 slots, or the one that takes it over.
    pub(crate) fn writer(&self, name: &str, kinds: Vec<Kind>) -> Writer {
        self.large_writer(name, kinds, 64)
    }

    /// The same with more slots.
    pub(crate) fn large_writer(&self, name: &str, kinds: Vec<Kind>, capacity: u64) -> Writer {
        let spec = RingSpec { capacity, ..RingSpec::new(kinds).unwrap() };
        Writer::open(&self.directory(), &ring(name), &spec).unwrap()
    }

    /// The program with these arguments, separated by spaces, on this bus.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
        command
            .args(arguments.split_whitespace())
            .env(tickring::DIRECTORY_VARIABLE, self.path())
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn start(&self, arguments: &str) -> Running {
        self.spawn(&mut self.command(arguments))
    }

    /// Starts a command of this bus.
    pub(crate) fn spawn(&self, command: &mut Command) -> Running {
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Running { child, lines }
    }
}

/// The program at work. Killed when the test is over, however it ends.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// The next line of stdout, when it comes.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line on stdout")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL and waits.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; stdout is what was not read as lines.
    pub(crate) fn end(mut self) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::yield_now();
        };
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let out = self.lines.iter().map(|line| line + "\n").collect();
        Ran { code: status.code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if line.is_err() || sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    lines
}

pub(crate) fn ring(name: &str) -> RingName {
    name.parse().unwrap()
}

/// Waits until `what` gives something.
#[track_caller]
pub(crate) fn wait_for<T>(what: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        thread::yield_now();
    }
}

pub(crate) fn trade(n: u32) -> Trade {
    Trade {
        price: 4_810_250_000_000 + i64::from(n),
        size: n,
        side: b'B',
        flags: 0x80,
        ts_recv: OPEN_NS + 2 * u64::from(n),
        ts_in_delta: -5,
        sequence: n,
        trade_id: u64::from(n) << 40,
        ..Trade::empty(1, 17, OPEN_NS + u64::from(n))
    }
}

pub(crate) fn order(n: u32) -> Mbo {
    Mbo { order_id: n.into(), price: 1_500_000_000, action: b'A', ..Mbo::empty(1, 17, OPEN_NS) }
}

/// The kinds of an exchange feed.
pub(crate) fn kinds() -> Vec<Kind> {
    [Mbo::kinds(), Trade::kinds(), Status::kinds()].concat()
}

/// Publishes the trades with these numbers.
pub(crate) fn publish(writer: &mut Writer, numbers: Range<u32>) {
    for n in numbers {
        writer.publish(&trade(n)).unwrap();
    }
}
