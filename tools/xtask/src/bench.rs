//! `cargo xtask bench`: our windows, or our [index](ann), beside those of others, in one run; or
//! runbooks of vectors, which the benches' program of that name follows.
//!
//! Makes what the others need under `target/peers`: a Python environment with the pinned
//! packages of `benches/peers/windows` and, with Java, Flink's classes out of one of them. Then
//! runs the program `windows` of the benches, first its check, then its comparison. Asked for a
//! plot, of the cost by the number of instruments or of the memory over time, it does that alone.

mod ann;
mod curves;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::process;
use crate::test::python;

/// Scripts, Java source and requirements of the other engines.
const PEERS: &str = "benches/peers/windows";
/// Where the check may find a second opinion: beside the repository, and beside the data.
const ORACLE: &str = "oracle/windowing/duck_windows.py";

/// What can be asked for.
const USAGE: &str = "ann [--rounds N] | curves [--help] | match [--help] | runbook FILE… | \
    window [--ticks N] [--rounds N] [--seed N] [--record FILE] [--check-only] [--no-check] \
    [--no-flink] | window [--instruments FILE.svg] [--memory FILE.svg]";

/// What to run.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    ticks: u64,
    rounds: u64,
    seed: u64,
    record: Option<String>,
    compares: bool,
    checks: bool,
    with_flink: bool,
    /// What is drawn instead, and the file that it is drawn into.
    plots: Vec<(&'static str, String)>,
}

/// Checks and measures.
///
/// # Errors
/// `Usage` for an unknown subject or option, `Setup` without Python, `Command` when something
/// differs or fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first().map(|(own, rest)| (own.as_str(), rest)) {
        Some(("ann", options)) => return ann::run(options),
        Some(("curves", options)) => return curves::run(options),
        Some(("match", options)) => return matching(options),
        Some(("runbook", options)) => return runbook(options),
        _ => {}
    }
    let plan = parse(arguments)?;
    let build = ["build", "--release", "--package", "tickring-benches", "--bin", "windows"];
    let windows = process::target_dir().join("release/windows");
    if !plan.plots.is_empty() {
        process::run(&mut process::cargo(build))?;
        return plan.plots.iter().try_for_each(|(course, path)| {
            process::run(Command::new(&windows).args([course, "--plot", path.as_str()]))
        });
    }
    let peers = process::target_dir().join("peers");
    let python = python::prepare(
        &peers.join("venv"),
        &process::root().join(PEERS).join("requirements.txt"),
    )?;
    process::run(&mut process::cargo(build))?;
    let market = |folder: &str| {
        let mut command = Command::new(&windows);
        command.current_dir(process::root());
        command.args([if folder == "check" { "check" } else { "compare" }, "--folder"]);
        command.arg(peers.join(folder)).arg("--python").arg(&python).arg("--script");
        command.arg(Path::new(PEERS).join(if folder == "check" {
            "compare.py"
        } else {
            "peers.py"
        }));
        command.args(["--ticks", &plan.ticks.to_string(), "--seed", &plan.seed.to_string()]);
        command
    };
    if plan.checks {
        let mut check = market("check");
        check.arg("--faults");
        match oracle() {
            Some(path) => _ = check.arg("--oracle").arg(path),
            None => eprintln!("no {ORACLE}: the check is against polars alone"),
        }
        process::run(&mut check)?;
    }
    if plan.compares {
        let mut compare = market("ticks");
        compare.args(["--rounds", &plan.rounds.to_string(), "--command", &plan.command()]);
        if let Some(classes) = flink(&plan, &peers)? {
            compare.args(["--flink", &classes]);
        }
        if let Some(record) = &plan.record {
            compare.args(["--record", record]);
        }
        process::run(&mut compare)?;
    }
    Ok(())
}

/// Measures from a vector to its matches with the program of that name, whose options these are.
fn matching(options: &[String]) -> Result<(), Failure> {
    let build = ["build", "--release", "--package", "tickring-cli", "--bin", "tickring"];
    process::run(&mut process::cargo(build))?;
    let program = ["run", "--release", "--package", "tickring-benches", "--bin", "matching", "--"];
    let consumer = process::target_dir().join("release/tickring");
    process::run(process::cargo(program).arg("--tickring").arg(consumer).args(options))
}

/// Follows runbooks of vectors with the program of that name, whose options these are.
fn runbook(options: &[String]) -> Result<(), Failure> {
    let program = ["run", "--release", "--package", "tickring-benches", "--bin", "runbook", "--"];
    process::run(process::cargo(program).args(options))
}

impl Plan {
    /// The command that does the same again.
    fn command(&self) -> String {
        let Self { ticks, rounds, seed, .. } = self;
        let flink = if self.with_flink { "" } else { " --no-flink" };
        format!("cargo xtask bench window --ticks {ticks} --rounds {rounds} --seed {seed}{flink}")
    }
}

