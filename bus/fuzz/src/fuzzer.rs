//! The part of a fuzzer that all have: which target it runs, and with what it begins.

use super::target::{self, Target};
use std::env;
use std::path::Path;
use std::sync::OnceLock;

/// The target that this process runs.
static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

/// Takes the target that `TICKRING_FUZZ_TARGET` names, and writes its seeds into the directory
/// that `TICKRING_FUZZ_SEEDS` names, if there is one.
pub(crate) fn begin(targets: &'static [Target]) {
    let name = env::var("TICKRING_FUZZ_TARGET").expect("TICKRING_FUZZ_TARGET names a target");
    let target = target::find(targets, &name);
    if let Some(corpus) = env::var_os("TICKRING_FUZZ_SEEDS") {
        target::write_seeds(target, Path::new(&corpus));
    }
    assert!(CHOSEN.set(target).is_ok(), "a fuzzer begins once");
}

/// Runs the target on an input.
pub(crate) fn run(bytes: &[u8]) {
    let target = CHOSEN.get().expect("a fuzzer that has begun");
    (target.run)(bytes);
}
