//! `cargo xtask bench curves`: recall against latency, our index beside usearch, hnswlib and faiss.
//!
//! Makes what they need under `target/peers`: the program that calls hnswlib, compiled with the
//! headers of its Python package's sources, and with cmake faiss, which takes minutes once. All of
//! them are compiled for this processor.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ann::PEERS;
use crate::failure::Failure;
use crate::process;
use crate::test::python;

/// What is given on to the compilers of C++.
const NATIVE: &str = "-march=native";
/// The call of hnswlib, and the package with its headers.
const CALLER: &str = "benches/peers/ann/hnswlib.cpp";
const REQUIREMENTS: &str = "benches/peers/ann/requirements.txt";
const HNSWLIB: &str = "hnswlib==0.8.0";
const HNSWLIB_FOLDER: &str = "hnswlib-0.8.0";

/// Builds, then measures with these options; `--no-faiss` is ours, the others the program's.
///
/// # Errors
/// `Setup` without a usable Python, `Command` when something does not build or run.
pub(super) fn run(options: &[String]) -> Result<(), Failure> {
    let peers = process::target_dir().join("peers");
    let hnswlib = hnswlib(&peers)?;
    let (ours, theirs): (Vec<&String>, _) =
        options.iter().partition(|option| *option == "--no-faiss");
    let has_faiss = ours.is_empty() && is_here("cmake");
    if !has_faiss {
        eprintln!("without faiss: {}", if ours.is_empty() { "no cmake" } else { "--no-faiss" });
    }
    let mut program = process::cargo(["run", "--release", "--manifest-path", PEERS]);
    program.args(["--bin", "curves"]);
    if has_faiss {
        program.args(["--features", "faiss"]);
    }
    program.env("CARGO_TARGET_DIR", peers.join("ann"));
    program.env("CFLAGS", NATIVE).env("CXXFLAGS", NATIVE);
    // All have one thread; faiss and its BLAS would take more.
    program.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
    process::run(program.arg("--").arg("--hnswlib").arg(hnswlib).args(theirs))
}

/// Compiles the program that calls hnswlib, unless it is newer than its source.
fn hnswlib(peers: &Path) -> Result<PathBuf, Failure> {
    let (program, source) = (peers.join("hnswlib"), process::root().join(CALLER));
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&program).zip(changed(&source)).is_some_and(|(made, written)| made > written) {
        return Ok(program);
    }
    let headers = peers.join(HNSWLIB_FOLDER).join("hnswlib");
    if !headers.is_dir() {
        let python =
            python::prepare(&peers.join("hnswlib-venv"), &process::root().join(REQUIREMENTS))?;
        let mut download = Command::new(python);
        download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
        download.args(["--no-deps", "--no-binary", "hnswlib", HNSWLIB, "--dest"]);
        process::run(download.arg(peers))?;
        let archive = peers.join(format!("{HNSWLIB_FOLDER}.tar.gz"));
        process::run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(peers))?;
    }
    let mut compile = Command::new("c++");
    compile.args(["-O3", NATIVE, "-std=c++17", "-I"]).arg(headers).arg("-o").arg(&program);
    process::run(compile.arg(source))?;
    Ok(program)
}

/// Whether a program is on the path.
fn is_here(program: &str) -> bool {
    let mut probe = Command::new(program);
    let probe = probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_the_caller_is_in_the_tree_and_its_headers_are_of_its_package() {
        assert!(process::root().join(CALLER).is_file());
        assert!(process::root().join(REQUIREMENTS).is_file());
        assert_eq!(HNSWLIB.replace("==", "-"), HNSWLIB_FOLDER);
        assert!(is_here("cargo") && !is_here("no-such-program-here"));
    }
}
