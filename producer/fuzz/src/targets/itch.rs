//! Bytes as a BinaryFILE of ITCH 5.0, decoded and raw.

use super::{checked, market_day};
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::wire::itch50::TYPES;

pub(crate) fn run(bytes: &[u8]) {
    checked::with_file(bytes, |path| {
        for raw in [false, true] {
            let options = ItchOptions { raw, ..ItchOptions::default() };
            checked::read(ItchSource::open(path, &options), bytes);
        }
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![market_day::day(1).file, market_day::day(2).file];
    for filling in [0, 1, b'A', b'S', 0xFF] {
        let messages = market_day::every_type(TYPES, filling);
        seeds.push(market_day::prefixed(&messages));
        seeds.push([market_day::prefixed(&messages), vec![0, 0]].concat());
        // As some generators write them.
        seeds.push([&[0, 0], &messages.concat()[..]].concat());
    }
    [seeds, super::recorded("itch")].concat()
}
