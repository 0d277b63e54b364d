//! The state of a corpus: window, lists, and what recall has taught.

use super::pack::{Packer, Unpacker};
use crate::code::Measure;
use crate::codes::Codes;
use crate::corpus::{Corpus, Indexed};
use crate::frozen::Frozen;
use crate::lists::{Body, ListStats, Lists};
use crate::recall::Recall;
use crate::window::{Mark, Window};

/// Packs a corpus; `None` if its index is between two generations of lists.
pub(super) fn pack(frozen: &Frozen, packer: &mut Packer) -> Option<()> {
    if !frozen.is_settled {
        return None;
    }
    let window = &frozen.live.window;
    let live = window.live();
    for word in [live.start, live.end, window.clock_ns(), frozen.not_finite] {
        packer.word(word);
    }
    for position in live {
        let mark = window.mark(position);
        let tags = u64::from(mark.instrument_id) << 32 | u64::from(mark.tag);
        for word in [mark.seq, mark.id, mark.ts_event, mark.clock_ns, tags] {
            packer.word(word);
        }
        packer.lane(mark.norm);
        window.lanes(position).iter().for_each(|lane| packer.lane(*lane));
    }
    frozen.recall.words().into_iter().for_each(|word| packer.word(word));
    packer.word(frozen.pinned_effort.probe_permille);
    packer.word(frozen.pinned_effort.rerank);
    if let Some(body) = &frozen.live.body {
        pack_lists(body, window, packer);
    }
    Some(())
}

/// Fills an empty corpus; `None` if what was packed cannot be.
pub(super) fn unpack(corpus: &mut Corpus, unpacker: &mut Unpacker<'_>) -> Option<()> {
    let (head, tail) = (unpacker.word()?, unpacker.word()?);
    let (clock_ns, not_finite) = (unpacker.word()?, unpacker.word()?);
    let mut marks = Vec::new();
    corpus.begin_at(head, clock_ns, not_finite);
    for position in head..tail {
        let [seq, id, ts_event, clock_ns] = words(unpacker)?;
        let tags = unpacker.word()?;
        let norm = unpacker.lane()?;
        let mut lanes = Vec::with_capacity(corpus.live.window.dim());
        for _ in 0..corpus.live.window.dim() {
            lanes.push(unpacker.lane().filter(|lane| lane.is_finite())?);
        }
        let instrument_id = u32::try_from(tags >> 32).ok()?;
        let tag = u16::try_from(tags & 0xffff_ffff).ok()?;
        let mark = Mark { seq, id, ts_event, clock_ns, instrument_id, norm, tag };
        corpus.live.window.restore(mark, &lanes).filter(|found| *found == position)?;
        marks.push((position, mark));
    }
    let learnt: Vec<u64> = (0..Recall::WORDS).map_while(|_| unpacker.word()).collect();
    corpus.recall.set_words(&learnt)?;
    corpus.set_pinned_effort(words(unpacker)?);
    if let Indexed::Lists(lists) = &mut corpus.live.index {
        unpack_lists(lists, &corpus.live.window, unpacker)?;
    }
    marks.into_iter().for_each(|(position, mark)| corpus.note(mark, position));
    unpacker.is_done().then_some(())
}

fn words<const N: usize>(unpacker: &mut Unpacker<'_>) -> Option<[u64; N]> {
    let mut words = [0; N];
    for word in &mut words {
        *word = unpacker.word()?;
    }
    Some(words)
}

fn pack_lists(body: &Body, window: &Window, packer: &mut Packer) {
    let stats = &body.stats;
    for word in [
        stats.lists,
        stats.probe_permille,
        stats.generation.into(),
        stats.fell_back,
        stats.rerank,
        body.is_stale.into(),
        body.trained_at,
    ] {
        packer.word(word);
    }
    let centroids = &body.newest.centroids;
    for at in 0..centroids.len() {
        let Measure { middle, step, .. } = centroids.all().measure(at);
        [middle, step].into_iter().for_each(|lane| packer.lane(lane));
        packer.bytes(centroids.code(at));
    }
    let first = window.live().start;
    let mut lists = vec![0_u64; window.len()];
    for (number, list) in (0..).zip(&body.newest.lists) {
        for position in list.runs(body.stride).flat_map(|run| run.positions) {
            let at = usize::try_from(position - first).unwrap_or(usize::MAX);
            if let Some(list) = lists.get_mut(at) {
                *list = number;
            }
        }
    }
    lists.into_iter().for_each(|list| packer.word(list));
}

fn unpack_lists(lists: &mut Lists, window: &Window, unpacker: &mut Unpacker<'_>) -> Option<()> {
    let [count, probe_permille, generation, fell_back, rerank, is_stale, trained_at] =
        words(unpacker)?;
    let stride = lists.body.stride;
    let mut centroids = Codes::new(stride);
    for _ in 0..count {
        let (middle, step) = (unpacker.lane()?, unpacker.lane()?);
        let code = unpacker.bytes(stride)?;
        centroids.push(code, Measure::of(code, middle, step));
    }
    (count > 0).then_some(())?;
    let generation = u32::try_from(generation).ok()?;
    lists.begin_at(
        centroids,
        ListStats { lists: count, probe_permille, rerank, generation, fell_back },
    );
    for position in window.live() {
        let list = u32::try_from(unpacker.word()?).ok()?;
        lists.adopt(window, position, list).then_some(())?;
    }
    lists.body.is_stale = is_stale != 0;
    lists.body.trained_at = trained_at;
    Some(())
}
