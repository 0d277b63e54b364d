//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Measures recall against latency beside usearch, diskann, hnswlib, SVS and faiss
#[derive(Clone, Debug, Parser)]
pub(crate) struct Options {
    /// Rounds, in which all engines take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Measure this group alone: quotes, sift, glove or market; may be given several times
    #[arg(long = "set", value_name = "NAME", value_parser = ["quotes", "sift", "glove", "market"])]
    pub(crate) sets: Vec<String>,
    /// Write a dated record, and a plot for each set beside it
    #[arg(long, value_name = "FILE.md")]
    pub(crate) record: Option<PathBuf>,
    /// The folder of recorded data; without it only simulated vectors are measured
    #[arg(long, env = "TICKRING_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The program that calls hnswlib
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) hnswlib: Option<PathBuf>,
    /// The program that calls SVS
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) svs: Option<PathBuf>,
}
