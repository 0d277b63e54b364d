//! The fuzzer of the producer: runs the target that `TICKRING_FUZZ_TARGET` names.

#![no_main]

mod capture;
mod checked;
mod conversation;
#[path = "../../../bus/fuzz/src/fuzzer.rs"]
mod fuzzer;
mod market_day;
#[path = "../../../bus/fuzz/src/target.rs"]
mod target;
mod targets;
#[expect(dead_code, reason = "the tests of the producer use all of it")]
#[path = "../../tests/venue_market.rs"]
mod venue_market;

libfuzzer_sys::fuzz_target!(
    init: fuzzer::begin(&targets::TARGETS),
    |bytes: &[u8]| fuzzer::run(bytes)
);
