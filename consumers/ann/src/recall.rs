//! The recall, measured while the index is in use, and what follows from it.
//!
//! Every so many approximate searches the same query is also answered exactly. The share of the
//! true neighbours that the index found is its recall; it is given with an interval, and after
//! each batch of such comparisons the number of lists that are looked through goes up or down, or
//! up as soon as a batch has missed what it may. All that is decided is decided in integers, so
//! that a replay decides the same.

use std::collections::VecDeque;

/// Comparisons of one batch.
const BATCH: u64 = 32;
/// Batches that the estimate is made from.
const RECENT: usize = 16;
/// Standard deviations on either side of an interval that holds 95 times in 100.
const DEVIATIONS: f64 = 1.96;
/// Parts in a thousand.
const WHOLE: u64 = 1_000;

/// How recall is measured and what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecallOptions {
    /// Approximate searches from one that is compared to the next; 0 measures nothing.
    pub every: u64,
    /// What recall should be, in thousandths.
    pub target_permille: u16,
}

impl Default for RecallOptions {
    /// One in fifty, for a recall of 0.95.
    fn default() -> Self {
        Self { every: 50, target_permille: 950 }
    }
}

/// The recall of the last few hundred comparisons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecallEstimate {
    /// The lower end of the interval that holds the recall 95 times in 100, as Wilson gives it.
    pub low: f64,
    /// The share of true neighbours that were found.
    pub mean: f64,
    /// The upper end.
    pub high: f64,
    /// True neighbours that were looked for.
    pub neighbours: u64,
}

/// What to do after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Search more.
    More,
    /// Less would do.
    Fewer,
    /// All is well, or the batch is not complete.
    Keep,
}

impl Verdict {
    /// The next of what makes a search find more the greater it is: a quarter more, or a sixteenth
    /// less.
    pub(crate) fn step(self, now: u64) -> u64 {
        match self {
            Self::Keep => now,
            Self::More => now + (now / 4).max(1),
            Self::Fewer => now.saturating_sub((now / 16).max(1)),
        }
    }
}

/// Counts comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recall {
    pub(crate) options: RecallOptions,
    /// Approximate searches since the last comparison.
    pub(crate) unmeasured: u64,
    /// Comparisons, neighbours found and neighbours looked for, in the batch.
    pub(crate) batch: [u64; 3],
    /// Found and looked for, of the last batches.
    recent: VecDeque<[u64; 2]>,
}

