//! Two small files that are kept, for readers in other languages: `python/tests/test_files.py`.
//!
//! Where columns change on purpose, `TICKRING_WRITE_GOLDEN=1` in the environment of this test
//! writes them anew.

use super::{FORMATS, open, options, read};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tickring::record::{Record, UNDEF_PRICE, WindowBar, window_flag};
use tickring_window::sink::{FileFormat, SinkOptions};
use zerocopy::IntoBytes;

/// Environment variable with which the kept files are written anew.
const WRITE: &str = "TICKRING_WRITE_GOLDEN";

/// Three bars: an ordinary one, one with a negative price and sum, one with nothing in it.
fn bars() -> [WindowBar; 3] {
    let second = 1_000_000_000;
    let start_ns = 1_700_000_000 * second;
    let mut plain = WindowBar {
        start_ns,
        end_ns: start_ns + second,
        flags: window_flag::FINAL,
        open: 4_810_250_000_000,
        high: 4_810_500_000_000,
        low: 4_810_000_000_001,
        close: 4_810_250_000_000,
        volume: 12,
        count: 3,
        buy_volume: 7,
        sell_volume: 5,
        first_seq: 100,
        last_seq: 160,
        watermark_ns: start_ns + 2 * second,
        ..WindowBar::empty(1, 17, start_ns + second)
    };
    plain.set_notional(12 * 4_810_250_000_000);
    let mut negative = WindowBar {
        revision: 1,
        flags: window_flag::FINAL | window_flag::INCOMPLETE,
        low: -37_630_000_000,
        missed: 9,
        ..plain
    };
    negative.header.instrument_id = u32::MAX;
    negative.set_notional(-3 * (1 << 64) - 1);
    let (open, close) = (UNDEF_PRICE, UNDEF_PRICE);
    let empty = WindowBar { open, close, ..WindowBar::empty(1, 17, start_ns + second) };
    [plain, negative, empty]
}

fn kept(format: FileFormat) -> PathBuf {
    let name = format!("bars.{}", format.extension());
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn the_kept_files_are_what_a_sink_writes() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let spec = "size = \"1s\"\n".to_owned();
        let mut sink = open(&SinkOptions { spec, ..options(&folder, format, 0) });
        for (seq, bar) in (0..).zip(bars()) {
            let _ = sink.push(seq, bar.as_bytes()).unwrap();
        }
        let written = sink.commit().unwrap().unwrap().path;
        if env::var_os(WRITE).is_some() {
            fs::copy(&written, kept(format)).unwrap();
        }
        // Columns, their types and metadata, and all values.
        assert_eq!(read(&written), read(&kept(format)), "{format:?}");
    }
}
