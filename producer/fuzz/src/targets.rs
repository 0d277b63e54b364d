//! What is fuzzed of the producer: every parser, on the whole way from bytes to records.
//!
//! A target is a row of the table and a file of its own in `targets`. The fuzzer and the tests of
//! the producer run the very same functions; a new target is a row here and a file there. What
//! comes out is looked at by [`checked`], which also sees that a source goes on or stops.

use super::target::Target;
use super::{capture, checked, conversation, market_day};
use std::path::{Path, PathBuf};
use std::{env, fs};

mod binance;
mod calendar;
mod coinbase;
mod coinbase_advanced;
mod column_map;
mod csv;
mod dbn;
mod iex;
mod itch;
mod jsonl;
mod kraken;
mod kraken_v2;
mod mold;
mod okx;
mod pcap;
mod recording;
mod soup;

pub(crate) static TARGETS: [Target; 17] = [
    Target { name: "binance", run: binance::run, seeds: binance::seeds },
    Target { name: "calendar", run: calendar::run, seeds: calendar::seeds },
    Target { name: "coinbase", run: coinbase::run, seeds: coinbase::seeds },
    Target {
        name: "coinbase_advanced",
        run: coinbase_advanced::run,
        seeds: coinbase_advanced::seeds,
    },
    Target { name: "column_map", run: column_map::run, seeds: column_map::seeds },
    Target { name: "csv", run: csv::run, seeds: csv::seeds },
    Target { name: "dbn", run: dbn::run, seeds: dbn::seeds },
    Target { name: "iex", run: iex::run, seeds: iex::seeds },
    Target { name: "itch", run: itch::run, seeds: itch::seeds },
    Target { name: "jsonl", run: jsonl::run, seeds: jsonl::seeds },
    Target { name: "kraken", run: kraken::run, seeds: kraken::seeds },
    Target { name: "kraken_v2", run: kraken_v2::run, seeds: kraken_v2::seeds },
    Target { name: "mold", run: mold::run, seeds: mold::seeds },
    Target { name: "okx", run: okx::run, seeds: okx::seeds },
    Target { name: "pcap", run: pcap::run, seeds: pcap::seeds },
    Target { name: "recording", run: recording::run, seeds: recording::seeds },
    Target { name: "soup", run: soup::run, seeds: soup::seeds },
];

/// The longest recorded file that is a seed, in bytes.
const MOST_RECORDED: u64 = 1 << 16;

/// The small files of a folder of the recorded data, where `TICKRING_DATA` says where that is.
fn recorded(folder: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if let Some(data) = env::var_os("TICKRING_DATA") {
        collect(&PathBuf::from(data).join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => collect(&path, found),
            Ok(metadata) if metadata.len() <= MOST_RECORDED => found.extend(fs::read(&path).ok()),
            _ => {}
        }
    }
}

/// All seeds, and those that bytes make when they are compressed.
fn with_compressed(plain: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let compressed: Vec<_> =
        plain.iter().flat_map(|bytes| [checked::gzip(bytes), checked::zstd(bytes)]).collect();
    [plain, compressed].concat()
}
