//! What a ring knows of its instruments.

use super::Reader;
use crate::batch::Batch;
use crate::instruments::{Instrument, Latest};
use crate::poll::RecordRef;

impl Reader {
    /// The definition of an instrument; `None` if the ring's directory does not have it.
    ///
    /// Cost: some 20 loads, however many instruments there are.
    #[must_use]
    pub fn instrument(&self, instrument_id: u32) -> Option<Instrument> {
        self.segment.instruments().get(instrument_id)
    }

    /// The instruments of the ring's directory, in no order.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument> {
        self.segment.instruments().iter()
    }

    /// The last quote and trade of an instrument, each validated by itself: they may be of
    /// different moments. Needs a ring with [`instruments`](crate::RingSpec::instruments).
    ///
    /// Cost: some 20 loads, however many instruments there are and however long ago it was.
    #[must_use]
    pub fn latest(&self, instrument_id: u32) -> Latest {
        self.segment.instruments().latest(instrument_id, &self.layouts)
    }

    /// A batch of one record out of this ring, such as a last value. Cost: allocates.
    #[must_use]
    pub fn batch_of(&self, record: &RecordRef<'_>) -> Batch {
        let mut batch = Batch::new();
        batch.restart(record.seq(), self.segment.slots().payload_words(), &self.layouts);
        batch.push(record.bytes());
        batch
    }
}
