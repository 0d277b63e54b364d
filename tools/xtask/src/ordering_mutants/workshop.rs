//! A copy of the bus that is broken, built and tested, while the real one stays as it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::Failure;
use crate::process;

/// How long the loom tests may take with a mutant: one that makes them loop is killed then.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How often a running test is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the loom tests made of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of so many tests passed.
    Passed { passed: usize },
    /// These tests failed, and the others were not waited for; none of them if the test process
    /// itself died, as `how` says.
    Failed { tests: Vec<String>, how: String },
    /// The tests did not end; these had failed by then.
    TimedOut { tests: Vec<String> },
}

impl Outcome {
    /// Whether no test noticed the mutant.
    pub(super) fn survived(&self) -> bool {
        matches!(self, Self::Passed { .. })
    }

    /// Names of the tests that failed.
    pub(super) fn failed_tests(&self) -> &[String] {
        match self {
            Self::Passed { .. } => &[],
            Self::Failed { tests, .. } | Self::TimedOut { tests } => tests,
        }
    }
}

/// What the tests say when nothing is broken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unbroken {
    pub(super) passed: usize,
    pub(super) took_s: f64,
}

/// A workspace of its own that holds a copy of the bus.
#[derive(Debug)]
pub(super) struct Workshop {
    tree: PathBuf,
    target: PathBuf,
    log: PathBuf,
    /// Held while the copy is in use: two runs would break each other's copy.
    _lock: File,
}

impl Workshop {
    /// Copies the bus into `folder`, in place of what an earlier run left there; waits while
    /// another run uses it.
    ///
    /// # Errors
    /// `File` when something cannot be copied, `Setup` when the manifest cannot be understood.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(Failure::file("create", folder))?;
        let lock_path = folder.join("lock");
        let lock = File::create(&lock_path).map_err(Failure::file("create", &lock_path))?;
        lock.lock().map_err(Failure::file("lock", &lock_path))?;
        let tree = folder.join("tree");
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(Failure::file("remove", &tree))?;
        }
        let root = process::root();
        copy_folder(&root.join("bus"), &tree.join("bus"))?;
        copy(&root.join("Cargo.lock"), &tree.join("Cargo.lock"))?;
        let from = root.join("Cargo.toml");
        let text = fs::read_to_string(&from).map_err(Failure::file("read", &from))?;
        let to = tree.join("Cargo.toml");
        fs::write(&to, manifest(&text)?).map_err(Failure::file("write", &to))?;
        let (target, log) = (folder.join("target"), folder.join("tests.log"));
        Ok(Self { tree, target, log, _lock: lock })
    }

    /// Runs the loom tests of the copy as it is; fetches dependencies that are missing.
    ///
    /// # Errors
    /// `Setup` unless there are tests and all pass.
    pub(super) fn test_unbroken(&self) -> Result<Unbroken, Failure> {
        let start = Instant::now();
        let outcome = self.run(&self.build(&[])?)?;
        let took_s = start.elapsed().as_secs_f64();
        match outcome {
            Outcome::Passed { passed } if passed > 0 => Ok(Unbroken { passed, took_s }),
            other => Err(Failure::Setup {
                expected: "loom tests in the bus that pass before a row is broken".to_owned(),
                found: format!("{other:?}"),
                hint: format!("read {}", self.log.display()),
            }),
        }
    }

    /// Runs the loom tests with the file at `path` broken, then puts its `whole` text back.
    ///
    /// # Errors
    /// `Command` when the broken copy does not compile: then the mutant is not one.
    pub(super) fn test(&self, path: &str, broken: &str, whole: &str) -> Result<Outcome, Failure> {
        let file = self.tree.join(path);
        fs::write(&file, broken).map_err(Failure::file("write", &file))?;
        let outcome = self.run(&self.build(&["--offline"])?)?;
        fs::write(&file, whole).map_err(Failure::file("write", &file))?;
        Ok(outcome)
    }

    /// Builds the tests and returns their executable.
    fn build(&self, options: &[&str]) -> Result<PathBuf, Failure> {
        let mut cargo = process::cargo(["test", "--release", "--lib", "--package", "tickring"]);
        cargo.args(["--no-run", "--quiet", "--message-format", "json-render-diagnostics"]);
        cargo.args(options).current_dir(&self.tree);
        // A mutant is another line of one file: what is built anew is what depends on it.
        cargo.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        process::under_loom(&mut cargo, &self.target);
        let command = process::show(&cargo);
        let output =
            cargo.output().map_err(|source| Failure::Start { command: command.clone(), source })?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            let outcome = format!("{} in {}", output.status, self.tree.display());
            return Err(Failure::Command { command, outcome });
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        messages.lines().find_map(test_executable).ok_or_else(|| Failure::Setup {
            expected: format!("a test executable from `{command}`"),
            found: "none".to_owned(),
            hint: "update the reading of cargo's messages in workshop.rs".to_owned(),
        })
    }

    /// Runs the loom tests of an executable for at most the time limit, and no longer than to the
    /// first that fails: one is enough.
    fn run(&self, executable: &Path) -> Result<Outcome, Failure> {
        let log = File::create(&self.log).map_err(Failure::file("create", &self.log))?;
        let errors = log.try_clone().map_err(Failure::file("share", &self.log))?;
        let mut tests = Command::new(executable);
        // The executable is called directly, not through cargo, so that killing it is enough.
        tests.arg("loom").current_dir(self.tree.join("bus")).stdin(Stdio::null());
        let command = process::show(&tests);
        let text = || Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned());
        let has_failed = || Ok(!failed_tests(&text()?).is_empty());
        let child = tests.stdout(log).stderr(errors).spawn();
        let waited = child.and_then(|child| wait(child, TIME_LIMIT, has_failed));
        let end = waited.map_err(|source| Failure::Start { command, source })?;
        Ok(outcome(&text().map_err(Failure::file("read", &self.log))?, end))
    }
}

