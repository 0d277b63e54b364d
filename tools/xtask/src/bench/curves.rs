//! `cargo xtask bench curves`: recall against latency, our index beside usearch, diskann, hnswlib,
//! SVS and faiss.
//!
//! Makes what they need under `target/peers`: the programs that call hnswlib and SVS, compiled with
//! the headers of their Python packages, and with cmake faiss, which takes minutes once. All of
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
/// Where the calls of indexes of C++ are.
const CALLERS: &str = "benches/peers/ann/callers";
const REQUIREMENTS: &str = "benches/peers/ann/requirements.txt";

/// A program that calls an index of C++.
struct Caller {
    name: &'static str,
    /// The Python package with its headers, and its version.
    package: (&'static str, &'static str),
    /// Where the package is a wheel rather than an archive of sources.
    is_wheel: bool,
    /// Folders of headers in it.
    headers: &'static [&'static str],
    flags: &'static [&'static str],
}

const HNSWLIB: Caller = Caller {
    name: "hnswlib",
    package: ("hnswlib", "0.8.0"),
    is_wheel: false,
    headers: &["hnswlib-0.8.0/hnswlib"],
    flags: &["-std=c++17"],
};
/// Its headers are made for a build of its own that defines these; NUMA asks for a library of its
/// own.
const SVS: Caller = Caller {
    name: "svs",
    package: ("scalable-vs", "0.5.0"),
    is_wheel: true,
    headers: &["svs/include", "svs/include/eve-2023.2.15"],
    flags: &[
        "-std=c++20",
        "-DNDEBUG",
        "-DFMT_HEADER_ONLY",
        "-DSPDLOG_FMT_EXTERNAL",
        "-DSVS_VERSION_MAJOR=0",
        "-DSVS_VERSION_MINOR=5",
        "-DSVS_VERSION_PATCH=0",
        "-DSVS_ENABLE_NUMA=0",
        "-DSVS_CHECK_BOUNDS=0",
        "-DSVS_INITIALIZE_LOGGER=1",
        "-pthread",
    ],
};

/// Builds, then measures with these options; `--no-faiss` is ours, the others the program's.
///
/// # Errors
/// `Setup` without a usable Python, `Command` when something does not build or run.
pub(super) fn run(options: &[String]) -> Result<(), Failure> {
    let peers = process::target_dir().join("peers");
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
    program.arg("--");
    for caller in [HNSWLIB, SVS] {
        program.arg(format!("--{}", caller.name)).arg(compiled(&caller, &peers)?);
    }
    process::run(program.args(theirs))
}

/// Compiles a program, unless it is newer than its source.
fn compiled(caller: &Caller, peers: &Path) -> Result<PathBuf, Failure> {
    let source = process::root().join(CALLERS).join(format!("{}.cpp", caller.name));
    let program = peers.join(caller.name);
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&program).zip(changed(&source)).is_some_and(|(made, written)| made > written) {
        return Ok(program);
    }
    let headers = headers(caller, peers)?;
    let mut compile = Command::new("c++");
    compile.args(["-O3", NATIVE]).args(caller.flags);
    for folder in headers {
        compile.arg("-isystem").arg(folder);
    }
    process::run(compile.arg("-o").arg(&program).arg(source))?;
    Ok(program)
}

/// Downloads and unpacks the package, unless it is there.
fn headers(caller: &Caller, peers: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = peers.join(format!("{}-headers", caller.name));
    let all: Vec<PathBuf> = caller.headers.iter().map(|name| folder.join(name)).collect();
    if all.iter().all(|folder| folder.is_dir()) {
        return Ok(all);
    }
    let python = python::prepare(&peers.join("callers-venv"), &process::root().join(REQUIREMENTS))?;
    let (package, version) = caller.package;
    let packed = folder.join("package");
    let mut download = Command::new(&python);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
    download.args(["--no-deps", if caller.is_wheel { "--only-binary" } else { "--no-binary" }]);
    download.arg(package).arg(format!("{package}=={version}"));
    process::run(download.arg("--dest").arg(&packed))?;
    for archive in fs::read_dir(&packed).map_err(Failure::file("read", &packed))?.flatten() {
        let mut unpack = Command::new(&python);
        unpack.args(["-m", if caller.is_wheel { "zipfile" } else { "tarfile" }, "-e"]);
        process::run(unpack.arg(archive.path()).arg(&folder))?;
    }
    Ok(all)
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
    fn the_callers_are_in_the_tree_with_the_version_that_they_ask_for() {
        for caller in [HNSWLIB, SVS] {
            let source = format!("{CALLERS}/{}.cpp", caller.name);
            assert!(process::root().join(&source).is_file(), "{source}");
        }
        assert!(process::root().join(REQUIREMENTS).is_file());
        let (name, version) = HNSWLIB.package;
        assert!(HNSWLIB.headers[0].starts_with(&format!("{name}-{version}")));
        let parts = ["MAJOR", "MINOR", "PATCH"].into_iter().zip(SVS.package.1.split('.'));
        for (part, number) in parts {
            assert!(SVS.flags.contains(&format!("-DSVS_VERSION_{part}={number}").as_str()));
        }
        assert!(is_here("cargo") && !is_here("no-such-program-here"));
    }
}
