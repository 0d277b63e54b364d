//! Wishes on the memory behind a ring: fulfilled, as the system itself tells, or refused with
//! what there is.

use crate::fork::Fork;
use crate::role::Role;
use crate::support::{Bench, drain, trade};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::WaitStatus;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tickring::{
    CloseReason, Error, Huge, Memory, Poll, Reader, ReaderOptions, RingSpec, Start, Writer,
};

const ENTRY: &str = "memory::other_side";
/// The exit code of a child that may not do what it should test.
const NOT_PERMITTED: i32 = 77;
const RESERVED: &str = "/proc/sys/vm/nr_hugepages";
/// Huge pages that the test needs, which are two rings of two pages and one that is refused.
const HUGE_PAGES: u64 = 4;

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    println!();
    let bench = Bench::inherited(1 << 10);
    let work = match role.as_str() {
        "lock" => lock_and_exceed,
        "huge" => use_huge_pages,
        other => panic!("no role {other}"),
    };
    // In a fork, which has one thread, as new namespaces demand.
    match Fork::start(|| work(&bench)).wait() {
        WaitStatus::Exited(_, 0) => {}
        WaitStatus::Exited(_, NOT_PERMITTED) => {
            println!("{role}: skipped, the system does not permit it");
        }
        status => panic!("{status:?}"),
    }
}

/// What the system tells about this process's first mapping of a file, behind the name of it.
fn told(path: &Path, what: &str) -> String {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    // Not by its path: a writer has mapped the file before it had a name.
    let inode = fs::metadata(path).unwrap().ino().to_string();
    let is_head = |line: &&str| line.split_whitespace().nth(4) == Some(inode.as_str());
    let mut lines = maps.lines().skip_while(|line| !is_head(line));
    lines.find_map(|line| line.strip_prefix(what)).unwrap().trim().to_owned()
}

fn kib(path: &Path, what: &str) -> u64 {
    told(path, what).trim_end_matches(" kB").parse().unwrap()
}

fn open(bench: &Bench, memory: Memory) -> Result<Writer, Error> {
    let spec = RingSpec { memory, ..bench.spec.clone() };
    Writer::open(&bench.directory, &bench.name, &spec)
}

fn attach(bench: &Bench, memory: Memory) -> Result<Reader, Error> {
    let options = ReaderOptions { memory, ..ReaderOptions::new(Start::Oldest) };
    Reader::open_with(&bench.directory, &bench.name, &options)
}

fn lock_and_exceed(bench: &Bench) -> i32 {
    let path = bench.directory.path_of(&bench.name);
    drop(bench.writer());
    let locked = attach(bench, Memory { lock: true, ..Memory::default() });
    let size = fs::metadata(&path).unwrap().len() / 1024;
    match locked {
        Ok(_locked) => assert_eq!(kib(&path, "Locked:"), size),
        Err(error) => {
            println!("not locked: {error}");
            return NOT_PERMITTED;
        }
    }
    // Without the rights of the real root the limit counts.
    if unshare(CloneFlags::CLONE_NEWUSER).is_err() {
        return NOT_PERMITTED;
    }
    setrlimit(Resource::RLIMIT_MEMLOCK, 4096, 4096).unwrap();
    let error = attach(bench, Memory { lock: true, ..Memory::default() }).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("RLIMIT_MEMLOCK is 4096 bytes") && text.contains("ulimit -l"), "{text}");
    assert!(attach(bench, Memory::default()).is_ok(), "without the wish there is no error");
    0
}

/// Puts the number of reserved huge pages back.
struct Reserved(String);

