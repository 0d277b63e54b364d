//! Measures and checks windows beside other engines: see `--help`.

use clap::Parser;
use std::process::ExitCode;
use tickring_benches::windowing::options::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
