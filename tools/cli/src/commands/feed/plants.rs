//! Planted neighbours of a feed, and the file that tells them.

use crate::failure::Failure;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use tickring_producer::features::{Plant, PlantOptions};

/// Options of a feed with vectors.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Planting {
    /// Behind one in N vectors publish a near-duplicate of an earlier one as well
    #[arg(long, value_name = "N", requires = "vectors")]
    plant: Option<u32>,
    /// The same seed plants the same vectors
    #[arg(long, value_name = "SEED", requires = "plant", default_value_t = 1)]
    plant_seed: u64,
    /// Write the planted vectors to this new file, an object a line: query_id, neighbour_id (both
    /// are the vec_id of a vector), distance (squared, Euclidean)
    #[arg(long, value_name = "FILE", requires = "plant")]
    plants: Option<PathBuf>,
}

impl Planting {
    /// The options of the features.
    pub(super) fn options(&self) -> Option<PlantOptions> {
        self.plant.map(|one_in| PlantOptions { one_in, seed: self.plant_seed })
    }

    /// Creates the file.
    ///
    /// # Errors
    ///
    /// [`Failure::File`], also if it is there already.
    pub(super) fn file(&self) -> Result<Option<PlantFile>, Failure> {
        let create = |path: &PathBuf| {
            let file = File::create_new(path);
            let file = file.map_err(Failure::file("create", path))?;
            Ok(PlantFile { path: path.clone(), output: BufWriter::new(file) })
        };
        self.plants.as_ref().map(create).transpose()
    }
}

/// The file of a feed at work.
#[derive(Debug)]
pub(super) struct PlantFile {
    path: PathBuf,
    output: BufWriter<File>,
}

impl PlantFile {
    /// Writes what was planted.
    pub(super) fn write(&mut self, plants: impl Iterator<Item = Plant>) -> Result<(), Failure> {
        for Plant { query_id, neighbour_id, distance } in plants {
            let plant = json!({
                "query_id": query_id,
                "neighbour_id": neighbour_id,
                "distance": distance,
            });
            writeln!(self.output, "{plant}").map_err(self.failed())?;
        }
        Ok(())
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> Failure + use<> {
        Failure::file("write", &self.path)
    }
}
