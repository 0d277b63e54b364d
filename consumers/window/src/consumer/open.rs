//! How a consumer begins, and goes on behind a crash.

use super::WindowConsumer;
use crate::checkpoint::{Checkpoint, CheckpointOptions, Checkpoints, Place};
use crate::error::WindowError;
use crate::input::{Former, History, Input, WindowHistory, WindowInput, find};
use crate::rings::{Rings, WindowRings, holds_records};
use crate::spec::WindowSpec;
use crate::stats::WindowStats;
use crate::windows::Windows;
use std::path::Path;
use tickring::{Batch, Directory, RingName, Start, Token};

impl WindowConsumer {
    /// Attaches to `ticks` at `start` and creates or takes over the rings, without checkpoints.
    ///
    /// # Errors
    ///
    /// [`WindowError::Spec`], [`WindowError::Delay`], or the errors of the rings.
    pub fn open(
        directory: &Directory,
        (ticks, start): (&RingName, Start),
        rings: &WindowRings,
        spec: &WindowSpec,
    ) -> Result<Self, WindowError> {
        Self::open_with(directory, &WindowInput::new(ticks.clone(), start), rings, spec, None)
    }

    /// Attaches to the input and creates or takes over the rings. With checkpoints it goes on from
    /// the newest one: the replay of what came since publishes only what the rings do not hold yet,
    /// and compares the rest.
    ///
    /// Without a checkpoint in the directory the output rings must hold no records.
    ///
    /// # Errors
    ///
    /// [`WindowError::Spec`], [`WindowError::Delay`], [`WindowError::Seam`], the errors of the
    /// rings and of journals; [`WindowError::OtherSpec`], [`WindowError::OtherInput`],
    /// [`WindowError::NoCheckpoint`], [`WindowError::RingBehind`] and the errors of opening
    /// checkpoints. No ring was changed then, but for the last two, which leave a restart record.
    pub fn open_with(
        directory: &Directory,
        input: &WindowInput,
        rings: &WindowRings,
        spec: &WindowSpec,
        checkpoints: Option<&CheckpointOptions>,
    ) -> Result<Self, WindowError> {
        let windows = Windows::new(spec)?;
        let Some(options) = checkpoints else {
            return Self::begin(directory, input, rings, windows, None);
        };
        let (mut kept, newest) = Checkpoints::open(options)?;
        if let Some(checkpoint) = newest {
            let path = &options.directory;
            refuse_other(&checkpoint, spec, path)?;
            let mut consumer = Self::resume(directory, input, rings, (checkpoint, path), windows)?;
            let (records, watermark_ns) =
                (consumer.windows.counts().records, consumer.watermark_ns());
            kept.restored_at(consumer.input.cursor(), records, watermark_ns);
            // Taken once the replay is done, so that the next crash needs not do it again.
            kept.ask();
            consumer.checkpoints = Some(kept);
            return Ok(consumer);
        }
        for ring in [&rings.bars, &rings.late] {
            if holds_records(directory, ring)? {
                let path = options.directory.clone();
                return Err(WindowError::NoCheckpoint { ring: ring.to_string(), path });
            }
        }
        let mut consumer = Self::begin(directory, input, rings, windows, Some(kept))?;
        // Before the first output: a crash behind it finds where to begin.
        consumer.checkpoint_now(None)?;
        Ok(consumer)
    }

    /// Begins without any state.
    fn begin(
        directory: &Directory,
        input: &WindowInput,
        rings: &WindowRings,
        mut windows: Windows,
        checkpoints: Option<Checkpoints>,
    ) -> Result<Self, WindowError> {
        let attached = match &input.history {
            None => Input::open(directory, input, input.start)?,
            Some(history) => {
                let seam = find(directory, &input.ring, history)?;
                behind_history(directory, input, history, seam)?
            }
        };
        if attached.history().is_none() && attached.cursor() > 0 {
            windows.attached_late();
        }
        let rings = Rings::open(directory, rings, windows.spec())?;
        Ok(Self::of(attached, rings, windows, checkpoints))
    }