impl Recall {
    pub(crate) fn new(options: RecallOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Words of the state.
    pub(crate) const WORDS: usize = 5 + 2 * RECENT;

    /// The state, for snapshots.
    pub(crate) fn words(&self) -> Vec<u64> {
        let mut words = vec![self.unmeasured, self.recent.len() as u64];
        words.extend(self.batch);
        words.extend(self.recent.iter().flatten());
        words.resize(Self::WORDS, 0);
        words
    }

    /// Takes the state over; `None` if it cannot be one.
    pub(crate) fn set_words(&mut self, words: &[u64]) -> Option<()> {
        let [unmeasured, count, a, b, c, recent @ ..] = words else { return None };
        let count = usize::try_from(*count).ok().filter(|count| *count <= RECENT)?;
        (*a < BATCH && b <= c && *c < 1 << 32).then_some(())?;
        (self.unmeasured, self.batch) = (*unmeasured, [*a, *b, *c]);
        self.recent = recent.as_chunks().0.iter().take(count).copied().collect();
        (self.recent.len() == count).then_some(())
    }

    /// Counts an approximate search and says whether it should be compared.
    pub(crate) fn is_due(&mut self) -> bool {
        self.unmeasured += 1;
        let is_due = self.options.every > 0 && self.unmeasured >= self.options.every;
        if is_due {
            self.unmeasured = 0;
        }
        is_due
    }

    /// Takes a comparison.
    pub(crate) fn take(&mut self, found: u64, wanted: u64) -> Verdict {
        for (all, more) in self.batch.iter_mut().zip([1, found, wanted]) {
            *all += more;
        }
        let target = u64::from(self.options.target_permille).min(WHOLE);
        // Between a fifth and three fifths of the way from the target to perfection.
        let (low, high) = (target + (WHOLE - target) / 5, target + (WHOLE - target) * 3 / 5);
        let [count, found, wanted] = self.batch;
        // What a whole batch may miss: where it is missed before, the rest need not be waited for.
        let is_lost = (wanted - found) * WHOLE * count > (WHOLE - low) * wanted * BATCH;
        if count < BATCH && !is_lost {
            return Verdict::Keep;
        }
        self.batch = [0; 3];
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back([found, wanted]);
        match found * WHOLE {
            permille if permille < low * wanted => Verdict::More,
            permille if permille > high * wanted => Verdict::Fewer,
            _ => Verdict::Keep,
        }
    }

    /// The estimate; `None` before the first comparison.
    pub(crate) fn estimate(&self) -> Option<RecallEstimate> {
        let [_, found, wanted] = self.batch;
        let all = self.recent.iter().copied().chain([[found, wanted]]);
        let (found, wanted) = all.fold((0, 0), |sum, [f, w]| (sum.0 + f, sum.1 + w));
        if wanted == 0 {
            return None;
        }
        let (n, mean) = (wanted as f64, found as f64 / wanted as f64);
        let z2 = DEVIATIONS * DEVIATIONS;
        let middle = mean + z2 / (2.0 * n);
        let half = DEVIATIONS * (mean * (1.0 - mean) / n + z2 / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z2 / n;
        let (low, high) = ((middle - half) / scale, (middle + half) / scale);
        Some(RecallEstimate { low: low.max(0.0), mean, high: high.min(1.0), neighbours: wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict of a batch, as soon as it is there.
    fn batch(recall: &mut Recall, found: u64) -> Verdict {
        let verdicts = (0..BATCH).map(|_| recall.take(found, 100));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Keep).unwrap_or(Verdict::Keep)
    }

    #[test]
    fn a_batch_below_the_target_asks_for_more_and_one_far_above_for_fewer() {
        let mut recall = Recall::new(RecallOptions { every: 2, target_permille: 900 });
        assert_eq!([recall.is_due(), recall.is_due(), recall.is_due()], [false, true, false]);
        assert_eq!(recall.estimate(), None);
        assert_eq!(batch(&mut recall, 91), Verdict::More, "too close to the target");
        assert_eq!(batch(&mut recall, 94), Verdict::Keep);
        assert_eq!(batch(&mut recall, 99), Verdict::Fewer);
        let found = recall.estimate().unwrap();
        assert!((found.mean - 8_815.0 / 9_300.0).abs() < 1e-9 && found.neighbours == 9_300);
        assert!(found.low < found.mean && found.mean < found.high);
        assert!((found.high - found.low) < 0.012, "{found:?}");
    }

    #[test]
    fn a_batch_that_has_missed_what_it_may_is_not_waited_for() {
        let mut recall = Recall::new(RecallOptions { every: 1, target_permille: 900 });
        // 256 of 3,200 may be missed, which seven times 40 are.
        assert!((0..6).all(|_| recall.take(60, 100) == Verdict::Keep));
        assert_eq!(recall.take(60, 100), Verdict::More);
        assert!((0..6).all(|_| recall.take(60, 100) == Verdict::Keep), "the next batch");
        let words = recall.words();
        assert_eq!(Recall::new(recall.options).set_words(&words), Some(()));
        assert_eq!(Recall::new(recall.options).set_words(&[0, 0, 7, 8, 7]), None);
    }

    #[test]
    fn nothing_is_measured_where_it_is_not_asked_for() {
        let mut recall = Recall::new(RecallOptions { every: 0, target_permille: 900 });
        assert!((0..1_000).all(|_| !recall.is_due()));
    }
}
