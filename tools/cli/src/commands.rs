//! The commands, one file each.

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::Output;
use clap::Subcommand;
use tickring::Directory;

mod ann;
mod demo;
mod feed;
mod inspect;
mod ls;
mod play;
mod record;
mod replay;
mod shapes;
mod simulate;
mod symbols;
mod tail;
mod window;

/// What to do. The help of each command stands at its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ls(ls::Arguments),
    Inspect(inspect::Arguments),
    Symbols(symbols::Arguments),
    Tail(tail::Arguments),
    Feed(Box<feed::Arguments>),
    Play(play::Arguments),
    Simulate(simulate::Arguments),
    Record(record::Arguments),
    Replay(replay::Arguments),
    Window(Box<window::Arguments>),
    Shapes(shapes::Arguments),
    Ann(ann::Arguments),
    Demo(demo::Arguments),
}

impl Command {
    /// Does it.
    pub(crate) fn run(
        self,
        directory: &Directory,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        match self {
            Self::Ls(arguments) => ls::run(&arguments, directory, output),
            Self::Inspect(arguments) => inspect::run(&arguments, directory, output),
            Self::Symbols(arguments) => symbols::run(&arguments, directory, output),
            Self::Tail(arguments) => tail::run(&arguments, directory, output),
            Self::Feed(arguments) => feed::run(*arguments, directory, output),
            Self::Play(arguments) => play::run(&arguments, output),
            Self::Simulate(arguments) => simulate::run(arguments, output),
            Self::Record(arguments) => record::run(&arguments, directory, output),
            Self::Replay(arguments) => replay::run(arguments, directory, output),
            Self::Window(arguments) => window::run(*arguments, directory, output),
            Self::Shapes(arguments) => shapes::run(arguments, directory, output),
            Self::Ann(arguments) => ann::run(arguments, directory, output),
            Self::Demo(arguments) => demo::run(&arguments, output),
        }
    }
}