/// How a test process ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Itself(ExitStatus),
    /// It was killed as a test had failed.
    Enough,
    /// It was killed as it took too long.
    TooLong,
}

/// Waits for a process, and kills it when it takes longer than `limit` or `is_enough` says so.
fn wait(
    mut child: Child,
    limit: Duration,
    is_enough: impl Fn() -> std::io::Result<bool>,
) -> std::io::Result<End> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Itself(status));
        }
        let end = if is_enough()? { Some(End::Enough) } else { None };
        let end = end.or((start.elapsed() > limit).then_some(End::TooLong));
        if let Some(end) = end {
            child.kill()?;
            child.wait()?;
            return Ok(end);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Names of the tests that the harness said had ended so.
fn ended(text: &str, end: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(end)?.to_owned());
    text.lines().filter_map(name).collect()
}

fn failed_tests(text: &str) -> Vec<String> {
    ended(text, " ... FAILED")
}

/// Reads what the test harness printed.
fn outcome(text: &str, end: End) -> Outcome {
    let tests = failed_tests(text);
    match end {
        End::TooLong => Outcome::TimedOut { tests },
        End::Enough => Outcome::Failed { tests, how: "not waited for".to_owned() },
        End::Itself(status) if status.success() => {
            Outcome::Passed { passed: ended(text, " ... ok").len() }
        }
        End::Itself(status) => Outcome::Failed { tests, how: status.to_string() },
    }
}

/// The executable of the test that a message of cargo speaks of.
fn test_executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_test = message.get("profile")?.get("test")?.as_bool()?;
    let executable = message.get("executable")?.as_str()?;
    is_test.then(|| executable.into())
}

/// The manifest of the workspace with the bus as its only member.
fn manifest(text: &str) -> Result<String, Failure> {
    let failure = |found: String| Failure::Setup {
        expected: "a workspace manifest in Cargo.toml".to_owned(),
        found,
        hint: "`cargo metadata` may say more".to_owned(),
    };
    let mut manifest: toml::Table =
        text.parse().map_err(|error: toml::de::Error| failure(error.to_string()))?;
    let workspace = manifest
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut)
        .ok_or_else(|| failure("no [workspace]".to_owned()))?;
    workspace.insert("members".to_owned(), vec!["bus"].into());
    workspace.remove("exclude");
    toml::to_string(&manifest).map_err(|error| failure(error.to_string()))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(Failure::file("copy", from))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(Failure::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Failure::file("list", from))? {
        let entry = entry.map_err(Failure::file("list", from))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy_folder(&from, &to)? } else { copy(&from, &to)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the harness prints and how it ends, by a shell.
    fn run(script: &str, limit: Duration) -> Outcome {
        run_until(script, limit, false)
    }

    fn run_until(script: &str, limit: Duration, is_enough: bool) -> Outcome {
        let child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let text = "running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d ... ok\n";
        outcome(text, wait(child, limit, || Ok(is_enough)).unwrap())
    }

    #[test]
    fn success_failure_death_a_hang_and_enough_are_told_apart() {
        let long = Duration::from_secs(60);
        let failed = vec!["a::c".to_owned()];
        assert_eq!(run("exit 0", long), Outcome::Passed { passed: 2 });
        let Outcome::Failed { tests, .. } = run("exit 101", long) else { panic!("not failed") };
        assert_eq!(tests, failed);
        let Outcome::Failed { how, .. } = run("kill -ABRT $$", long) else { panic!("not failed") };
        assert!(how.contains("signal"), "{how}");
        let hangs = run("exec sleep 60", Duration::from_millis(1));
        assert_eq!(hangs, Outcome::TimedOut { tests: failed.clone() });
        assert!(!hangs.survived());
        let Outcome::Failed { tests, .. } = run_until("exec sleep 60", long, true) else {
            panic!("not failed")
        };
        assert_eq!(tests, failed);
    }

    #[test]
    fn the_manifest_of_the_copy_has_one_member_and_the_same_versions() {
        let text = "[workspace]\nmembers = [\"bus\", \"tools/xtask\"]\nexclude = [\"x\"]\n\
                    [workspace.dependencies]\nloom = \"0.7\"\n[profile.release]\ndebug = 1\n";
        let copy: toml::Table = manifest(text).unwrap().parse().unwrap();
        let expected: toml::Table = "[workspace]\nmembers = [\"bus\"]\n\
                    [workspace.dependencies]\nloom = \"0.7\"\n[profile.release]\ndebug = 1\n"
            .parse()
            .unwrap();
        assert_eq!(copy, expected);
        assert!(manifest("[package]\n").is_err());
        assert!(manifest("not a manifest").is_err());
    }

    #[test]
    fn the_test_executable_is_taken_from_cargos_messages() {
        let lines = [
            r#"{"reason":"compiler-artifact","profile":{"test":false},"executable":"/a"}"#,
            r#"{"reason":"compiler-artifact","profile":{"test":true},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            r#"{"reason":"compiler-artifact","profile":{"test":true},"executable":"/t"}"#,
        ];
        assert_eq!(lines.iter().find_map(|line| test_executable(line)), Some("/t".into()));
    }
}
