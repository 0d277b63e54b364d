//! The other limit of the machine: copying the same bytes by `memcpy`.

use std::hint::black_box;
use std::time::Instant;

/// More than a core's own cache, and twice that fits into the shared one.
const L3_BYTES: usize = 4 << 20;
/// More than any cache here.
const DRAM_BYTES: usize = 64 << 20;
/// Bytes that are copied in one measurement, at least.
const COPIED_BYTES: usize = 64 << 20;

/// What a copy achieves, in bytes a nanosecond, which is GB/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopyRate {
    /// Between buffers of 4 MiB, which stay in the shared cache.
    pub l3: f64,
    /// Between buffers of 64 MiB, which do not.
    pub dram: f64,
}

/// The buffers that are copied.
#[derive(Debug)]
pub struct CopyBuffers {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Default for CopyBuffers {
    fn default() -> Self {
        Self::new()
    }
}

impl CopyBuffers {
    /// Buffers of 64 MiB, touched.
    #[must_use]
    pub fn new() -> Self {
        Self { from: vec![1; DRAM_BYTES], to: vec![2; DRAM_BYTES] }
    }

    /// Copies on the calling thread. Cost: about 20 ms.
    pub fn measure(&mut self) -> CopyRate {
        CopyRate { l3: self.rate(L3_BYTES), dram: self.rate(DRAM_BYTES) }
    }

    fn rate(&mut self, bytes: usize) -> f64 {
        let (Some(from), Some(to)) = (self.from.get(..bytes), self.to.get_mut(..bytes)) else {
            unreachable!("both buffers are of the larger size")
        };
        // Once untimed, to bring into the cache what fits.
        to.copy_from_slice(from);
        let copies = COPIED_BYTES / bytes;
        let begin = Instant::now();
        for _ in 0..copies {
            black_box(&mut *to).copy_from_slice(black_box(from));
        }
        let elapsed_ns = begin.elapsed().as_nanos().max(1) as f64;
        (copies * bytes) as f64 / elapsed_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_copied() {
        let mut buffers = CopyBuffers::new();
        let rate = buffers.measure();
        assert!(rate.l3 > 0.0 && rate.dram > 0.0);
        assert!(buffers.from == buffers.to);
    }
}
