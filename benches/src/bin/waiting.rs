//! Measures what it takes and costs to wait: see `--help`.

use clap::Parser;
use std::process::ExitCode;
use tickring_benches::waiting::options::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
