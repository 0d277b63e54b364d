use proptest::prelude::*;

use super::*;

#[test]
fn means_are_exact_and_halves_go_to_the_even_unit() {
    let cases = [
        ((10, 20), (1, 1), Some(15)),
        ((10, 11), (1, 1), Some(10)),
        ((11, 12), (1, 1), Some(12)),
        ((-11, -10), (1, 1), Some(-10)),
        ((-12, -11), (1, 1), Some(-12)),
        ((0, 3), (2, 1), Some(1)),
        ((0, 1), (2, 1), Some(0)),
        ((0, 1), (1, 2), Some(1)),
        ((7, 9), (0, 5), Some(9)),
        ((7, 9), (0, 0), None),
        ((i64::MIN, i64::MAX - 1), (1, 1), Some(-1)),
        ((i64::MAX - 1, i64::MAX - 1), (u64::MAX / 2, u64::MAX / 2), Some(i64::MAX - 1)),
    ];
    for (prices, weights, expected) in cases {
        assert_eq!(weighted(prices, weights), expected, "{prices:?} {weights:?}");
    }
}

proptest! {
    #[test]
    fn no_other_unit_is_nearer(a: i64, b: i64, p in 0..1000u64, q in 1..1000u64) {
        let found = i128::from(weighted((a, b), (p, q)).unwrap());
        let (a, b, p, q) = (i128::from(a), i128::from(b), i128::from(p), i128::from(q));
        // Twice the distance, in units of one over the sum of the weights.
        let off = 2 * (a * p + b * q - found * (p + q)).abs();
        prop_assert!(off < p + q || (off == p + q && found % 2 == 0));
    }
}
