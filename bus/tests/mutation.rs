//! The short form of fuzzing: a target on its seeds, on what was found before, and on random
//! changes of both. The long form is `cargo xtask fuzz`.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Numbers that mean something in formats: the least, the most, and what is around powers of two.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 63, 64, 255, 4096, 65_535, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
/// The longest input that grows further, in bytes.
const LONG: usize = 1 << 17;

/// Runs a target on `seeds`, on the files in `known`, and on `inputs` changes of both.
pub(crate) fn run(
    name: &str,
    target: fn(&[u8]),
    (seeds, known): (Vec<Vec<u8>>, &Path),
    inputs: usize,
) {
    let mut corpus = seeds;
    let files = fs::read_dir(known).into_iter().flatten();
    corpus.extend(files.map(|file| fs::read(file.unwrap().path()).unwrap()));
    corpus.iter().for_each(|input| target(input));
    let seed = getrandom::u64().unwrap();
    println!("{name}: seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..inputs {
        let mut input = corpus[random.random_range(0..corpus.len())].clone();
        let other = &corpus[random.random_range(0..corpus.len())];
        for _ in 0..random.random_range(1..6) {
            change(&mut input, other, &mut random);
        }
        target(&input);
    }
}

/// Changes a byte, a number, a part or the length of an input.
fn change(input: &mut Vec<u8>, other: &[u8], random: &mut ChaCha8Rng) {
    if input.is_empty() {
        input.push(random.random());
    }
    // Often in the first kilobytes, which is where formats keep what they are.
    let most = if random.random() { input.len() } else { input.len().min(6_000) };
    let at = random.random_range(0..most);
    match random.random_range(0..10) {
        0 => input.truncate(at),
        1 => input[at] ^= 1 << random.random_range(0..8),
        2 => input[at] = random.random(),
        3 if input.len() < LONG => {
            input.extend(std::iter::repeat_n(0, random.random_range(0..5_000)));
        }
        4 => drop(input.drain(part(input.len(), at, random))),
        5 if input.len() < LONG => {
            let again = input[part(input.len(), at, random)].to_vec();
            input.splice(at..at, again);
        }
        6 if !other.is_empty() => {
            let from = part(other.len(), random.random_range(0..other.len()), random);
            let to = part(input.len(), at, random);
            input.splice(to, other[from].iter().copied());
        }
        _ => write_number(input, at, random),
    }
}

/// A part of so many bytes that begins at a place.
fn part(length: usize, at: usize, random: &mut ChaCha8Rng) -> Range<usize> {
    at..length.min(at + random.random_range(1..200))
}

/// Writes a number of 1 to 8 bytes in either order, half of them at a multiple of its size.
fn write_number(input: &mut [u8], at: usize, random: &mut ChaCha8Rng) {
    let size = 1 << random.random_range(0..4);
    let at = if random.random() { at & !(size - 1) } else { at };
    let number = match random.random_range(0..3) {
        0 => random.next_u64(),
        1 => NUMBERS[random.random_range(0..NUMBERS.len())],
        // What is there, a little more or less: the length that a format expects is near.
        _ => {
            let there = input.iter().skip(at).take(size);
            let there = there.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            there.wrapping_add(random.random_range(0..9)).wrapping_sub(4)
        }
    };
    let mut bytes = number.to_be_bytes()[8 - size..].to_vec();
    if random.random() {
        bytes.reverse();
    }
    for (to, from) in input.iter_mut().skip(at).zip(bytes) {
        *to = from;
    }
}
