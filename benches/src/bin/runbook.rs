//! Follows runbooks of vectors: see `--help`.

use clap::Parser;
use std::process::ExitCode;
use tickring_benches::runbook::options::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
