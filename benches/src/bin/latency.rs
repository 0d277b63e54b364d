//! Measures one-way latency and throughput between two processes: see `--help`.

use clap::Parser;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use tickring_benches::failure::Failure;
use tickring_benches::options::Options;
use tickring_benches::record;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.errand() {
        Some(errand) => errand.run(),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("latency: {failure}");
            failure.exit_code()
        }
    }
}

fn measure(options: &Options) -> Result<(), Failure> {
    let outcome = options.plan()?.run()?;
    let mut text = String::new();
    if options.shows_samples() {
        for sample in &outcome.samples {
            text += &sample.line(&outcome.clock);
            text.push('\n');
        }
        text.push('\n');
    }
    text += &record::text(&outcome);
    // Somebody who closes the pipe has read enough.
    let _ = io::stdout().write_all(text.as_bytes());
    if let Some(path) = &options.record {
        let now = jiff::Timestamp::now();
        let record = record::markdown(&outcome, &options.repeat(), now);
        fs::write(path, record).map_err(|source| Failure::io("write", path, source))?;
    }
    Ok(())
}
