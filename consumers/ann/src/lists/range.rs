//! How the range of codes follows the lanes: wider where too many are clipped, narrower where most
//! of it is not used.

use super::train::GROWTH;
use super::{Lists, encode, factor};
use crate::kmeans::Centroids;
use crate::metric::Metric;
use crate::quantiser::{Extremes, Quantiser};
use crate::window::Window;
use std::sync::Arc;

/// Vectors between two looks at how many were clipped.
const LOOK_EVERY: u64 = 1_024;
/// Of this many vectors one may be clipped before the range is made wider.
const CLIPPED_ONE_IN: u64 = 100;
/// Of this many vectors one is left out when a range is fitted: few that are far out would make the
/// codes of all others coarse.
const LEFT_OUT_ONE_IN: usize = 400;
/// By how much a range is made wider than what it was made for.
const MARGIN: f32 = 0.05;
/// A range that is so many times as wide as it should be is made narrower.
const TOO_WIDE: f32 = 1.5;
/// The first position at which the range is looked at.
const FIRST_FIT: u64 = 64;

impl Lists {
    /// Makes the range narrower if it is much wider than the live vectors need, when four times as
    /// many have come as at the last look: a stream may begin with zeros, or with its extremes.
    pub(super) fn fit_if_due(&mut self, window: &Window, position: u64) {
        if position < self.body.fitted_at.saturating_mul(GROWTH).max(FIRST_FIT) {
            return;
        }
        self.body.fitted_at = position;
        let (Some(now), fitted) = (self.body.quantiser, self.fitted(window)) else { return };
        if now.step > fitted.step * TOO_WIDE {
            self.requantise(window, now, fitted);
        }
    }

    /// Looks now and then at how many vectors were clipped, and if too many were, makes the range
    /// wider.
    pub(super) fn widen_if_due(&mut self, window: &Window) {
        let (seen, clipped) = self.body.lately;
        if seen < LOOK_EVERY.min(window.len() as u64) {
            return;
        }
        self.body.stats.clipped += clipped;
        self.body.lately = (0, 0);
        let lately = std::mem::replace(&mut self.body.extremes, Extremes::NONE);
        let Some(now) = self.body.quantiser.filter(|_| clipped * CLIPPED_ONE_IN > seen) else {
            return;
        };
        let Extremes { least, most } = now.range();
        let all = Extremes { least: least.min(lately.least), most: most.max(lately.most) };
        self.requantise(window, now, self.quantiser_of(all));
    }

    /// A quantiser for nearly all live vectors.
    fn fitted(&self, window: &Window) -> Quantiser {
        let (mut least, mut most) = (Vec::new(), Vec::new());
        for position in window.live() {
            let mut own = Extremes::NONE;
            let factor = factor(self.body.metric, window.mark(position).norm);
            own.see(window.lanes(position), factor);
            least.push(own.least);
            most.push(own.most);
        }
        least.sort_unstable_by(f32::total_cmp);
        most.sort_unstable_by(|a, b| b.total_cmp(a));
        let at = least.len() / LEFT_OUT_ONE_IN;
        let inner = |ends: &[f32]| ends.get(at).copied().unwrap_or(0.0);
        self.quantiser_of(Extremes { least: inner(&least), most: inner(&most) })
    }

    fn quantiser_of(&self, Extremes { least, most }: Extremes) -> Quantiser {
        let margin = (most - least) * MARGIN;
        let extremes = Extremes { least: least - margin, most: most + margin };
        Quantiser::new(extremes, self.body.metric == Metric::InnerProduct)
    }

    /// Makes all codes anew.
    fn requantise(&mut self, window: &Window, before: Quantiser, next: Quantiser) {
        self.body.quantiser = Some(next);
        self.body.stats.refitted += 1;
        let stride = self.body.stride;
        let metric = self.body.metric;
        let older = self.body.older.as_mut().map(|older| &mut older.generation);
        for generation in std::iter::once(&mut self.body.newest).chain(older) {
            generation.centroids = Arc::new(recoded(&generation.centroids, before, next, stride));
            for list in &mut generation.lists {
                Arc::make_mut(list).recode(stride, |position, code| {
                    let norm = window.mark(position).norm;
                    encode(metric, next, (window.lanes(position), norm), code).0
                });
            }
        }
    }
}

/// Centroids whose codes are made with another quantiser.
pub(super) fn recoded(
    from: &Centroids,
    narrow: Quantiser,
    wide: Quantiser,
    stride: usize,
) -> Centroids {
    if from.len() == 1 {
        return from.clone();
    }
    let mut codes = vec![0; from.codes.len()];
    let mut lanes = vec![0.0; stride];
    for (from, to) in from.codes.chunks_exact(stride).zip(codes.chunks_exact_mut(stride)) {
        for (lane, code) in lanes.iter_mut().zip(from) {
            *lane = narrow.decode(*code);
        }
        wide.encode(&lanes, 1.0, to);
    }
    Centroids::from_codes(codes, stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;
    use crate::lists::Choice;
    use crate::window::Mark;

    #[test]
    fn a_range_follows_what_comes_after_zeros_or_extremes_and_leaves_out_the_few() {
        for begin in [0.0, 1e6] {
            let mut window = Window::new(4, 2_000, None).unwrap();
            let mut lists = Lists::new(&window, Metric::L2, Choice::EXACT);
            let mut push = |lists: &mut Lists, seq: u64, lanes: [f32; 4]| {
                if let Some(position) = window.due(true) {
                    lists.expire(&window, position);
                    window.pop();
                }
                let mark = Mark { seq, norm: 1.0, ..Mark::default() };
                let position = window.push(mark, &lanes).unwrap();
                lists.insert(&window, position);
            };
            let step = |lists: &Lists| lists.body.quantiser.unwrap().step;
            for seq in 0..9_000 {
                let lane = |lane: u64| (seq * (lane * 13 + 5) % 997) as f32 / 997.0;
                let far = if seq % 1_500 == 7 { 100.0 } else { 1.0 };
                let lanes = [0, 1, 2, 3].map(lane).map(|lane| lane * far);
                push(&mut lists, seq, if seq < 10 { [begin; 4] } else { lanes });
            }
            assert!(step(&lists) < 0.006, "{begin}: {} for lanes below one", step(&lists));
            // What comes now is wider, and all of it.
            (9_000..12_000).for_each(|seq| push(&mut lists, seq, [seq as f32 - 9_000.0; 4]));
            assert!(step(&lists) > 5.0, "{begin}: {} for lanes below 3,000", step(&lists));
            assert!(lists.body.stats.refitted < 12, "{begin}: {:?}", lists.body.stats);
        }
    }
}
