//! A bus of its own for each test, and the records that the tests publish.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use tickring::record::{Record, Trade};
use tickring::{Directory, Poll, Reader, RecordRef, RingName, RingSpec, Start, Writer};

/// A directory that is removed at the end of the test, with one ring in it.
pub(crate) struct Bench {
    root: Option<TempDir>,
    pub(crate) directory: Directory,
    pub(crate) name: RingName,
    pub(crate) spec: RingSpec,
}

impl Drop for Bench {
    /// A writer that was killed leaves a control segment outside of the directory.
    fn drop(&mut self) {
        if self.root.is_some() {
            for name in self.directory.list().unwrap_or_default() {
                let _ = self.directory.remove(&name);
            }
        }
    }
}

impl Bench {
    pub(crate) fn new(capacity: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::at(root.path().join("tickring"));
        Self::over(Some(root), directory, capacity)
    }

    /// The bench of the process that started this one.
    pub(crate) fn inherited(capacity: u64) -> Self {
        Self::over(None, Directory::from_env(), capacity)
    }

    fn over(root: Option<TempDir>, directory: Directory, capacity: u64) -> Self {
        let name = RingName::new("test", "ticks").unwrap();
        let spec = RingSpec { capacity, ..RingSpec::new(Trade::kinds()).unwrap() };
        Self { root, directory, name, spec }
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&self.directory, &self.name, &self.spec).unwrap()
    }

    pub(crate) fn reader(&self, start: Start) -> Reader {
        Reader::open(&self.directory, &self.name, start).unwrap()
    }
}

/// A trade all of whose fields follow from `n`, so that a torn one is recognised.
pub(crate) fn trade(n: u64) -> Trade {
    Trade {
        price: n as i64 * 1_000,
        size: n as u32,
        sequence: n as u32,
        trade_id: n,
        ts_recv: n + 7,
        ..Trade::empty(1, (n % 100) as u32, n + 5)
    }
}

/// The outcomes until nothing more is there, records by their trade ids.
pub(crate) fn drain(reader: &mut Reader) -> Vec<Poll<u64>> {
    drain_by(|| reader.poll().map(id))
}

/// The same of anything that polls.
pub(crate) fn drain_by(mut poll: impl FnMut() -> Poll<u64>) -> Vec<Poll<u64>> {
    let mut outcomes = Vec::new();
    loop {
        match poll() {
            Poll::Empty => return outcomes,
            Poll::Closed(reason) => {
                outcomes.push(Poll::Closed(reason));
                return outcomes;
            }
            other => outcomes.push(other),
        }
    }
}

/// The id of a record that is to be the whole trade with that id.
pub(crate) fn id(record: RecordRef<'_>) -> u64 {
    let found = record.get::<Trade>().expect("only trades are published");
    assert_eq!(*found, trade(found.trade_id), "a torn record was accepted");
    found.trade_id
}

/// Compiles a program in C to `output`; `None`, with a message, on a machine without a compiler.
pub(crate) fn compile_c(source: &Path, output: &Path, arguments: &[&str]) -> Option<PathBuf> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(&compiler);
    command.args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror"]).args(arguments);
    match command.arg("-o").arg(output).arg(source).output() {
        Ok(Output { status, stderr, .. }) => {
            assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
            Some(output.to_owned())
        }
        Err(error) => {
            println!("skipped, there is no C compiler {}: {error}", compiler.display());
            None
        }
    }
}
