//! The fuzz targets of the producer in their short form.

#[path = "../fuzz/src"]
pub(crate) mod source {
    pub(crate) mod capture;
    mod checked;
    mod conversation;
    mod market_day;
    #[path = "../../../bus/fuzz/src/target.rs"]
    pub(super) mod target;
    pub(super) mod targets;

    use crate::venue_market;
}

use std::fs;
use std::path::Path;

use source::target::{find, write_seeds};
use source::targets::TARGETS;

use crate::mutation;

/// Changed inputs for each target.
const INPUTS: usize = 2_000;

fn run(name: &str) {
    let target = find(&TARGETS, name);
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    mutation::run(name, target.run, ((target.seeds)(), &known), INPUTS);
}

/// A test of each target that is named, and one that all are.
macro_rules! targets {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            run($name);
        })*

        #[test]
        fn every_target_has_a_test_a_file_and_seeds() {
            let tested = [$($name),*];
            assert_eq!(TARGETS.each_ref().map(|target| target.name), tested);
            for name in tested {
                let file = format!("fuzz/src/targets/{name}.rs");
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{file}");
                let corpus = tempfile::tempdir().unwrap();
                write_seeds(find(&TARGETS, name), corpus.path());
                assert!(fs::read_dir(corpus.path()).unwrap().count() > 1, "{name}");
            }
        }
    };
}

targets! {
    no_messages_of_binance_do_harm: "binance",
    no_text_for_a_calendar_does_harm: "calendar",
    no_messages_of_coinbase_do_harm: "coinbase",
    no_messages_of_coinbase_advanced_do_harm: "coinbase_advanced",
    no_text_for_a_column_map_does_harm: "column_map",
    no_bytes_for_a_csv_file_do_harm: "csv",
    no_bytes_for_a_dbn_file_do_harm: "dbn",
    no_packets_of_iex_do_harm: "iex",
    no_bytes_for_an_itch_file_do_harm: "itch",
    no_bytes_for_json_lines_do_harm: "jsonl",
    no_messages_of_kraken_do_harm: "kraken",
    no_messages_of_kraken_v2_do_harm: "kraken_v2",
    no_packets_of_moldudp64_do_harm: "mold",
    no_messages_of_okx_do_harm: "okx",
    no_bytes_for_a_capture_do_harm: "pcap",
    no_bytes_for_a_recording_do_harm: "recording",
    no_bytes_of_a_soupbintcp_connection_do_harm: "soup",
}