    /// Goes on from a checkpoint.
    fn resume(
        directory: &Directory,
        input: &WindowInput,
        rings: &WindowRings,
        (checkpoint, path): (Checkpoint, &Path),
        mut windows: Windows,
    ) -> Result<Self, WindowError> {
        let Checkpoint { place, known, state, .. } = checkpoint;
        let attached = attach(directory, input, &place, path)?;
        windows.restore(&state)?;
        let mut rings = Rings::open(directory, rings, windows.spec())?;
        rings.resume(directory, [place.bars, place.late], known)?;
        if place.output_epoch > 0 {
            rings.show_count("output_epoch", place.output_epoch);
        }
        let former_rings = attached.former_rings();
        let mut consumer = Self::of(attached, rings, windows, None);
        consumer.stats.output_epoch = place.output_epoch;
        consumer.stats.former_rings = former_rings;
        Ok(consumer)
    }

    fn of(input: Input, rings: Rings, windows: Windows, checkpoints: Option<Checkpoints>) -> Self {
        let mut stats = WindowStats::new();
        stats.counts = windows.counts();
        let canonical = windows.spec().canonical();
        let batch = Batch::new();
        Self { input, rings: Some(rings), windows, batch, stats, checkpoints, canonical }
    }
}

/// Attaches to the input at the place of a checkpoint.
fn attach(
    directory: &Directory,
    input: &WindowInput,
    place: &Place,
    path: &Path,
) -> Result<Input, WindowError> {
    let spot = place.input;
    let token = Token { ring_id: spot.ring_id(), epoch: spot.number, seq: spot.seq };
    let other =
        |source| WindowError::OtherInput { path: path.to_owned(), source: Box::new(source) };
    let attached = match Input::open(directory, input, Start::Token(token)) {
        Ok(attached) => attached,
        Err(error @ tickring::Error::TokenMismatch { .. }) => {
            // The ring is another one: what followed the checkpoint is in the journals, if at all.
            let (Some(journal), None) = (&input.journal, place.seam) else {
                return Err(other(error));
            };
            let mut attached = Input::open(directory, input, Start::Sequence(0))?;
            let present = attached.token().ring_id;
            let former = Former::open(journal, &input.ring, &token, present).map_err(other)?;
            attached.follow(former);
            return Ok(attached);
        }
        Err(error) => return Err(error.into()),
    };
    match (place.seam, &input.history) {
        (None, _) => Ok(attached),
        (Some(seam), Some(history)) => behind_history(directory, input, history, seam),
        (Some(_), None) => Err(WindowError::Seam {
            path: path.to_owned(),
            found: "the checkpoint is of a consumer that had not read its history".to_owned(),
            hint: "give the history that the consumer was begun with",
        }),
    }
}

/// Attaches to the input where the history ends.
fn behind_history(
    directory: &Directory,
    input: &WindowInput,
    history: &WindowHistory,
    seam: (u64, u64),
) -> Result<Input, WindowError> {
    let mut attached = Input::open(directory, input, Start::Sequence(seam.1))?;
    attached.begin_with(History::open(history, seam)?);
    Ok(attached)
}

/// Refuses a checkpoint of another specification, with the lines that differ.
fn refuse_other(
    checkpoint: &Checkpoint,
    spec: &WindowSpec,
    path: &Path,
) -> Result<(), WindowError> {
    let wanted = spec.canonical();
    if checkpoint.spec == wanted {
        return Ok(());
    }
    let only = |mark: char, own: &str, other: &str| -> String {
        let lines = own.lines().filter(|line| !other.lines().any(|there| there == *line));
        lines.map(|line| format!("{mark} {line}\n")).collect()
    };
    let mut difference = only('-', &checkpoint.spec, &wanted);
    difference.push_str(&only('+', &wanted, &checkpoint.spec));
    Err(WindowError::OtherSpec { path: path.to_owned(), difference })
}
