//! `cargo xtask fuzz`: feeds the bus and the producer bytes that nobody wrote.
//!
//! The fuzzers are those of `bus/fuzz` and `producer/fuzz`, built with libFuzzer and the coverage
//! counters that it needs, and with the overflow checks and assertions of a test. The corpus stays
//! under `target/fuzz`; an input that does harm, takes 10 seconds or a gigabyte is left in
//! `target/fuzz/TARGET` and named. Where `TICKRING_DATA` names the recorded data, its small files
//! are in the corpus too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// A folder with a fuzzer.
#[derive(Debug)]
struct Folder {
    manifest: &'static str,
    /// A target is a file here.
    targets: &'static str,
    program: &'static str,
    /// Longest input, in bytes.
    most_bytes: u64,
}

const FOLDERS: [Folder; 2] = [
    Folder {
        manifest: "bus/fuzz/Cargo.toml",
        targets: "bus/fuzz/src/targets",
        program: "tickring-fuzz",
        // A small segment and some more.
        most_bytes: 1 << 16,
    },
    Folder {
        manifest: "producer/fuzz/Cargo.toml",
        targets: "producer/fuzz/src/targets",
        program: "tickring-producer-fuzz",
        // Some hundred messages of every format.
        most_bytes: 1 << 12,
    },
];
/// What libFuzzer wants to be told by the code that it runs.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 --cfg fuzzing";

/// A fuzz target.
#[derive(Debug)]
struct Target {
    name: String,
    folder: &'static Folder,
}

/// How long each fuzzer runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    Seconds(u64),
    /// This many inputs.
    Runs(u64),
}

/// How long each fuzzer runs unless told otherwise.
const LIMIT: Limit = Limit::Seconds(60);

/// Runs one fuzzer, or all one after the other.
///
/// # Errors
/// `Usage` for an unknown target or option, `Command` when a build fails or an input does harm.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let targets = targets(process::root())?;
    let (chosen, limit) = parse(arguments, &targets)?;
    let folder = process::target_dir().join("fuzz");
    let triple = host()?;
    for Folder { manifest, program, .. } in &FOLDERS {
        if chosen.iter().any(|target| target.folder.program == *program) {
            build(manifest, &folder, &triple)?;
        }
    }
    for target in chosen {
        fuzz(&folder, &triple, target, limit)?;
    }
    Ok(())
}

fn build(manifest: &str, folder: &Path, triple: &str) -> Result<(), Failure> {
    let mut build = process::cargo(["build", "--release", "--bins", "--manifest-path", manifest]);
    // With the target named, build scripts and macros are built without the flags.
    build.args(["--target", triple]).env("CARGO_TARGET_DIR", folder).env("RUSTFLAGS", FLAGS);
    process::run(build.env_remove("CARGO_ENCODED_RUSTFLAGS"))
}

fn fuzz(folder: &Path, triple: &str, target: &Target, limit: Limit) -> Result<(), Failure> {
    let Target { name, folder: Folder { program, most_bytes, .. } } = target;
    let own = folder.join(name);
    let corpus = own.join("corpus");
    fs::create_dir_all(&corpus).map_err(Failure::file("create", &corpus))?;
    let mut command = Command::new(folder.join(triple).join("release").join(program));
    command
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", own.display()))
        .arg(match limit {
            Limit::Seconds(seconds) => format!("-max_total_time={seconds}"),
            Limit::Runs(runs) => format!("-runs={runs}"),
        })
        .arg(format!("-max_len={most_bytes}"))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .args(["-verbosity=0", "-print_funcs=0"])
        // Large tables, made anew for each input, would leave holes between the fuzzer's own.
        .env("MALLOC_MMAP_THRESHOLD_", "1048576")
        .env("TICKRING_FUZZ_TARGET", name)
        .env("TICKRING_FUZZ_SEEDS", &corpus);
    eprintln!("== {name}");
    process::run(&mut command)
}

/// The targets of all folders, in order.
fn targets(root: &Path) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for folder in &FOLDERS {
        let place = root.join(folder.targets);
        let files = fs::read_dir(&place).map_err(Failure::file("list", &place))?;
        let paths = files.filter_map(|file| Some(file.ok()?.path()));
        let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let mut names: Vec<String> = paths.filter_map(stem).collect();
        names.sort();
        targets.extend(names.into_iter().map(|name| Target { name, folder }));
    }
    Ok(targets)
}

/// The targets that the arguments choose, and for how long each.
fn parse<'a>(
    arguments: &[String],
    targets: &'a [Target],
) -> Result<(Vec<&'a Target>, Limit), Failure> {
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let usage = |found: &str| Failure::Usage {
        expected: format!("one of {}, all, and perhaps --seconds N or --runs N", names.join(", ")),
        found: found.to_owned(),
    };
    let (name, limit) = match arguments {
        [name] => (name, LIMIT),
        [name, option, number] => {
            let limit = match option.as_str() {
                "--seconds" => Limit::Seconds,
                "--runs" => Limit::Runs,
                _ => return Err(usage(option)),
            };
            let parsed = number.parse().ok().filter(|number| *number > 0);
            (name, limit(parsed.ok_or_else(|| usage(number))?))
        }
        other => return Err(usage(&other.join(" "))),
    };
    let chosen = targets.iter().filter(|target| name == "all" || target.name == *name);
    let chosen: Vec<&Target> = chosen.collect();
    if chosen.is_empty() { Err(usage(name)) } else { Ok((chosen, limit)) }
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

    fn parsed(arguments: &[&str]) -> Result<(Vec<String>, Limit), Failure> {
        let [folder, _] = &FOLDERS;
        let targets = ["attach", "schema"].map(|name| Target { name: name.to_owned(), folder });
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let (chosen, limit) = parse(&arguments, &targets)?;
        Ok((chosen.into_iter().map(|target| target.name.clone()).collect(), limit))
    }

    #[test]
    fn a_target_or_all_are_chosen_for_some_seconds_or_inputs() {
        assert_eq!(parsed(&["schema"]).unwrap(), (vec!["schema".to_owned()], LIMIT));
        let (all, limit) = parsed(&["all", "--seconds", "5"]).unwrap();
        assert_eq!((all.len(), limit), (2, Limit::Seconds(5)));
        assert_eq!(parsed(&["all", "--runs", "7"]).unwrap().1, Limit::Runs(7));
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
    fn the_targets_of_the_tree_are_found_and_no_two_have_one_name() {
        let found = targets(process::root()).unwrap();
        let mut names: Vec<_> = found.iter().map(|target| target.name.as_str()).collect();
        assert!(names.contains(&"attach") && names.contains(&"itch"), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), found.len());
    }
}
