//! From the bytes of a row to a published record of the kind's own struct.

use tickring::record::{
    Bar, DeltaW, Gap, Heartbeat, Imbalance, InstrumentDef, Match, Mbo, Mbp1, Mbp10, Quote, QuoteW,
    Raw, Record, Stat, Status, SymbolMapping, Trade, TradeW, Vector, WindowBar, lane_type,
};
use tickring::schema::Kind;
use tickring::{Writer, WrongKind};

/// Stages rows of one kind.
#[derive(Debug)]
pub(crate) struct Stager {
    rtype: u8,
    stage: Stage,
    row: Vec<u8>,
    /// Lanes behind the fixed part; 0 but for vectors.
    lanes: u16,
    reserved: Vec<std::ops::Range<usize>>,
}

/// Stages one row, which has this many lanes.
type Stage = fn(&mut Writer, &[u8], u16) -> Result<(), WrongKind>;

impl Stager {
    /// Prepares for rows of `kind`; `None` if only recovery writes that kind.
    pub(crate) fn new(kind: &Kind) -> Option<Self> {
        let at = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let reserved = kind.fields.iter().filter(|field| field.is_reserved());
        Some(Self {
            rtype: kind.rtype,
            stage: stage_of(kind.rtype)?,
            row: vec![0; at(kind.size_bytes)],
            lanes: kind
                .field("lanes")
                .and_then(|lanes| u16::try_from(lanes.count).ok())
                .unwrap_or(0),
            reserved: reserved
                .map(|field| at(field.offset)..at(field.offset) + at(field.size_bytes()))
                .collect(),
        })
    }

    /// Puts rows of this kind, one behind the other, into the next slots. Type and length in the
    /// header are filled in, reserved bytes are zero whatever the rows say.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no such kind.
    pub(crate) fn stage(&mut self, writer: &mut Writer, rows: &[u8]) -> Result<(), WrongKind> {
        for row in rows.chunks_exact(self.row.len()) {
            self.row.copy_from_slice(row);
            for range in &self.reserved {
                self.row.get_mut(range.clone()).unwrap_or_default().fill(0);
            }
            if let [length, rtype, ..] = self.row.as_mut_slice() {
                (*length, *rtype) = (0, self.rtype);
            }
            (self.stage)(writer, &self.row, self.lanes)?;
        }
        Ok(())
    }
}

/// The function for the struct that has the layout of this record type.
fn stage_of(rtype: u8) -> Option<Stage> {
    macro_rules! first_of {
        ($($record:ident),+) => {
            [$((<$record>::accepts(rtype), stage_record::<$record> as Stage)),+]
        };
    }
    let stages = first_of!(
        Bar,
        DeltaW,
        Gap,
        Heartbeat,
        Imbalance,
        InstrumentDef,
        Match,
        Mbo,
        Mbp1,
        Mbp10,
        Quote,
        QuoteW,
        Raw,
        Stat,
        Status,
        SymbolMapping,
        Trade,
        TradeW,
        WindowBar
    );
    if Vector::accepts(rtype) {
        return Some(stage_vector);
    }
    stages.into_iter().find(|(accepts, _)| *accepts).map(|(_, stage)| stage)
}

fn stage_record<R: Record>(writer: &mut Writer, row: &[u8], _: u16) -> Result<(), WrongKind> {
    let mut record = R::new_zeroed();
    fill(&mut record, row);
    writer.stage(&record).map(drop)
}

/// The lanes stand behind the fixed part; their number is filled in.
fn stage_vector(writer: &mut Writer, row: &[u8], dim: u16) -> Result<(), WrongKind> {
    let mut vector = Vector::empty(0, 0, 0);
    fill(&mut vector, row);
    let (lanes, _) = row.get(Vector::LANES_OFFSET..).unwrap_or_default().as_chunks::<4>();
    let lanes: Vec<f32> =
        lanes.iter().take(dim.into()).map(|lane| f32::from_le_bytes(*lane)).collect();
    (vector.dim, vector.dtype) = (dim, lane_type::F32);
    let mut claim = writer.claim();
    claim.write(&vector)?;
    claim.write_lanes(&lanes)?;
    claim.commit();
    Ok(())
}

/// Copies a row into a record, whose size is the length that its header says.
fn fill<R: Record>(record: &mut R, row: &[u8]) {
    for (to, from) in record.as_mut_bytes().iter_mut().zip(row) {
        *to = *from;
    }
    if let Some(length) = record.as_mut_bytes().first_mut() {
        // No record is longer than the 1,020 bytes that the header can say.
        *length = u8::try_from(size_of::<R>() / 4).unwrap_or(u8::MAX);
    }
}
