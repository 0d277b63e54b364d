//! Measures one-way latency and throughput between two processes: see `--help`.

use clap::Parser;
use std::process::ExitCode;
use tickring_benches::options::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
