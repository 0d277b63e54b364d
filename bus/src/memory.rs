//! How a segment lies in memory: faulted in, locked, in huge pages, on a NUMA node.
//!
//! # Invariants
//!
//! - The one system call without a wrapper, `mbind`, is given a mapping that is there and a node
//!   mask that is longer than it says.

#![expect(unsafe_code, reason = "the mbind system call")]

use crate::error::Error;
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statfs::{HUGETLBFS_MAGIC, fstatfs};
use nix::sys::statvfs::fstatvfs;
use std::fs::{self, File};
use std::path::Path;

/// The nodes that the kernel knows, as `0-1,3`.
const NODES: &str = "/sys/devices/system/node/online";
/// Where the kernel tells of its huge pages.
const POOLS: &str = "/sys/kernel/mm/hugepages";
/// Words of a node mask.
const MASK_WORDS: usize = 16;

/// What a process wishes of the memory behind a ring.
///
/// # Examples
///
/// ```
/// use tickring::Memory;
///
/// let memory = Memory { lock: true, ..Memory::default() };
/// assert!(memory.prefault);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Takes all page faults when the ring is attached, rather than one by one on the data path.
    /// Cost: about 0.1 ms per MiB that is not in memory yet.
    pub prefault: bool,
    /// Keeps the ring from being paged out, within the limit that the process has for that.
    pub lock: bool,
    /// Whether to ask for huge pages.
    pub huge_pages: Huge,
    /// The NUMA node on which a new segment is allocated. One that exists stays where it is.
    pub numa_node: Option<u32>,
}

/// Whether to ask for huge pages. A ring in a directory on hugetlbfs has them without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Huge {
    /// Leaves it to the system.
    #[default]
    No,
    /// Advises the system to use them (`MADV_HUGEPAGE`). On tmpfs it follows only if it is
    /// mounted with `huge=advise`, or `shmem_enabled` says so.
    Advise,
}

impl Default for Memory {
    /// Faults in and leaves the rest to the system.
    fn default() -> Self {
        Self { prefault: true, lock: false, huge_pages: Huge::No, numa_node: None }
    }
}

impl Memory {
    /// Does nothing: for a short look at a ring.
    pub(crate) fn untouched() -> Self {
        Self { prefault: false, ..Self::default() }
    }

    /// Binds the pages of a file that has none yet to the node, for good: the policy belongs to
    /// the file.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is no such node; [`Error::Io`].
    pub(crate) fn place(&self, file: &File, bytes: u64, path: &Path) -> Result<(), Error> {
        let Some(node) = self.numa_node else { return Ok(()) };
        let nodes = fs::read_to_string(NODES).unwrap_or_default();
        let refuse = |source| Error::Memory {
            path: path.to_owned(),
            wish: format!("NUMA node {node}"),
            source,
            hint: match nodes.trim() {
                "" => "this kernel knows no NUMA nodes: leave the option out".to_owned(),
                nodes => format!("this machine has the nodes {nodes}: choose one of them"),
            },
        };
        if !is_listed(node, &nodes) {
            return Err(refuse(Errno::ENODEV.into()));
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let map = MmapOptions::new()
            .len(bytes)
            .map_raw(file)
            .map_err(|source| Error::io("map", path, source))?;
        bind(&map, node).map_err(|errno| refuse(errno.into()))
    }

    /// Fulfils the other wishes for a mapping.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] for one that cannot be fulfilled.
    pub(crate) fn prepare(
        &self,
        map: &MmapRaw,
        populate: Advice,
        path: &Path,
    ) -> Result<(), Error> {
        let refuse = |wish: &str, source, hint| Error::Memory {
            path: path.to_owned(),
            wish: wish.to_owned(),
            source,
            hint,
        };
        if self.huge_pages == Huge::Advise {
            map.advise(Advice::HugePage).map_err(|source| {
                let hint = "this kernel has no transparent huge pages: leave the option out";
                refuse("advice for huge pages", source, hint.to_owned())
            })?;
        }
        if self.prefault {
            // Only advice: a kernel that does not know it takes the faults one by one.
            let _ = map.advise(populate);
        }
        if self.lock {
            map.lock().map_err(|source| refuse("locking", source, lock_hint(map.len())))?;
        }
        Ok(())
    }
}

/// Bytes that the file system has left; `None` if it is not limited and does not say.
pub(crate) fn free_bytes(file: &File) -> Result<Option<u64>, Errno> {
    let space = fstatvfs(file)?;
    if space.blocks() > 0 {
        return Ok(Some(space.blocks_available().saturating_mul(space.fragment_size())));
    }
    Ok(huge_page_bytes(file).and_then(|page| {
        let free = format!("{POOLS}/hugepages-{}kB/free_hugepages", page / 1024);
        let free = fs::read_to_string(free).ok()?.trim().parse::<u64>().ok()?;
        free.checked_mul(page)
    }))
}

/// Bytes that a file of `bytes` bytes takes, and that a mapping of it must have: whole huge
/// pages on hugetlbfs.
pub(crate) fn whole_pages(file: &File, bytes: u64) -> u64 {
    huge_page_bytes(file).and_then(|page| bytes.checked_next_multiple_of(page)).unwrap_or(bytes)
}

/// Size of a huge page of the hugetlbfs that the file is on; `None` if it is elsewhere.
fn huge_page_bytes(file: &File) -> Option<u64> {
    let huge = fstatfs(file).ok().filter(|found| found.filesystem_type() == HUGETLBFS_MAGIC)?;
    u64::try_from(huge.block_size()).ok()
}

fn lock_hint(bytes: usize) -> String {
    let limit = match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((soft, _)) => format!("{soft} bytes"),
        Err(_) => "an unknown size".to_owned(),
    };
    format!(
        "{bytes} bytes are to be locked and RLIMIT_MEMLOCK is {limit}: raise it (`ulimit -l`, or \
         LimitMEMLOCK= of the service), give the process CAP_IPC_LOCK, or do not lock"
    )
}

/// Whether a node is in a list such as `0-1,3`.
fn is_listed(node: u32, list: &str) -> bool {
    list.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
        bounds.is_some_and(|(first, last)| (first..=last).contains(&node))
    })
}

fn bind(map: &MmapRaw, node: u32) -> Result<(), Errno> {
    let mut mask = [0_u64; MASK_WORDS];
    let word = usize::try_from(node / 64).ok().and_then(|index| mask.get_mut(index));
    *word.ok_or(Errno::EINVAL)? |= 1 << (node % 64);
    // SAFETY: the mapping is there, and the mask has one bit more than the call is told to read
    // (it leaves out the last one).
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            map.as_mut_ptr(),
            map.len(),
            libc::MPOL_BIND,
            mask.as_ptr(),
            MASK_WORDS * 64,
            0,
        )
    };
    Errno::result(outcome).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nodes_is_understood() {
        for (list, nodes) in [("0\n", &[0][..]), ("0-1,3\n", &[0, 1, 3]), ("", &[]), ("x", &[])] {
            let listed: Vec<u32> = (0..8).filter(|node| is_listed(*node, list)).collect();
            assert_eq!(listed, nodes, "{list}");
        }
    }

    #[test]
    fn an_ordinary_file_has_the_size_it_is_given() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(whole_pages(&file, 12_345), 12_345);
    }
}
