//! Development tasks of tickring: `cargo xtask help` lists them.
//!
//! One file per command. A command gets its arguments and returns a [`Failure`] or nothing; what
//! it finds goes to stdout, why it failed goes to stderr, and the exit code is 0, 1 (something
//! failed or was found) or 2 (wrong arguments).

use std::env;
use std::process::ExitCode;

use failure::Failure;

mod bench;
mod ci;
mod demo;
mod failure;
mod finding;
mod fuzz;
mod layers;
mod ordering_mutants;
mod process;
mod rust_code;
mod step;
mod test;
mod tidy;
mod torture;
mod tree;

/// A development task: `cargo xtask NAME ARGS`.
struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        arguments: "[ARGS…]",
        summary: "build everything and run `tickring demo ARGS…`",
        run: demo::run,
    },
    Command {
        name: "test",
        arguments: "[--rust] [--loom] [--python]",
        summary: "run every test, or only the named parts",
        run: test::run,
    },
    Command {
        name: "ci",
        arguments: "",
        summary: "formatting, lints, documentation, layers, tidy and every test",
        run: ci::run,
    },
    Command {
        name: "layers",
        arguments: "",
        summary: "check who depends on whom",
        run: layers::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        summary: "check the house rules that no compiler checks",
        run: tidy::run,
    },
    Command {
        name: "ordering-mutants",
        arguments: "[--row ROW]",
        summary: "break each protocol row in turn and see a loom test fail",
        run: ordering_mutants::run,
    },
    Command {
        name: "torture",
        arguments: "[--rounds N] [--reads N] [TEST]",
        summary: "kill writers and consumers N times in each way and read N records, in release",
        run: torture::run,
    },
    Command {
        name: "fuzz",
        arguments: "TARGET|all [--seconds N|--runs N]",
        summary: "run the fuzzers of bus/fuzz and producer/fuzz, each N seconds or inputs",
        run: fuzz::run,
    },
    Command {
        name: "bench",
        arguments: "window|ann|curves|match|runbook […]",
        summary: "measure windows and the index beside those of others, or follow runbooks",
        run: bench::run,
    },
    Command { name: "help", arguments: "", summary: "list the commands", run: help },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

/// Finds the command and hands it its arguments.
fn dispatch() -> Result<(), Failure> {
    let mut arguments = Vec::new();
    for argument in env::args_os().skip(1) {
        arguments.push(argument.into_string().map_err(|raw| Failure::Usage {
            expected: "arguments in UTF-8".to_owned(),
            found: raw.to_string_lossy().into_owned(),
        })?);
    }
    let Some((name, rest)) = arguments.split_first() else {
        return Err(unknown("no command"));
    };
    let name = if name == "--help" || name == "-h" { "help" } else { name };
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None => Err(unknown(name)),
    }
}

fn unknown(found: &str) -> Failure {
    let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
    Failure::Usage {
        expected: format!("one of the commands {}", names.join(", ")),
        found: found.to_owned(),
    }
}

/// Prints the commands.
fn help(arguments: &[String]) -> Result<(), Failure> {
    Failure::unless_empty(arguments)?;
    println!("cargo xtask COMMAND");
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.arguments);
        println!("  {call:41} {}", command.summary);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_told_every_command() {
        let failure = unknown("tset");
        let message = failure.to_string();
        assert!(COMMANDS.iter().all(|command| message.contains(command.name)), "{message}");
        assert!(message.contains("tset"), "{message}");
        assert!(failure.is_usage());
    }

    #[test]
    fn a_command_without_options_refuses_one() {
        for run in [help, tidy::run, layers::run, ci::run] {
            let failure = run(&["--fast".to_owned()]).unwrap_err();
            assert!(failure.is_usage(), "{failure}");
        }
    }
}