impl Reserved {
    fn more(count: u64) -> Option<Self> {
        let before = fs::read_to_string(RESERVED).ok()?;
        let wanted = before.trim().parse::<u64>().ok()? + count;
        let reserved = Self(before);
        fs::write(RESERVED, wanted.to_string()).ok()?;
        let found = fs::read_to_string(RESERVED).ok()?;
        (found.trim() == wanted.to_string()).then_some(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let _ = fs::write(RESERVED, &self.0);
    }
}

fn use_huge_pages(bench: &Bench) -> i32 {
    let root = bench.directory.root();
    fs::create_dir_all(root).unwrap();
    let Some(_reserved) = Reserved::more(HUGE_PAGES) else { return NOT_PERMITTED };
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let is_mounted = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, private, None::<&str>))
        .and_then(|()| {
            let options = Some("pagesize=2M");
            mount(Some("tickring"), root, Some("hugetlbfs"), MsFlags::empty(), options)
        });
    if is_mounted.is_err() {
        return NOT_PERMITTED;
    }
    let mut writer = bench.writer();
    let path = bench.directory.path_of(&bench.name);
    assert_eq!(fs::metadata(&path).unwrap().len() % (2 << 20), 0);
    assert_eq!(kib(&path, "KernelPageSize:"), 2048);
    for n in 0..100 {
        writer.publish(&trade(n)).unwrap();
    }
    drop(writer);
    let mut reader = bench.reader(Start::Oldest);
    assert_eq!(drain(&mut reader), (0..100).map(Poll::Record).collect::<Vec<_>>());
    assert_eq!(bench.writer().next_seq(), 101, "it is taken over like any ring");
    let large = RingSpec { capacity: 1 << 18, ..bench.spec.clone() };
    let error = Writer::open(&bench.directory, &"test/large".parse().unwrap(), &large).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    let mut reader = bench.reader(Start::Latest);
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert_eq!(reader.poll().map(|_| ()), Poll::Closed(CloseReason::Truncated));
    0
}

#[test]
fn a_locked_ring_is_locked_and_one_beyond_the_limit_is_refused_with_it() {
    Role::play(ENTRY, "lock", &Bench::new(64));
}

#[test]
fn a_directory_on_hugetlbfs_holds_rings_of_huge_pages() {
    Role::play(ENTRY, "huge", &Bench::new(64));
}

#[test]
fn a_ring_is_faulted_in_unless_it_is_not_wished() {
    let bench = Bench::new(1 << 12);
    drop(bench.writer());
    let path = bench.directory.path_of(&bench.name);
    let lazy = attach(&bench, Memory { prefault: false, ..Memory::default() }).unwrap();
    let touched = kib(&path, "Rss:");
    drop(lazy);
    let _eager = attach(&bench, Memory::default()).unwrap();
    let size = fs::metadata(&path).unwrap().len() / 1024;
    if kib(&path, "Rss:") < size {
        println!("skipped: this kernel has no MADV_POPULATE_READ");
        return;
    }
    assert!(touched < size, "{touched} of {size} KiB");
}

#[test]
fn advice_for_huge_pages_is_taken_or_refused_with_the_reason() {
    let bench = Bench::new(1 << 10);
    match open(&bench, Memory { huge_pages: Huge::Advise, ..Memory::default() }) {
        Ok(mut writer) => {
            writer.publish(&trade(0)).unwrap();
            let flags = told(&bench.directory.path_of(&bench.name), "VmFlags:");
            assert!(flags.contains(" hg"), "{flags}");
        }
        Err(error) => assert!(error.to_string().contains("no transparent huge pages"), "{error}"),
    }
}

#[test]
fn a_node_that_exists_is_bound_to_and_another_is_refused_with_the_list() {
    let nodes = fs::read_to_string("/sys/devices/system/node/online").unwrap_or_default();
    let bench = Bench::new(1 << 10);
    let error = open(&bench, Memory { numa_node: Some(999), ..Memory::default() }).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Memory { .. }) && text.contains("NUMA node 999"), "{text}");
    assert!(text.contains(nodes.trim()), "{text}");
    assert_eq!(bench.directory.list().unwrap(), [], "nothing is left of the failed birth");
    let Some(first) = nodes.trim().split(['-', ',']).next().and_then(|node| node.parse().ok())
    else {
        println!("skipped: this kernel knows no NUMA nodes");
        return;
    };
    let memory = Memory { numa_node: Some(first), ..Memory::default() };
    let mut writer = match open(&bench, memory) {
        Ok(writer) => writer,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    writer.publish(&trade(0)).unwrap();
    assert_eq!(drain(&mut bench.reader(Start::Oldest)), [Poll::Record(0)]);
    println!("a machine with nodes {}: bound to {first}", nodes.trim());
}
