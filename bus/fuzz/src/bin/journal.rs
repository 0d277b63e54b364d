//! The fuzzer of target `journal`.

#![no_main]

#[path = "../targets.rs"]
mod targets;

use libfuzzer_sys::fuzz_target;
use std::env;
use std::path::Path;

fuzz_target!(
    init: {
        if let Some(corpus) = env::var_os("TICKRING_FUZZ_SEEDS") {
            targets::write_seeds(targets::find("journal"), Path::new(&corpus));
        }
    },
    |bytes: &[u8]| (targets::find("journal").run)(bytes)
);
