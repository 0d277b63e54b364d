//! A day to play, a server of it in a thread, and what a client makes of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tempfile::TempDir;
use tickring::record::{UNDEF_TIME, builtin_kinds};
use tickring_producer::Error;
use tickring_producer::play::soup::{SoupServer, SoupServerOptions};
use tickring_producer::sink::tape::{Tape, Taped};
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::soup::{SoupOptions, SoupSource, Timing};
use tickring_producer::source::{Count, Progress, Report, Source};
use tickring_producer::wire::soupbintcp::Credentials;

use crate::itch_files::generated;

/// Longer than anything here takes: a test that gets nowhere fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn credentials() -> Credentials {
    Credentials::new("user", "secret").unwrap()
}

/// Times that a test can wait for.
pub(super) fn brief() -> Timing {
    Timing {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(20),
        ..Timing::default()
    }
}

/// A day in a file, and the records of that file.
pub(super) struct Day {
    path: PathBuf,
    date: Date,
    pub(super) tape: Tape,
    pub(super) report: Report,
    _folder: Option<TempDir>,
}

impl Day {
    pub(super) fn generated(orders: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.itch");
        generated(&path, orders);
        Self::of(path).keeping(folder)
    }

    /// The same day, whose file goes away with it.
    pub(super) fn keeping(self, folder: TempDir) -> Self {
        Self { _folder: Some(folder), ..self }
    }

    pub(super) fn of(path: PathBuf) -> Self {
        let date = Date::constant(2010, 12, 24);
        let source =
            ItchSource::open(&path, &ItchOptions { date, ..ItchOptions::default() }).unwrap();
        let (tape, report) = collect(source, 1_000).unwrap();
        Self { path, date, tape, report, _folder: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn server(&self) -> SoupServerOptions {
        SoupServerOptions { timing: brief(), ..SoupServerOptions::new(self.path()) }
    }

    pub(super) fn options(&self, server: &Playing) -> SoupOptions {
        SoupOptions {
            date: Some(self.date),
            timing: brief(),
            ..SoupOptions::new(server.address().to_string(), credentials())
        }
    }

    pub(super) fn client(&self, server: &Playing) -> SoupSource {
        SoupSource::open(&self.options(server)).unwrap()
    }
}

/// A server at work.
pub(super) struct Playing {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Count>>>,
}

impl Playing {
    pub(super) fn start(options: SoupServerOptions) -> Self {
        let mut server = SoupServer::open(&options).unwrap();
        let (address, stop) = (server.address(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if server.run_once() == Progress::Idle {
                    server.wait(Duration::from_millis(5));
                }
            }
            server.counts()
        });
        Self { address, stop, thread: Some(thread) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and returns what it counted.
    pub(super) fn stop(mut self) -> BTreeMap<String, u64> {
        self.stop.store(true, Ordering::Relaxed);
        let counts = self.thread.take().unwrap().join().unwrap();
        counts.into_iter().map(|Count { name, count }| (name, count)).collect()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Everything that a source gives, to its end.
pub(super) fn collect<S: Source>(mut source: S, budget: usize) -> Result<(Tape, Report), Error> {
    let (mut tape, deadline) = (Tape::default(), Instant::now() + PATIENCE);
    loop {
        match source.poll(&mut tape, budget)? {
            Progress::Advanced(inputs) => assert!((1..=budget).contains(&inputs), "{inputs}"),
            Progress::Idle => source.wait(Duration::from_millis(200)),
            Progress::End => return Ok((tape, source.report())),
        }
        assert!(Instant::now() < deadline, "the session does not end: {:?}", source.report());
    }
}

/// The records without the time of their receipt.
pub(super) fn without_receipt(tape: &Tape) -> Vec<Taped> {
    let kinds = builtin_kinds();
    let offsets: BTreeMap<&str, usize> = kinds
        .iter()
        .filter_map(|kind| Some((kind.name.as_ref(), kind.field("ts_recv")?.offset as usize)))
        .collect();
    let mut records = tape.records.clone();
    for Taped { name, bytes, .. } in &mut records {
        if let Some(&offset) = offsets.get(*name) {
            let field = bytes.get_mut(offset..).and_then(<[u8]>::first_chunk_mut).unwrap();
            *field = UNDEF_TIME.to_le_bytes();
        }
    }
    records
}

/// How often something was counted.
pub(super) fn counted(counts: &[Count], name: &str) -> u64 {
    counts.iter().find(|count| count.name == name).map_or(0, |count| count.count)
}
