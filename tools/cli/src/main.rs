//! The command line of tickring: `tickring help` lists its commands.
//!
//! One file per command under `commands/`. A command gets its arguments, the [`Directory`] of the
//! buses and the [`Output`]; it gives an [`Outcome`] or a [`Failure`], and both of them know their
//! exit code. Data goes to stdout, everything else to stderr. The commands that look at rings map
//! them read-only: they can neither disturb nor slow down a writer.

use clap::Parser;
use std::process::ExitCode;
use tickring::Directory;

use arguments::Arguments;
use outcome::Outcome;
use output::Output;

mod arguments;
mod bytes;
mod commands;
mod duration;
mod failure;
mod file_id;
mod journal;
mod login;
mod making;
mod market;
mod names;
mod notation;
mod note;
mod outcome;
mod output;
mod printer;
mod schema;
mod service;
mod signals;
mod start;
mod steps;
mod table;
mod value;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.apply();
    let mut output = Output::stdout();
    let ran = arguments.command.run(&Directory::from_env(), &mut output);
    match ran.and_then(|outcome| output.flush().map(|()| outcome)) {
        Ok(outcome) => outcome.exit_code(),
        // Whoever read our output has seen enough: `tickring tail … | head -1`.
        Err(failure) if failure.is_broken_pipe() => Outcome::Done.exit_code(),
        Err(failure) => {
            note::error(&failure);
            failure.exit_code()
        }
    }
}
