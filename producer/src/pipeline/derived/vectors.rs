//! The ring of vectors: features of the ticks, and what is planted among them.

use tickring::record::Vector;
use tickring::{Writer, WrongKind};

use crate::features::{Features, Plant, Planter};
use crate::market::Update;

/// The writer of the ring, and what it writes.
#[derive(Debug)]
pub(super) struct Vectors {
    features: Features,
    planter: Option<Planter>,
    pub(super) writer: Writer,
    pub(super) published: u64,
}

impl Vectors {
    pub(super) fn new(features: Features, writer: Writer) -> Self {
        let planter = features.planter();
        Self { features, planter, writer, published: 0 }
    }

    /// Takes what a record, whose sequence is `seq`, did to a market, and publishes what follows.
    #[inline]
    pub(super) fn observe(&mut self, seq: u64, update: &Update<'_>) -> Result<(), WrongKind> {
        let Some(feature) = self.features.observe(seq, update) else { return Ok(()) };
        let vector = Vector { vec_id: self.writer.next_seq(), ..feature.vector };
        publish(&mut self.writer, &vector, feature.lanes)?;
        self.published += 1;
        let planted = self.planter.as_mut().and_then(|own| own.after(&vector, feature.lanes));
        if let Some((vector, lanes)) = planted {
            publish(&mut self.writer, &vector, lanes)?;
            self.published += 1;
        }
        Ok(())
    }

    /// Gives the vectors that were planted since the last call.
    pub(super) fn drain_plants(&mut self) -> impl Iterator<Item = Plant> {
        self.planter.iter_mut().flat_map(Planter::drain)
    }
}

/// Publishes one vector.
fn publish(writer: &mut Writer, vector: &Vector, lanes: &[f32]) -> Result<(), WrongKind> {
    let mut claim = writer.claim();
    claim.write(vector)?;
    claim.write_lanes(lanes)?;
    let _ = claim.commit();
    Ok(())
}
