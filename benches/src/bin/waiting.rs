//! Measures what it takes and costs to wait: see `--help`.

use clap::Parser;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use tickring_benches::failure::Failure;
use tickring_benches::waiting::options::Options;
use tickring_benches::waiting::{record, sleeper};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.errand() {
        Some(errand) => sleeper::run(&errand),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("waiting: {failure}");
            failure.exit_code()
        }
    }
}

fn measure(options: &Options) -> Result<(), Failure> {
    let outcome = options.plan()?.run()?;
    // Somebody who closes the pipe has read enough.
    let _ = io::stdout().write_all(record::text(&outcome).as_bytes());
    if let Some(path) = &options.record {
        let record = record::markdown(&outcome, &options.repeat(), jiff::Timestamp::now());
        fs::write(path, record).map_err(|source| Failure::io("write", path, source))?;
    }
    Ok(())
}
