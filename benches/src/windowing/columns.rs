//! Ticks as a Parquet file, for engines that read columns.

use crate::failure::Failure;
use crate::windowing::market::Tick;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Ticks that are written at once.
const BATCH: usize = 1 << 20;

/// Writes the columns seq, ts, sym, price, size and side, all of them 64-bit integers.
///
/// # Errors
///
/// [`Failure::Io`], [`Failure::Columns`].
pub fn write(ticks: &[Tick], path: &Path) -> Result<(), Failure> {
    let file = File::create(path).map_err(|source| Failure::io("create", path, source))?;
    let mut writer = None;
    let mut first = 0;
    for batch in ticks.chunks(BATCH) {
        let rows = rows(first, batch).map_err(Failure::columns)?;
        let file = || file.try_clone().map_err(|source| Failure::io("write", path, source));
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(
                ArrowWriter::try_new(file()?, rows.schema(), None).map_err(Failure::columns)?,
            ),
        };
        writer.write(&rows).map_err(Failure::columns)?;
        first += i64::try_from(batch.len()).unwrap_or(0);
    }
    if let Some(writer) = writer {
        writer.close().map_err(Failure::columns)?;
    }
    Ok(())
}

fn rows(first: i64, ticks: &[Tick]) -> Result<RecordBatch, impl std::error::Error> {
    let column = |value: fn(&Tick) -> i64| {
        Arc::new(Int64Array::from_iter_values(ticks.iter().map(value))) as ArrayRef
    };
    let seqs = Int64Array::from_iter_values((first..).take(ticks.len()));
    RecordBatch::try_from_iter([
        ("seq", Arc::new(seqs) as ArrayRef),
        ("ts", column(|tick| tick.ts.cast_signed())),
        ("sym", column(|tick| i64::from(tick.sym))),
        ("price", column(|tick| tick.price)),
        ("size", column(|tick| i64::from(tick.size))),
        ("side", column(|tick| i64::from(tick.side))),
    ])
}
