//! The short form of fuzzing: every target on its seeds, on what was found before, and on random
//! changes of both. The long form is `cargo xtask fuzz`.

#[path = "../fuzz/src/targets.rs"]
mod targets;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::path::Path;
use targets::{TARGETS, Target, find, write_seeds};

/// Changed inputs for each target.
const INPUTS: usize = 2_000;
/// Words that mean something in a format of 64-bit little-endian numbers.
const NUMBERS: [u64; 8] = [0, 1, 63, 64, 4096, 1 << 32, 1 << 63, u64::MAX];

/// The seeds and what is committed for a target.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut corpus = (target.seeds)();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
    let files = fs::read_dir(root).into_iter().flatten();
    corpus.extend(files.map(|file| fs::read(file.unwrap().path()).unwrap()));
    corpus
}

/// Changes some bytes, words or the length of an input.
fn change(input: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(1..6) {
        if input.is_empty() {
            input.push(random.random());
        }
        // Often in the first kilobytes, which is where formats keep what they are.
        let most = if random.random() { input.len() } else { input.len().min(6_000) };
        let at = random.random_range(0..most);
        match random.random_range(0..6) {
            0 => input.truncate(at),
            1 => input[at] ^= 1 << random.random_range(0..8),
            2 => input[at] = random.random(),
            3 => input.extend(std::iter::repeat_n(0, random.random_range(0..5_000))),
            _ => {
                let number = match random.random() {
                    true => NUMBERS[random.random_range(0..NUMBERS.len())],
                    false => random.next_u64(),
                };
                let at = at & !7;
                for (to, from) in input.iter_mut().skip(at).zip(number.to_le_bytes()) {
                    *to = from;
                }
            }
        }
    }
}

fn run(name: &str) {
    let target = find(name);
    let corpus = corpus(target);
    corpus.iter().for_each(|input| (target.run)(input));
    let seed = getrandom::u64().unwrap();
    println!("{name}: seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..INPUTS {
        let mut input = corpus[random.random_range(0..corpus.len())].clone();
        change(&mut input, &mut random);
        (target.run)(&input);
    }
}

#[test]
fn no_bytes_for_a_segment_do_harm() {
    run("attach");
}

#[test]
fn no_bytes_for_a_journal_do_harm() {
    run("journal");
}

#[test]
fn no_bytes_for_a_schema_do_harm() {
    run("schema");
}

#[test]
fn every_target_has_a_fuzzer_and_seeds() {
    let corpus = tempfile::tempdir().unwrap();
    for target in &TARGETS {
        let bin = format!("fuzz/src/bin/{}.rs", target.name);
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&bin).is_file(), "{bin}");
        write_seeds(target, corpus.path());
    }
    assert!(fs::read_dir(corpus.path()).unwrap().count() > 1);
}
