//! Signs of life in band: what tells the readers of an idle ring that nothing is missing.

use super::Writer;
use crate::error::WrongKind;
use crate::record::{Heartbeat, Record, UNDEF_TIME, feed_state};

impl Writer {
    /// Publishes a [`Heartbeat`] that says how far the source is: no record with an event time
    /// before `watermark_ns` will follow. Returns its sequence.
    ///
    /// To be called about once a second while there is nothing else to publish: readers that
    /// [merge](crate::merge) several rings do not have to wait for this one then. Units:
    /// nanoseconds since the Unix epoch, or [`UNDEF_TIME`] if the writer cannot say. Cost: as
    /// [`publish`](Self::publish), and the clock is read.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no heartbeats; nothing was written then.
    #[expect(clippy::cast_possible_truncation, reason = "the record holds the low 32 bits")]
    pub fn publish_heartbeat(&mut self, watermark_ns: u64) -> Result<u64, WrongKind> {
        let seq = self.publish(&Heartbeat {
            ts_pub: crate::now_ns(),
            published: self.next,
            watermark: watermark_ns,
            state: feed_state::LIVE,
            epoch: self.epoch as u32,
            ..Heartbeat::empty(0, 0, UNDEF_TIME)
        })?;
        if watermark_ns != UNDEF_TIME {
            self.set_watermark(watermark_ns);
        }
        self.heartbeat();
        Ok(seq)
    }
}
