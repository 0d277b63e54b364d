//! What codes prove: a search over them gives what one over all lanes gives, to the last bit.

use proptest::prelude::*;
use tickring::record::{Record, Vector};
use tickring_ann::{Choice, Corpus, CorpusOptions, Filter, Indexing, Metric, RecallOptions, Terms};

/// How the lanes of a stream are distributed.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Even,
    /// A few lanes are a thousand times as large.
    Heavy,
    /// All lie far from zero, close to each other.
    Remote,
    /// Few different ones, so that most distances are equal.
    Coarse,
    /// The later, the larger, so that lanes are clipped and ranges widened.
    Growing,
}

const KINDS: [Kind; 5] = [Kind::Even, Kind::Heavy, Kind::Remote, Kind::Coarse, Kind::Growing];

fn lanes(kind: Kind, scale: f32, raw: &[i16], at: usize) -> Vec<f32> {
    let lane = |raw: &i16| {
        let even = f32::from(*raw) / 32_768.0;
        scale
            * match kind {
                Kind::Even => even,
                Kind::Heavy if raw % 29 == 0 => even * 1_000.0,
                Kind::Heavy => even,
                Kind::Remote => 1e6 + even,
                Kind::Coarse => f32::from(raw % 3),
                Kind::Growing => even * (at + 1) as f32,
            }
    };
    raw.iter().map(lane).collect()
}

fn corpus(dim: usize, metric: Metric, window: u64, indexing: Indexing) -> Corpus {
    let recall = RecallOptions { every: 0, target_permille: 950 };
    let options = CorpusOptions { metric, window, ttl: None, indexing, recall, pinned: None };
    Corpus::new(dim, options).unwrap()
}

fn found(corpus: &mut Corpus, query: &[f32], terms: &Terms) -> Vec<(u64, u64, u32)> {
    corpus.search(query, terms);
    assert!(!corpus.is_approximate());
    let near = corpus.neighbours().iter();
    near.map(|near| (near.seq, near.id, near.distance.to_bits())).collect()
}

