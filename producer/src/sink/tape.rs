//! Records in memory, as they came: for tests, and for looking at a source without a bus.

use tickring::record::Record;
use tickring::{Instrument, WrongKind};
use zerocopy::FromBytes;

use crate::source::Sink;

/// The ring that a record was for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ring {
    /// `BUS/ticks`.
    Ticks,
    /// `BUS/definitions`.
    Definitions,
    /// `BUS/statistics`.
    Statistics,
}

/// One record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taped {
    /// Its ring.
    pub ring: Ring,
    /// Name of its kind.
    pub name: &'static str,
    /// Its record type.
    pub rtype: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Keeps every record that it is given, and every instrument.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tape {
    /// The records, in order.
    pub records: Vec<Taped>,
    /// What was told of instruments, in order.
    pub instruments: Vec<Instrument>,
}

impl Tape {
    /// Returns the records of one kind, in order.
    ///
    /// Cost: copies them.
    #[must_use]
    pub fn of<R: Record + FromBytes>(&self) -> Vec<R> {
        let own = self.records.iter().filter(|taped| taped.name == R::NAME);
        own.filter_map(|taped| R::read_from_bytes(&taped.bytes).ok()).collect()
    }

    /// Returns the names of the records' kinds, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.records.iter().map(|taped| taped.name).collect()
    }

    fn keep<R: Record>(&mut self, ring: Ring, record: &R) {
        let (rtype, bytes) = (record.header().rtype, record.as_bytes().to_vec());
        self.records.push(Taped { ring, name: R::NAME, rtype, bytes });
    }
}

impl Sink for Tape {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(Ring::Ticks, record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(Ring::Definitions, record);
        Ok(())
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(Ring::Statistics, record);
        Ok(())
    }

    fn instrument(&mut self, instrument: &Instrument) {
        self.instruments.push(*instrument);
    }
}
