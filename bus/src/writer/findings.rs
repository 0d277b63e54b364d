//! What recovery reads off a ring without a writer.

use crate::error::Error;
use crate::geometry::SEQUENCE_LIMIT;
use crate::segment::Segment;
use crate::slot::Residue;

/// What the stamps of a ring without a writer say.
pub(super) struct Findings {
    /// The sequence behind the highest that is whole.
    pub(super) next: u64,
    /// Whether the writer died while it wrote that sequence.
    pub(super) torn: bool,
}

impl Findings {
    /// Looks at every stamp. The caller holds the writer lock.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the stamps are not what a writer leaves behind.
    pub(super) fn of(segment: &Segment) -> Result<Self, Error> {
        let corrupt = |what, expected, found| Error::Corrupt {
            path: segment.path().to_owned(),
            what,
            expected,
            found,
        };
        let capacity = segment.geometry().capacity;
        let mut next = 0;
        let mut torn = None;
        for index in 0..capacity {
            let seq = match segment.slot(index).residue() {
                Residue::Blank => continue,
                Residue::Whole(seq) => {
                    next = next.max(seq.saturating_add(1));
                    seq
                }
                Residue::Torn(seq) => {
                    if let Some(other) = torn.replace(seq) {
                        return Err(corrupt("a second half-written slot", other, seq));
                    }
                    seq
                }
            };
            if seq % capacity != index || seq >= SEQUENCE_LIMIT {
                return Err(corrupt("the stamp of a slot", index, seq));
            }
        }
        if let Some(torn) = torn.filter(|torn| *torn != next) {
            return Err(corrupt("the sequence of a half-written slot", next, torn));
        }
        let published = segment.header().published();
        if published > next {
            return Err(corrupt("the published sequence", next, published));
        }
        Ok(Self { next, torn: torn.is_some() })
    }
}