#[test]
fn a_search_as_far_as_the_bound_misses_nothing_in_few_lists() {
    // Groups far apart, and so many candidates that codes hide nothing.
    let choice = Choice { exact_up_to: 0, lists_from: 200, lists: 24, per_list: 1, rerank: 60 };
    for metric in [Metric::L2, Metric::Cosine] {
        let mut listed = corpus(8, metric, 9_000, Indexing::Lists(choice));
        let mut exact = corpus(8, metric, 9_000, Indexing::Exact);
        listed.set_probe_permille(2_000);
        let terms = Terms { k: 5, radius: None, filter: Filter::default() };
        let row = |seq: u64| {
            let group = seq * 7 % 31;
            let lane = |lane: u64| {
                let inner = (seq * (lane * 13 + 5) % 997) as f32 / 997.0;
                (group * (lane + 3) % 17) as f32 * 3.0 + inner
            };
            [0, 1, 2, 3, 4, 5, 6, 7].map(lane)
        };
        let (mut looked, mut asked) = (0, 0);
        for seq in 0..16_000 {
            let (lanes, record) = (row(seq), Vector { vec_id: seq, ..Vector::empty(1, 1, seq) });
            if seq > 10_000 && seq % 40 == 0 {
                looked += listed.search(&lanes, &terms).scanned;
                exact.search(&lanes, &terms);
                assert_eq!(listed.neighbours(), exact.neighbours(), "{metric} {seq}");
                asked += u64::from(listed.is_approximate());
            }
            listed.insert(seq, &record, &lanes);
            exact.insert(seq, &record, &lanes);
        }
        assert!(asked == 149 && looked < asked * 3_000, "{metric}: {looked} in {asked}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_search_over_codes_finds_what_one_over_lanes_finds(
        metric in prop::sample::select(vec![Metric::L2, Metric::InnerProduct, Metric::Cosine]),
        kind in prop::sample::select(KINDS.to_vec()),
        scale in -30i32..18,
        dim in 1usize..90,
        rows in 1usize..400,
        window in 1u64..400,
        k in 0usize..12,
        radius in prop::option::weighted(0.3, 0usize..400),
        instrument in prop::option::weighted(0.2, 0u32..3),
        seed: u64,
    ) {
        let scale = 10_f32.powi(scale);
        let mut state = seed | 1;
        let mut raw = || {
            let next = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 48) as u16 as i16
            };
            (0..dim).map(next).collect::<Vec<i16>>()
        };
        let flat = Choice { exact_up_to: 0, ..Choice::EXACT };
        let many = Choice { exact_up_to: 0, lists_from: 40, lists: 7, per_list: 1, rerank: 2 };
        let mut lane_by_lane = corpus(dim, metric, window, Indexing::Exact);
        let mut coded = corpus(dim, metric, window, Indexing::Lists(flat));
        let mut listed = corpus(dim, metric, window, Indexing::Lists(many));
        let filter = Filter { instrument, ..Filter::default() };
        for at in 0..rows {
            let lanes = lanes(kind, scale, &raw(), at);
            let record = Vector { vec_id: at as u64, ..Vector::empty(1, at as u32 % 3, at as u64) };
            for corpus in [&mut lane_by_lane, &mut coded, &mut listed] {
                corpus.insert(at as u64, &record, &lanes);
            }
            if at % 37 != 36 && at + 1 < rows {
                continue;
            }
            // Now and then a query is one of the vectors.
            let query = if at % 2 == 0 { lanes } else { self::lanes(kind, scale, &raw(), at) };
            let mut terms = Terms { k, radius: None, filter };
            let expected = found(&mut lane_by_lane, &query, &terms);
            prop_assert_eq!(&found(&mut coded, &query, &terms), &expected);
            // Lists are exact where a radius is asked for: one that some vector lies on.
            let far = Terms { k: 400, ..terms };
            let all = found(&mut lane_by_lane, &query, &far);
            let Some(at) = radius.and_then(|at| all.get(at % all.len().max(1))) else { continue };
            terms.radius = Some(f32::from_bits(at.2));
            let expected = found(&mut lane_by_lane, &query, &terms);
            prop_assert_eq!(&found(&mut coded, &query, &terms), &expected);
            prop_assert_eq!(&found(&mut listed, &query, &terms), &expected);
        }
    }
}

#[test]
fn lanes_so_large_that_their_squares_are_no_numbers_are_found_where_nothing_else_is() {
    let choice = Choice { exact_up_to: 0, lists_from: 40, lists: 6, per_list: 1, rerank: 1 };
    let mut listed = corpus(8, Metric::L2, 200, Indexing::Lists(choice));
    for id in 0..600_u64 {
        // Nine in ten are far beyond what can be squared.
        let scale = if id % 10 == 0 { 1.0 } else { 3e37 };
        let lanes: [f32; 8] = std::array::from_fn(|lane| {
            scale * (((id * (lane as u64 * 5 + 3)) % 19) as f32 - 9.0) / 2.0
        });
        let vector = Vector { vec_id: id, ..Vector::empty(0, 0, id) };
        assert!(listed.insert(id, &vector, &lanes));
    }
    for (k, small) in [(5, 5), (20, 20), (60, 20), (200, 20)] {
        let terms = Terms { k, radius: None, filter: Filter::default() };
        for query in [[0.5; 8], [1e38; 8]] {
            listed.search(&query, &terms);
            let near = listed.neighbours();
            assert_eq!(near.len(), k, "as many as there are, of {query:?}");
            let is_known = query[0] == 0.5;
            let found = near.iter().filter(|near| near.id % 10 == 0).count();
            assert!(!is_known || found >= small - 5, "{found} of {small} near ones");
        }
    }
}
