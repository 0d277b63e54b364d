//! `cargo xtask fuzz`: feeds the bus bytes that nobody wrote.
//!
//! The fuzzers are those of `bus/fuzz`, built with libFuzzer and the coverage counters that it
//! needs, and with the overflow checks and assertions of a test. The corpus stays under
//! `target/fuzz`; an input that does harm is left in `target/fuzz/TARGET` and named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process;

const MANIFEST: &str = "bus/fuzz/Cargo.toml";
/// A fuzzer is a file here.
const FUZZERS: &str = "bus/fuzz/src/bin";
/// What libFuzzer wants to be told by the code that it runs.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 --cfg fuzzing";
/// How long each fuzzer runs unless told otherwise, in seconds.
const SECONDS: u64 = 60;
/// Longest input, in bytes: a small segment and some more.
const MAX_BYTES: u64 = 1 << 16;

/// Runs one fuzzer, or all one after the other.
///
/// # Errors
/// `Usage` for an unknown target or option, `Command` when a build fails or an input does harm.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let targets = targets(&process::root().join(FUZZERS))?;
    let (chosen, seconds) = parse(arguments, &targets)?;
    let folder = process::target_dir().join("fuzz");
    let triple = host()?;
    let mut build = process::cargo(["build", "--release", "--bins", "--manifest-path", MANIFEST]);
    // With the target named, build scripts and macros are built without the flags.
    build.args(["--target", &triple]).env("CARGO_TARGET_DIR", &folder).env("RUSTFLAGS", FLAGS);
    process::run(build.env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    for target in chosen {
        fuzz(&folder, &triple, target, seconds)?;
    }
    Ok(())
}

fn fuzz(folder: &Path, triple: &str, target: &str, seconds: u64) -> Result<(), Failure> {
    let corpus = folder.join(target).join("corpus");
    fs::create_dir_all(&corpus).map_err(Failure::file("create", &corpus))?;
    let mut command = Command::new(folder.join(triple).join("release").join(target));
    command
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", folder.join(target).display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_BYTES}"))
        .args(["-timeout=10", "-print_final_stats=1", "-verbosity=0"])
        .env("TICKRING_FUZZ_SEEDS", &corpus);
    process::run(&mut command)
}

/// The names of the fuzzers, in order.
fn targets(fuzzers: &Path) -> Result<Vec<String>, Failure> {
    let files = fs::read_dir(fuzzers).map_err(Failure::file("list", fuzzers))?;
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = paths.filter_map(stem).collect();
    names.sort();
    Ok(names)
}

/// The targets that the arguments choose, and for how many seconds each.
fn parse<'a>(arguments: &[String], targets: &'a [String]) -> Result<(Vec<&'a str>, u64), Failure> {
    let usage = |found: &str| Failure::Usage {
        expected: format!("one of {}, all, and perhaps --seconds N", targets.join(", ")),
        found: found.to_owned(),
    };
    let (name, seconds) = match arguments {
        [name] => (name, SECONDS),
        [name, option, seconds] if option == "--seconds" => {
            let parsed = seconds.parse().ok().filter(|seconds| *seconds > 0);
            (name, parsed.ok_or_else(|| usage(seconds))?)
        }
        other => return Err(usage(&other.join(" "))),
    };
    let chosen = targets.iter().filter(|target| name == "all" || *target == name);
    let chosen: Vec<&str> = chosen.map(String::as_str).collect();
    if chosen.is_empty() { Err(usage(name)) } else { Ok((chosen, seconds)) }
}

/// The triple of the machine that builds.
fn host() -> Result<String, Failure> {
    let told = process::capture(Command::new("rustc").arg("-vV").current_dir(process::root()))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::Setup {
        expected: "a line `host: …` of `rustc -vV`".to_owned(),
        found: told.clone(),
        hint: "is it the Rust compiler?".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Vec<String>, u64), Failure> {
        let targets = ["attach".to_owned(), "schema".to_owned()];
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let (chosen, seconds) = parse(&arguments, &targets)?;
        Ok((chosen.into_iter().map(str::to_owned).collect(), seconds))
    }

    #[test]
    fn a_target_or_all_are_chosen_for_some_seconds() {
        assert_eq!(parsed(&["schema"]).unwrap(), (vec!["schema".to_owned()], SECONDS));
        let (all, seconds) = parsed(&["all", "--seconds", "5"]).unwrap();
        assert_eq!((all.len(), seconds), (2, 5));
    }

    #[test]
    fn wrong_arguments_are_told_the_targets() {
        for wrong in [&[][..], &["other"], &["all", "--seconds", "0"], &["all", "--time", "5"]] {
            let failure = parsed(wrong).unwrap_err();
            assert!(
                failure.is_usage() && failure.to_string().contains("attach, schema"),
                "{failure}"
            );
        }
    }

    #[test]
    fn the_fuzzers_of_the_tree_are_found() {
        let found = targets(&process::root().join(FUZZERS)).unwrap();
        assert!(found.contains(&"attach".to_owned()), "{found:?}");
    }
}
