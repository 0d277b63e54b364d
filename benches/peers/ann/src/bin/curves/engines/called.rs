//! hnswlib and SVS, which are C++: each in a process of its own that times its own searches.

use super::{Answers, Asked, Candidate, flat};
use crate::K;
use crate::sets::Set;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tickring_ann::{Metric, Queries};

/// The program of an engine.
pub(super) struct Program<'p> {
    pub(super) engine: &'static str,
    pub(super) path: &'p Path,
    /// Connections of a node, and how far the graph is followed when one is added.
    pub(super) graphs: [(usize, usize); 2],
}

/// How far it is followed by a query.
const EFS: [usize; 9] = [10, 16, 24, 32, 48, 64, 128, 256, 512];

/// The process, which ends when this is dropped.
struct Caller {
    engine: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: TempDir,
    is_cosine: bool,
}

pub(super) fn build(set: &Set, program: &Program) -> Result<Vec<Candidate>, Box<dyn Error>> {
    program.graphs.iter().map(|graph| one(set, program, *graph)).collect()
}

fn one(
    set: &Set,
    Program { engine, path, .. }: &Program,
    (connections, construction): (usize, usize),
) -> Result<Candidate, Box<dyn Error>> {
    let is_cosine = set.metric == Metric::Cosine;
    let folder = tempfile::tempdir()?;
    let base = folder.path().join("base");
    fs::write(&base, bytes(&flat(&set.base, is_cosine)))?;
    let mut child = Command::new(path)
        .arg(set.base.dim().to_string())
        .arg(if set.metric == Metric::L2 { "l2" } else { "ip" })
        .arg(&base)
        .args([connections.to_string(), construction.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(format!("the streams of {engine} were piped").into());
    };
    let output = BufReader::new(output);
    let mut caller = Caller { engine, child, input, output, folder, is_cosine };
    let line = caller.line()?;
    if line != "ready" {
        return Err(format!("expected {engine} to be ready, found {line:?}").into());
    }
    Ok(Candidate {
        engine,
        name: format!("{connections} connections, "),
        settings: EFS.iter().map(|ef| format!("ef {ef}")).collect(),
        asked: Box::new(caller),
    })
}

impl Caller {
    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Asked for Caller {
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>> {
        let ef = EFS.get(setting).copied().unwrap_or(K);
        let path = self.folder.path().join("queries");
        fs::write(&path, bytes(&flat(queries, self.is_cosine)))?;
        writeln!(self.input, "{ef} {K} {}", path.display())?;
        self.input.flush()?;
        let mut answers = Answers::default();
        loop {
            let line = self.line()?;
            if line == "end" {
                break;
            }
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            let Some(time) = numbers.next() else {
                return Err(format!("{} has ended", self.engine).into());
            };
            answers.times.push(Duration::from_nanos(time?));
            answers.ids.push(numbers.collect::<Result<_, _>>()?);
        }
        if answers.times.len() == queries.len() {
            return Ok(answers);
        }
        let (engine, found) = (self.engine, answers.times.len());
        Err(format!("{engine} answered {found} of {}", queries.len()).into())
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(lanes: &[f32]) -> Vec<u8> {
    lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()
}
