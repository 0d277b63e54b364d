//! The fuzz targets of the bus in their short form.

#[path = "../fuzz/src"]
mod source {
    pub(super) mod target;
    pub(super) mod targets;
}

use crate::mutation;
use source::target::{find, write_seeds};
use source::targets::TARGETS;
use std::fs;
use std::path::Path;

/// Changed inputs for each target.
const INPUTS: usize = 2_000;

fn run(name: &str) {
    let target = find(&TARGETS, name);
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    mutation::run(name, target.run, ((target.seeds)(), &known), INPUTS);
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
fn every_target_has_a_file_and_seeds() {
    let corpus = tempfile::tempdir().unwrap();
    for target in &TARGETS {
        let file = format!("fuzz/src/targets/{}.rs", target.name);
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{file}");
        write_seeds(target, corpus.path());
    }
    assert!(fs::read_dir(corpus.path()).unwrap().count() > 1);
}
