//! Rules on `unsafe`: where it may stand, and that each use is proved.

use crate::rust_code::{self, Line};
use crate::tree::Source;

/// Files that may use `unsafe`, with the reason that makes it unavoidable. What stands in a
/// folder of that name (`bus/src/segment/`) belongs to the file.
const MAY_USE: [(&str, &str); 21] = [
    ("bus/src/words.rs", "words of shared memory as atomics"),
    ("bus/src/segment.rs", "mapping a file"),
    ("bus/src/sync.rs", "the membarrier system call"),
    ("bus/src/control.rs", "words of the control segment"),
    ("bus/src/fault.rs", "handlers of SIGBUS and of fork, which replace mappings"),
    ("bus/src/memory.rs", "the mbind system call"),
    ("bus/src/lanes.rs", "in-place SIMD loads"),
    ("bus/src/wait.rs", "the futex system call"),
    ("bus/tests/process.rs", "a reader's store into the ring, which must fault"),
    ("bus/tests/allocations.rs", "an allocator that counts"),
    ("bus/tests/fork.rs", "forks of a test process"),
    ("bus/tests/hostile.rs", "stores of random words into a ring"),
    ("bus/tests/truncation.rs", "a SIGBUS that is none of the ring's"),
    ("bus/tests/torture/victim.rs", "a union that tells which system call a traced process makes"),
    ("producer/src/map.rs", "mapping a recording"),
    ("producer/src/source/itch/normalise/orders.rs", "the instruction that fetches a line"),
    ("producer/src/source/udp/datagrams.rs", "the recvmmsg system call"),
    ("consumers/ann/src/kernel.rs", "calls of the kernels for processors with AVX2 or VNNI"),
    ("consumers/ann/src/ranking.rs", "calls of those for processors with AVX-512"),
    ("benches/src/shared.rs", "words shared by the two processes of a measurement"),
    ("benches/src/plain.rs", "the yardstick: the same arithmetic over an ordinary slice"),
];

/// How far above an `unsafe` its proof may begin, in lines.
const PROOF_LINES: usize = 6;

/// The marks of a proof: in a comment above a use, in the documentation of a declaration.
const PROOF: &str = "SAFETY";
const CONTRACT: &str = "# Safety";

/// Lines of code, from 0, that hold the keyword.
fn uses(file: &Source) -> impl Iterator<Item = usize> {
    let keyword = |line: &Line| rust_code::has_word(&line.code, "unsafe");
    (0..).zip(&file.rust).filter(move |(_, line)| keyword(line)).map(|(at, _)| at)
}

/// Only the listed modules use `unsafe`.
pub(super) fn place(file: &Source) -> Vec<(usize, String)> {
    let belongs = |(listed, _): &(&str, &str)| {
        let folder = listed.trim_end_matches(".rs");
        file.path.strip_prefix(folder).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    if MAY_USE.iter().any(belongs) {
        return Vec::new();
    }
    let files = MAY_USE.iter().map(|(listed, _)| *listed);
    let files: Vec<_> = files.filter(|listed| listed.contains("/src/")).collect();
    let advice = format!("write it without unsafe, or move it into one of {}", files.join(", "));
    uses(file).map(|at| (at + 1, advice.clone())).collect()
}

/// Each use has its proof right above it, each declaration its contract in its documentation.
pub(super) fn proof(file: &Source) -> Vec<(usize, String)> {
    uses(file)
        .filter(|at| !is_proved(&file.rust, *at))
        .map(|at| {
            (at + 1, format!("prove it: `// {PROOF}:` above it, or `{CONTRACT}` in its docs"))
        })
        .collect()
}

fn is_proved(lines: &[Line], at: usize) -> bool {
    let marked = |line: &Line| line.comment.contains(PROOF) || line.comment.contains(CONTRACT);
    let near = lines.iter().take(at + 1).rev().take(PROOF_LINES + 1).any(marked);
    // Documentation may be longer than a proof: it reaches up to the first line of other code.
    let is_above = |line: &&Line| {
        let code = line.code.trim();
        code.starts_with("#[") || (code.is_empty() && !line.comment.is_empty())
    };
    near || lines.iter().take(at).rev().take_while(is_above).any(marked)
}

/// A module of the bus with `unsafe` says what that relies on.
pub(super) fn invariants(file: &Source) -> Vec<(usize, String)> {
    let says = |line: &Line| line.comment.starts_with("//! # Invariants");
    let is_test = file.tests_from == 0;
    if is_test || uses(file).next().is_none() || file.rust.iter().any(says) {
        return Vec::new();
    }
    vec![(1, "say in `//! # Invariants` what the unsafe code of this file relies on".to_owned())]
}

/// The lint is lifted with a reason, and only where `unsafe` may stand.
pub(super) fn allow(file: &Source) -> Vec<(usize, String)> {
    let lifts = |line: &Line| {
        let code = &line.code;
        rust_code::has_word(code, "unsafe_code")
            && ["allow", "expect"].iter().any(|word| rust_code::has_word(code, word))
    };
    let lifted = (1..).zip(&file.rust).filter(|(_, line)| lifts(line));
    let advice = || "delete it: nothing in this file is unsafe".to_owned();
    match uses(file).next() {
        Some(_) => Vec::new(),
        None => lifted.map(|(line, _)| (line, advice())).collect(),
    }
}
