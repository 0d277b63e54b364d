//! The Python part of the tests: an environment of its own, the extension module, pytest.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::process;

/// Names under which an interpreter may be installed, in the order of preference.
const INTERPRETERS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// Succeeds on an interpreter that can be used: new enough, and able to create environments.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// File in the environment that holds the requirements it was installed from.
const STAMP: &str = "installed-requirements.txt";

fn venv() -> PathBuf {
    process::target_dir().join("venv")
}

/// Creates the virtual environment of the tests and installs the pinned requirements, if they
/// changed.
///
/// # Errors
/// Those of [`prepare`].
pub(crate) fn environment() -> Result<(), Failure> {
    prepare(&venv(), &process::root().join("python/requirements-dev.txt")).map(|_| ())
}

/// Creates a virtual environment in `venv` with these pinned requirements, if it does not have
/// them already, and returns its interpreter.
///
/// # Errors
/// `Setup` without a usable Python, `File` without the requirements, `Command` when pip fails.
pub(crate) fn prepare(venv: &Path, requirements: &Path) -> Result<PathBuf, Failure> {
    let python = venv.join("bin/python");
    let wanted = fs::read_to_string(requirements).map_err(Failure::file("read", requirements))?;
    if is_current(venv, &wanted) {
        println!("{} is up to date", venv.display());
        return Ok(python);
    }
    let mut create = Command::new(interpreter()?);
    process::run(create.args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    process::run(install.arg("--requirement").arg(requirements))?;
    let stamp = venv.join(STAMP);
    fs::write(&stamp, wanted).map_err(Failure::file("write", &stamp))?;
    Ok(python)
}

/// Builds the extension module in release mode and installs it into the environment.
///
/// # Errors
/// `Command` when the build fails.
pub(crate) fn module() -> Result<(), Failure> {
    let mut maturin = inside(&venv(), "maturin");
    process::run(maturin.args(["develop", "--release"]).current_dir(process::root().join("python")))
}

/// Builds the command line, then runs pytest with `TICKRING_BIN` naming it.
///
/// It is built as for the Rust tests, so that behind them nothing is: alone, the packages that it
/// shares with them would have fewer features, and be built again.
///
/// # Errors
/// `Command` when the build or a test fails.
pub(crate) fn tests() -> Result<(), Failure> {
    process::run(super::rust_tests().args(["--no-run", "--quiet", "--test", "main"]))?;
    let mut pytest = inside(&venv(), "python");
    pytest.args(["-m", "pytest", "python/tests", "-q"]).current_dir(process::root());
    process::run(pytest.env("TICKRING_BIN", process::target_dir().join("debug/tickring")))
}

/// Whether the environment works and was installed from these requirements.
fn is_current(venv: &Path, wanted: &str) -> bool {
    fs::read_to_string(venv.join(STAMP)).is_ok_and(|installed| installed == wanted)
        && succeeds(&venv.join("bin/python"))
}

/// The first interpreter that can be used.
fn interpreter() -> Result<&'static str, Failure> {
    INTERPRETERS.into_iter().find(|name| succeeds(Path::new(name))).ok_or_else(|| Failure::Setup {
        expected: "Python 3.11 or later with the venv and ensurepip modules on PATH".to_owned(),
        found: format!("none among {}", INTERPRETERS.join(", ")),
        hint: "install it, for instance `apt install python3 python3-venv` or \
               `dnf install python3`, or run `cargo xtask test --rust --loom`"
            .to_owned(),
    })
}

fn succeeds(interpreter: &Path) -> bool {
    Command::new(interpreter)
        .args(["-c", PROBE])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A program of the environment, called as if the environment were activated.
fn inside(venv: &Path, program: &str) -> Command {
    let programs = venv.join("bin");
    let mut path = OsString::from(&programs);
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let mut command = Command::new(programs.join(program));
    command.env("PATH", path).env("VIRTUAL_ENV", venv).env_remove("CONDA_PREFIX");
    command.env_remove("PYTHONHOME");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_a_stamp_or_python_is_not_current() {
        let nowhere = process::target_dir().join("no-such-environment");
        assert!(!is_current(&nowhere, ""));
    }

    #[test]
    fn a_program_that_is_not_python_is_not_an_interpreter() {
        assert!(!succeeds(Path::new("false")));
        assert!(!succeeds(Path::new("no-such-interpreter")));
    }

    #[test]
    fn a_program_of_the_environment_sees_the_environment_first() {
        let command = inside(Path::new("/venv"), "python");
        let value = |name: &str| {
            let (_, value) = command.get_envs().find(|(key, _)| *key == name).unwrap();
            value.unwrap().to_string_lossy().into_owned()
        };
        assert!(value("PATH").starts_with("/venv/bin"));
        assert_eq!(value("VIRTUAL_ENV"), "/venv");
    }
}
