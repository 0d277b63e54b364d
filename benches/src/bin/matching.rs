//! Measures from a vector to its matches: see `--help`.

use clap::Parser;
use std::process::ExitCode;
use tickring_benches::matching::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
