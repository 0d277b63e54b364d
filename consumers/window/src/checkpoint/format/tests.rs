//! What is encoded decodes, and nothing else does.

use super::*;
use crate::{WindowTrade, Windows};
use std::collections::BTreeSet;

fn sealed() -> Vec<u8> {
    let spec = WindowSpec { delay_ns: 50, ..WindowSpec::tumbling(100) };
    let mut windows = Windows::new(&spec).unwrap();
    for n in 0..20_i64 {
        let (ts_event_ns, price_e9) = (n * 7, n);
        let trade =
            WindowTrade { instrument_id: 3, ts_event_ns, price_e9, size: 2, ..Default::default() };
        windows.trade(&trade, &mut |_| ());
    }
    let mut bytes = vec![9; 10];
    let source = Source {
        place: place(),
        spec: &spec.canonical(),
        known: &BTreeSet::from([[1, 2, 3, 4], [5, 6, 7, 8]]),
        windows: &windows,
    };
    encode(&mut bytes, &source);
    seal(&mut bytes, 17);
    bytes
}

fn place() -> Place {
    Place {
        input: Spot::new(1 << 100, 2, 3),
        bars: Spot::new(4, 5, 6),
        late: Spot::new(7, 8, 9),
        seam: Some((11, 12)),
        output_epoch: 13,
    }
}

#[test]
fn a_checkpoint_decodes_to_what_it_was_made_of_whatever_stands_behind_it() {
    for behind in [0, 1, 5000] {
        let mut bytes = sealed();
        bytes.extend(vec![0xA5; behind]);
        let checkpoint = decode(&bytes).unwrap();
        assert_eq!((checkpoint.generation, checkpoint.place), (17, place()));
        assert_eq!(checkpoint.place.input.ring_id(), 1 << 100);
        assert_eq!(checkpoint.known, [[1, 2, 3, 4], [5, 6, 7, 8]]);
        let spec = WindowSpec::from_toml(&checkpoint.spec).unwrap();
        let mut windows = Windows::new(&spec).unwrap();
        windows.restore(&checkpoint.state).unwrap();
        assert_eq!(windows.counts().trades, 20);
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_found() {
    let bytes = sealed();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        assert!(matches!(decode(&changed), Err(Flaw::Damaged(_))), "byte {at}");
        if at > 0 {
            assert!(matches!(decode(&bytes[..at]), Err(Flaw::Damaged(_))), "cut at {at}");
        }
    }
}

#[test]
fn a_file_of_zeros_or_of_nothing_is_blank_and_not_damaged() {
    for size in [0, 8, HEADER_BYTES, 1 << 20] {
        assert_eq!(decode(&vec![0; size]), Err(Flaw::Blank));
    }
}

#[test]
fn another_version_is_told() {
    let mut bytes = sealed();
    bytes[8] = 2;
    let found = decode(&bytes).unwrap_err();
    assert_eq!(found, Flaw::Damaged("version 2; this program reads 1".to_owned()));
}
