//! The consumer, and where its bars go beside the ring.

use super::files::Files;
use super::stdout::Stdout;
use crate::failure::Failure;
use crate::notation::{Age, Grouped};
use crate::note::note;
use crate::output::Output;
use crate::service::{Service, Step};
use serde_json::{Value, json};
use std::time::Duration;
use tickring_window::WindowConsumer;

/// A consumer with files and stdout, which take what it has published after each step: it cannot
/// overwrite what they have not taken, unless one step publishes more than a ring holds.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) consumer: WindowConsumer,
    pub(super) files: Option<Files>,
    pub(super) stdout: Option<Stdout>,
}

impl Service for Work {
    const NAME: &'static str = "window";

    fn step(&mut self) -> Result<Step, Failure> {
        let before = self.consumer.stats().output_epoch;
        let progress = self.consumer.run_once()?;
        let epoch = self.consumer.stats().output_epoch;
        if epoch != before {
            note(
                "window",
                format_args!(
                    "output epoch {epoch}: the ticks behind the checkpoint are overwritten, bars \
                     that they were part of are INCOMPLETE; --journal prevents it"
                ),
            );
        }
        if let Some(files) = &mut self.files {
            files.take()?;
        }
        Ok(progress.into())
    }

    fn print(&mut self, output: &mut Output) -> Result<(), Failure> {
        self.stdout.as_mut().map_or(Ok(()), |stdout| stdout.print(output))
    }

    fn wait(&mut self, limit: Duration) {
        let _ = self.consumer.wait(limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        self.consumer.stop()?;
        self.files.as_mut().map_or(Ok(()), Files::commit)
    }

    fn text(&self) -> String {
        let stats = self.consumer.stats();
        let counts = stats.counts;
        let quantile = |at| Age(stats.latency_ns.value_at_quantile(at));
        let files = self.files.as_ref().map_or_else(String::new, |files| {
            let (rows, files) = files.counts();
            format!(", {} rows in {} files", Grouped(rows), Grouped(files))
        });
        let checkpoints =
            self.consumer.checkpoint_stats().map_or_else(String::new, |checkpoints| {
                format!(
                    ", {} replayed, {} checkpoints, {} failed, stall p99 {}",
                    Grouped(stats.replayed),
                    Grouped(checkpoints.written),
                    Grouped(checkpoints.failed),
                    Age(checkpoints.stall_ns.value_at_quantile(0.99)),
                )
            });
        format!(
            "{} records, {} trades, {} bars, {} revisions, {} corrected, {} late, {} untimed, \
             {} refused, {} missed, {} restarts, {} tombstones, lag {}, latency p50 {} \
             p99 {}{checkpoints}{files}",
            Grouped(counts.records),
            Grouped(counts.trades),
            Grouped(counts.bars),
            Grouped(counts.revisions),
            Grouped(counts.corrected),
            Grouped(counts.late),
            Grouped(counts.untimed),
            Grouped(counts.refused),
            Grouped(stats.missed),
            Grouped(stats.restarts),
            Grouped(stats.tombstones),
            Grouped(self.consumer.lag()),
            quantile(0.5),
            quantile(0.99),
        )
    }

    fn json(&self) -> Value {
        let stats = self.consumer.stats();
        let counts = stats.counts;
        json!({
            "records": counts.records,
            "trades": counts.trades,
            "accepted": counts.accepted,
            "late": counts.late,
            "untimed": counts.untimed,
            "corrected": counts.corrected,
            "refused": counts.refused,
            "quotes": counts.quotes,
            "bars": counts.bars,
            "revisions": counts.revisions,
            "forgotten": counts.forgotten,
            "skipped": counts.skipped,
            "watermark_ns": self.consumer.watermark_ns(),
            "missed": stats.missed,
            "restarts": stats.restarts,
            "tombstones": stats.tombstones,
            "replayed": stats.replayed,
            "left_out": stats.left_out,
            "output_epoch": stats.output_epoch,
            "checkpoints": self.consumer.checkpoint_stats().map(|checkpoints| json!({
                "written": checkpoints.written,
                "deferred": checkpoints.deferred,
                "failed": checkpoints.failed,
                "failure": checkpoints.failure,
                "bytes": checkpoints.bytes,
                "restored_seq": checkpoints.restored_seq,
                "stall_ns_p50": checkpoints.stall_ns.value_at_quantile(0.5),
                "stall_ns_p99": checkpoints.stall_ns.value_at_quantile(0.99),
            })),
            "lag": self.consumer.lag(),
            "latency_ns_p50": stats.latency_ns.value_at_quantile(0.5),
            "latency_ns_p99": stats.latency_ns.value_at_quantile(0.99),
            "files": self.files.as_ref().map(Files::json),
        })
    }
}
