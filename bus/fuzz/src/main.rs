//! The fuzzer of the bus: runs the target that `TICKRING_FUZZ_TARGET` names.

#![no_main]

mod fuzzer;
mod target;
mod targets;

libfuzzer_sys::fuzz_target!(
    init: fuzzer::begin(&targets::TARGETS),
    |bytes: &[u8]| fuzzer::run(bytes)
);
