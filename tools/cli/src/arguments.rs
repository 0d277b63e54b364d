//! What may stand on the command line.

use crate::commands::Command;
use anstream::ColorChoice;
use clap::{Parser, ValueEnum};

const AFTER_HELP: &str = "\
Names of rings are BUS/RING, such as demo/ticks; where a command looks at rings, * and ? stand \
for any characters of one part. Rings are found in the directory that TICKRING_DIR names, without \
it in /dev/shm/tickring-UID.

Data goes to stdout, everything else to stderr. Times are RFC 3339 in UTC.

Exit codes: 0 done, 1 nothing matched, 2 wrong usage or an I/O error, 3 no such ring, 4 schema or \
layout mismatch, 124 timeout, 130 interrupted by Ctrl-C. A pipe that is closed by its reader ends \
a command quietly with 0.";

/// Looks at the rings of a market-data bus, feeds them, and runs their consumers
#[derive(Debug, Parser)]
#[command(name = "tickring", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// When to use colours; auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    // Without doc comments, which help would repeat under every command.
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes it the rule for stdout and stderr.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn check(command: &clap::Command, missing: &mut Vec<String>) {
        let help = command.clone().render_long_help().to_string();
        for argument in command.get_arguments() {
            let shown = argument.get_long().map(|long| format!("--{long}"));
            let shown = shown.unwrap_or_else(|| argument.get_id().to_string().to_uppercase());
            let has_text = argument.get_help().is_some_and(|text| text.to_string().len() > 3);
            if !has_text || !help.to_uppercase().contains(&shown.to_uppercase()) {
                missing.push(format!("{} {shown}", command.get_name()));
            }
        }
        if command.get_about().is_none() {
            missing.push(command.get_name().to_owned());
        }
        command.get_subcommands().for_each(|command| check(command, missing));
    }

    #[test]
    fn every_command_and_option_is_explained_by_help() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        let mut missing = Vec::new();
        for own in command.get_subcommands().filter(|command| command.get_name() != "help") {
            check(own, &mut missing);
        }
        assert!(missing.is_empty(), "no help for {missing:?}");
    }
}
