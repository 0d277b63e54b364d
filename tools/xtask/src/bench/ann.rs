//! `cargo xtask bench ann`: our index by itself, then beside usearch.

use crate::failure::Failure;
use crate::process;

/// The program with both, which is not of the workspace.
pub(super) const PEERS: &str = "benches/peers/ann/Cargo.toml";

/// Measures.
///
/// # Errors
/// `Usage` for an unknown option, `Command` when something does not build or run.
pub(super) fn run(arguments: &[String]) -> Result<(), Failure> {
    let rounds = rounds(arguments)?;
    process::run(&mut process::cargo([
        "bench",
        "--package",
        "tickring-benches",
        "--bench",
        "ann",
    ]))?;
    let target = process::target_dir().join("peers/ann");
    let mut beside = process::cargo(["run", "--release", "--manifest-path", PEERS]);
    beside.env("CARGO_TARGET_DIR", target);
    process::run(beside.env("TICKRING_BENCH_ROUNDS", rounds.to_string()))
}

/// How many rounds are wanted.
fn rounds(arguments: &[String]) -> Result<u32, Failure> {
    let usage =
        || Failure::Usage { expected: "ann [--rounds N]".to_owned(), found: arguments.join(" ") };
    match arguments {
        [] => Ok(5),
        [option, count] if option == "--rounds" => {
            count.parse().ok().filter(|count| *count > 0).ok_or_else(usage)
        }
        _ => Err(usage()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_chosen_or_five() {
        let of = |arguments: &[&str]| {
            rounds(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!((of(&[]).unwrap(), of(&["--rounds", "3"]).unwrap()), (5, 3));
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--fast"], &["--rounds", "1", "2"]] {
            assert!(of(wrong).unwrap_err().is_usage(), "{wrong:?}");
        }
        assert!(process::root().join(PEERS).is_file());
    }
}
