//! A bus in a temporary folder, and the recorded data.

use std::path::PathBuf;

use tempfile::TempDir;
use tickring::record::Record;
use tickring::{Directory, Poll, Reader, RecordRef, RingName, Start};
use tickring_producer::Error;
use tickring_producer::pipeline::{Feed, FeedOptions, Summary};
use tickring_producer::source::{Progress, Source};

/// A bus that goes away with the test.
pub(crate) struct Bus {
    _folder: TempDir,
    directory: Directory,
}

impl Bus {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::at(folder.path());
        Self { _folder: folder, directory }
    }

    pub(crate) fn options(&self) -> FeedOptions {
        FeedOptions::new(self.directory.clone(), "test")
    }

    /// Publishes a source to its end.
    pub(crate) fn feed<S: Source>(
        &self,
        source: S,
        options: &FeedOptions,
    ) -> Result<Summary, Error> {
        let mut feed = Feed::open(source, options)?;
        while feed.run_once(256)? != Progress::End {}
        Ok(feed.close())
    }

    pub(crate) fn reader(&self, ring: &str) -> Reader {
        let name = RingName::new("test", ring).unwrap();
        Reader::open(&self.directory, &name, Start::Oldest).unwrap()
    }

    pub(crate) fn has(&self, ring: &str) -> bool {
        let name = RingName::new("test", ring).unwrap();
        self.directory.list().unwrap().contains(&name)
    }

    /// Calls `f` with every record of a closed ring.
    pub(crate) fn each(&self, ring: &str, mut f: impl FnMut(RecordRef<'_>)) {
        let mut reader = self.reader(ring);
        loop {
            match reader.poll() {
                Poll::Record(record) => f(record),
                Poll::Closed(_) => break,
                other => panic!("{ring}: {other:?}"),
            }
        }
    }

    /// Returns the records of one kind in a closed ring.
    pub(crate) fn records<R: Record>(&self, ring: &str) -> Vec<R> {
        let mut records = Vec::new();
        self.each(ring, |record| records.extend(record.get::<R>()));
        records
    }
}

/// Returns a file or folder of the recorded data; says so if it is absent.
pub(crate) fn recorded(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TICKRING_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: no {}; set TICKRING_DATA to where the recorded data is", found.display());
    None
}
