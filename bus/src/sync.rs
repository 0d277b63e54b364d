//! The only door to atomics: `core` in a real build, `loom` under `--cfg loom`.
//!
//! Every other module of the bus that touches shared memory imports from here, so the model
//! checker sees the very code that ships.
//!
//! # The asymmetric fence
//!
//! A writer must look whether somebody sleeps after each batch, and a reader must look for a
//! record once more before it sleeps: a store followed by a load on both sides, which only a
//! sequentially consistent fence on both sides keeps in order. That fence would double the cost of
//! publishing a tick, for the sake of readers that are asleep. So the two sides share it unequally:
//! the writer runs [`light_barrier`], which costs nothing but keeps the compiler in order, and the
//! reader, which is about to make a system call anyway, runs [`heavy_barrier`]: `membarrier(2)`
//! makes every running thread of every registered process execute a full fence. Under loom both
//! are sequentially consistent fences, which is what the pair amounts to.
//!
//! # Invariants
//!
//! - The unsafe code calls `membarrier(2)`, which takes numbers and touches no memory of ours.
//! - A process that relies on [`light_barrier`] has called [`register_light`] successfully.

#![cfg_attr(not(loom), expect(unsafe_code, reason = "the membarrier system call"))]

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// `MEMBARRIER_CMD_GLOBAL_EXPEDITED` of `linux/membarrier.h`.
#[cfg(not(loom))]
const GLOBAL_EXPEDITED: i32 = 1 << 1;
/// `MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED` of `linux/membarrier.h`.
#[cfg(not(loom))]
const REGISTER_GLOBAL_EXPEDITED: i32 = 1 << 2;

/// Makes this process one whose light barriers count; `false` if the kernel cannot do that.
#[cfg(not(loom))]
pub(crate) fn register_light() -> bool {
    membarrier(REGISTER_GLOBAL_EXPEDITED)
}

/// The cheap half of the fence: keeps the compiler from reordering, and no more.
#[inline(always)]
pub(crate) fn light_barrier() {
    #[cfg(not(loom))]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}

/// The dear half: a full fence here and in every registered process. `false` if the kernel
/// cannot do that, and the caller must not rely on being seen.
pub(crate) fn heavy_barrier() -> bool {
    fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    return membarrier(GLOBAL_EXPEDITED);
    #[cfg(loom)]
    return true;
}

#[cfg(not(loom))]
fn membarrier(command: i32) -> bool {
    use nix::libc::{SYS_membarrier, syscall};
    // SAFETY: the call takes a command, flags and a processor number, and no pointer.
    unsafe { syscall(SYS_membarrier, command, 0, 0) == 0 }
}