fn parse(arguments: &[String]) -> Result<Plan, Failure> {
    let usage =
        |found: &str| Failure::Usage { expected: USAGE.to_owned(), found: found.to_owned() };
    let mut rest = arguments.iter().map(String::as_str);
    match rest.next() {
        Some("window") => {}
        found => return Err(usage(found.unwrap_or_default())),
    }
    let mut plan = Plan {
        ticks: 10_000_000,
        rounds: 3,
        seed: 42,
        record: None,
        compares: true,
        checks: true,
        with_flink: true,
        plots: Vec::new(),
    };
    while let Some(option) = rest.next() {
        let mut number = |least: u64| {
            let found = rest.next().unwrap_or_default();
            found.parse().ok().filter(|number| *number >= least).ok_or_else(|| usage(found))
        };
        match option {
            "--ticks" => plan.ticks = number(1)?,
            "--rounds" => plan.rounds = number(1)?,
            "--seed" => plan.seed = number(0)?,
            "--record" => {
                plan.record = Some(rest.next().ok_or_else(|| usage(option))?.to_owned());
            }
            "--instruments" | "--memory" => {
                let course = if option == "--memory" { "memory" } else { "instruments" };
                plan.plots.push((course, rest.next().ok_or_else(|| usage(option))?.to_owned()));
            }
            "--check-only" => plan.compares = false,
            "--no-check" => plan.checks = false,
            "--no-flink" => plan.with_flink = false,
            other => return Err(usage(other)),
        }
    }
    Ok(plan)
}

/// The class path with Flink and our class, compiled now; `None` without Java or if not wanted.
fn flink(plan: &Plan, peers: &Path) -> Result<Option<String>, Failure> {
    let mut javac = Command::new("javac");
    let probe = javac.arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !plan.with_flink || !probe.is_ok_and(|status| status.success()) {
        eprintln!(
            "without Flink: {}",
            if plan.with_flink { "no javac on PATH" } else { "--no-flink" }
        );
        return Ok(None);
    }
    let mut jars = jars(&peers.join("venv"))?;
    let classes = peers.join("classes");
    let source = process::root().join(PEERS).join("FlinkWindows.java");
    let mut compile = Command::new("javac");
    compile.args(["-nowarn", "-cp", &jars, "-d"]).arg(&classes).arg(source);
    process::run(&mut compile)?;
    jars.push(':');
    jars.push_str(&classes.to_string_lossy());
    Ok(Some(jars))
}

/// Flink's own classes and its logging, out of the package in the environment.
fn jars(venv: &Path) -> Result<String, Failure> {
    let packages = only_entry(&venv.join("lib"))?.join("site-packages/pyflink/lib");
    let files = fs::read_dir(&packages).map_err(Failure::file("list", &packages))?;
    let names = files.filter_map(|file| Some(file.ok()?.path().to_str()?.to_owned()));
    let is_wanted = |path: &String| path.contains("/flink-dist-") || path.contains("/log4j-");
    let mut jars: Vec<String> = names.filter(is_wanted).collect();
    jars.sort();
    Ok(jars.join(":"))
}

/// The folder in an environment's `lib`, which is named after the version of Python.
fn only_entry(folder: &Path) -> Result<PathBuf, Failure> {
    let mut entries = fs::read_dir(folder).map_err(Failure::file("list", folder))?;
    let entry = entries.find_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()));
    entry.ok_or_else(|| Failure::Setup {
        expected: format!("a folder of Python in {}", folder.display()),
        found: "none".to_owned(),
        hint: "remove the environment and run the command again".to_owned(),
    })
}

/// The script with another answer, if it is there.
fn oracle() -> Option<PathBuf> {
    let beside_data = env::var_os("TICKRING_DATA").map(|data| PathBuf::from(data).join(".."));
    let beside = process::root().join("../shared");
    let folders = beside_data.into_iter().chain([beside]);
    folders.map(|folder| folder.join(ORACLE)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<Plan, Failure> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn each_option_changes_the_plan() {
        let default = plan(&["window"]).unwrap();
        assert_eq!((default.ticks, default.rounds, default.seed), (10_000_000, 3, 42));
        assert!(default.compares && default.checks && default.with_flink);
        let set = plan(&["window", "--ticks", "5", "--rounds", "7", "--seed", "0", "--no-flink"]);
        let command = "cargo xtask bench window --ticks 5 --rounds 7 --seed 0 --no-flink";
        assert_eq!(set.unwrap().command(), command);
        assert!(!plan(&["window", "--check-only"]).unwrap().compares);
        assert!(!plan(&["window", "--no-check"]).unwrap().checks);
        let record = plan(&["window", "--record", "x.md"]).unwrap().record;
        assert_eq!(record.as_deref(), Some("x.md"));
        let plots = plan(&["window", "--memory", "m.svg", "--instruments", "i.svg"]).unwrap().plots;
        assert_eq!(plots, [("memory", "m.svg".to_owned()), ("instruments", "i.svg".to_owned())]);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for wrong in [
            &[][..],
            &["windows"],
            &["window", "--ticks"],
            &["window", "--ticks", "0"],
            &["window", "--record"],
            &["window", "--memory"],
            &["window", "--fast"],
        ] {
            assert!(plan(wrong).unwrap_err().is_usage(), "{wrong:?}");
        }
    }

    #[test]
    fn what_the_other_engines_need_is_in_the_tree() {
        for name in ["requirements.txt", "peers.py", "compare.py", "FlinkWindows.java"] {
            assert!(process::root().join(PEERS).join(name).is_file(), "{name}");
        }
    }
}
