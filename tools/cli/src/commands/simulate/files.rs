//! The files of a simulation: one sink for all.

use super::draft::{Done, Draft};
use super::{Paths, truth};
use crate::failure::Failure;
use serde_json::{Map, Value};
use std::path::Path;
use tickring::record::Record;
use tickring::{RingSpec, WrongKind};
use tickring_producer::sink::binary_file::BinaryFileWriter;
use tickring_producer::sink::dbn::{DbnHeader, DbnWriter};
use tickring_producer::sink::itch::ItchWriter;
use tickring_producer::sink::mold::{
    Chaos, GROUP_A, GROUP_B, MoldTruth, MoldWriter, SENDER_A, SENDER_B,
};
use tickring_producer::sink::pcap::{Flow, PcapWriter};
use tickring_producer::sink::truth::Truth;
use tickring_producer::source::simulator::SimulatorOptions;
use tickring_producer::source::{Count, Kinds, Sink};

/// Dataset code of the Databento file.
const DATASET: &str = "SIMULATED";
/// Name of the MoldUDP64 session.
const SESSION: [u8; 10] = *b"SIMULATED ";

type Messages = (Option<BinaryFileWriter<Draft>>, Option<MoldWriter<Draft>>);

/// All files of a simulation that are asked for.
pub(super) struct Files {
    dbn: Option<DbnWriter<Draft>>,
    itch: Option<ItchWriter<Messages>>,
    truth: Option<Truth>,
    truth_file: Option<Draft>,
}

impl Files {
    /// Begins them. `kinds` are those of the simulator.
    ///
    /// # Errors
    ///
    /// [`Failure::File`], also for one that exists unless `force` is given.
    pub(super) fn create(
        paths: &Paths,
        force: bool,
        kinds: Kinds,
        options: &SimulatorOptions,
        chaos: Chaos,
    ) -> Result<Self, Failure> {
        let draft = |path: &Path| Draft::create(path, force);
        let dbn = match &paths.dbn {
            Some(path) => Some(dbn(path, draft(path)?, kinds, options.start_ns)?),
            None => None,
        };
        let file = match &paths.itch {
            Some(path) => Some(BinaryFileWriter::new(path, draft(path)?)),
            None => None,
        };
        let pcap = |path: &Path, source, group| {
            Ok::<_, Failure>(PcapWriter::new(path, draft(path)?, Flow { source, group })?)
        };
        let mold = match (&paths.mold_a, &paths.mold_b) {
            (Some(a), Some(b)) => {
                let lines = [pcap(a, SENDER_A, GROUP_A)?, pcap(b, SENDER_B, GROUP_B)?];
                Some(MoldWriter::new(SESSION, chaos, lines)?)
            }
            _ => None,
        };
        let has_messages = file.is_some() || mold.is_some();
        Ok(Self {
            dbn,
            itch: has_messages.then(|| ItchWriter::new((file, mold))),
            truth: paths.truth.as_ref().map(|_| Truth::default()),
            truth_file: paths.truth.as_deref().map(draft).transpose()?,
        })
    }

    /// Tells the first error of any file.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.dbn.as_mut().map_or(Ok(()), DbnWriter::check)?;
        self.itch.as_mut().map_or(Ok(()), ItchWriter::check)?;
        Ok(())
    }

    /// Completes all files and gives them their names.
    ///
    /// # Errors
    ///
    /// [`Failure`] if one cannot be written; those that have their names by then keep them.
    pub(super) fn finish(
        self,
        options: &SimulatorOptions,
        chaos: Chaos,
    ) -> Result<Vec<Done>, Failure> {
        let mut done = Vec::new();
        if let Some(dbn) = self.dbn {
            let counts = vec![Count::new("records", dbn.written())];
            done.push(dbn.finish()?.complete("dbn", counts)?);
        }
        let mut mold_truth = None;
        if let Some(itch) = self.itch {
            let ((file, mold), counts) = itch.finish()?;
            if let Some(file) = file {
                done.push(file.finish()?.complete("itch", counts)?);
            }
            if let Some(mold) = mold {
                let ([a, b], truth) = mold.finish()?;
                let MoldTruth { lines: [line_a, line_b], .. } = &truth;
                for (draft, name, line) in [(a, "mold_a", line_a), (b, "mold_b", line_b)] {
                    done.push(draft.complete(name, vec![Count::new("datagrams", line.written)])?);
                }
                mold_truth = Some((truth, chaos));
            }
        }
        if let (Some(truth), Some(draft)) = (self.truth, self.truth_file) {
            let files = entries(&done);
            let object = truth::json(options, &truth, files, mold_truth.as_ref());
            done.push(draft.complete_with(&object, "truth")?);
        }
        done.iter_mut().try_for_each(Done::persist)?;
        Ok(done)
    }
}

/// Describes files, by what they are.
pub(super) fn entries(done: &[Done]) -> Map<String, Value> {
    done.iter().map(|file| (file.name().to_owned(), file.json())).collect()
}

fn dbn(
    path: &Path,
    draft: Draft,
    kinds: Kinds,
    start_ns: u64,
) -> Result<DbnWriter<Draft>, Failure> {
    let all = [kinds.ticks, kinds.definitions, kinds.statistics].concat();
    let schema = RingSpec::new(all)?.schema;
    let header = DbnHeader { dataset: DATASET.to_owned(), start_ns };
    Ok(DbnWriter::new(path, draft, header, &schema)?)
}

impl Sink for Files {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.tick(record)?;
        self.itch.tick(record)?;
        self.truth.tick(record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.definition(record)?;
        self.itch.definition(record)?;
        self.truth.definition(record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.statistic(record)?;
        self.itch.statistic(record)?;
        self.truth.statistic(record)
    }
}
