//! Attaching to files of every sort.

use crate::support::{Bench, drain, trade};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use tickring::{Error, Reader, Start, Writer};

fn open_error(bench: &Bench) -> Error {
    let reading = Reader::open(&bench.directory, &bench.name, Start::Latest);
    let writing = Writer::open(&bench.directory, &bench.name, &bench.spec);
    let (reading, writing) = (reading.unwrap_err(), writing.unwrap_err());
    assert_eq!(reading.to_string(), writing.to_string(), "both sides say the same");
    reading
}

fn segment_with(bytes: &[u8]) -> (Bench, Error) {
    let bench = Bench::new(64);
    let path = bench.directory.path_of(&bench.name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let error = open_error(&bench);
    (bench, error)
}

#[test]
fn a_foreign_file_is_not_a_segment() {
    let (_bench, error) = segment_with(&[b'#'; 10_000]);
    assert!(matches!(error, Error::NotASegment { .. }), "{error}");
    assert!(error.to_string().contains("expected \"TICKRING\""), "{error}");
}

#[test]
fn an_empty_and_a_short_file_are_truncated() {
    for size in [0, 1, 8, 1023] {
        let (_bench, error) = segment_with(&vec![0; size]);
        assert!(matches!(error, Error::Truncated { .. }), "{size}: {error}");
    }
}

#[test]
fn random_bytes_are_refused_wherever_they_stand() {
    let bench = Bench::new(64);
    drop(bench.writer());
    let path = bench.directory.path_of(&bench.name);
    let whole = fs::read(&path).unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // The identity and the schema table: what follows is data and may be anything.
            let at = if round % 2 == 0 { state % 1024 } else { 4096 + state % 3000 };
            bytes[at as usize] ^= (state >> 56) as u8 | 1;
        }
        fs::write(&path, &bytes).unwrap();
        assert!(
            Reader::open(&bench.directory, &bench.name, Start::Latest).is_err(),
            "round {round} was accepted"
        );
    }
}

#[test]
fn a_truncated_segment_names_both_sizes() {
    let bench = Bench::new(64);
    drop(bench.writer());
    let path = bench.directory.path_of(&bench.name);
    let size = fs::metadata(&path).unwrap().len();
    for cut in [1, 4096, size - 2000] {
        File::options().write(true).open(&path).unwrap().set_len(size - cut).unwrap();
        let error = open_error(&bench);
        assert!(
            matches!(
                error,
                Error::Truncated { expected, found, .. } if (expected, found) == (size, size - cut)
            ),
            "{error}"
        );
    }
}

#[test]
fn another_layout_version_is_named() {
    let bench = Bench::new(64);
    drop(bench.writer());
    let path = bench.directory.path_of(&bench.name);
    File::options().write(true).open(path).unwrap().write_all_at(&[9, 0, 0, 0], 8).unwrap();
    let error = open_error(&bench);
    assert!(matches!(error, Error::LayoutVersion { expected: 2, found: 9, .. }), "{error}");
}

#[test]
fn a_segment_without_write_permission_is_read() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    for n in 0..3 {
        writer.publish(&trade(n)).unwrap();
    }
    let path = bench.directory.path_of(&bench.name);
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(drain(&mut bench.reader(Start::Oldest)).len(), 3);
    assert_eq!(mapping_modes(&path), ["rw-s"], "the writer's, and no reader's any more");
    let _reader = bench.reader(Start::Oldest);
    assert_eq!(mapping_modes(&path), ["r--s", "rw-s"]);
}

/// The modes of this process's mappings of a file, sorted.
fn mapping_modes(path: &Path) -> Vec<String> {
    let inode = fs::metadata(path).unwrap().ino().to_string();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut modes: Vec<String> = maps
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(4).is_some_and(|found| *found == inode))
        .map(|fields| fields[1].to_owned())
        .collect();
    modes.sort();
    modes
}

#[test]
fn a_missing_ring_is_not_found_and_a_full_file_system_says_how_much_is_needed() {
    let bench = Bench::new(64);
    let error = Reader::open(&bench.directory, &bench.name, Start::Latest).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let huge = tickring::RingSpec { capacity: 1 << 33, ..bench.spec.clone() };
    let error = Writer::open(&bench.directory, &bench.name, &huge).unwrap_err();
    assert!(
        matches!(error, Error::NoSpace { needed_bytes, .. } if needed_bytes > 1 << 39),
        "{error}"
    );
    assert_eq!(bench.directory.list().unwrap(), [], "nothing is left of the failed birth");
}

#[test]
fn permissions_follow_the_spec_whatever_the_umask() {
    for mode in [0o640, 0o660, 0o444] {
        let mut bench = Bench::new(64);
        bench.spec.mode = mode;
        let _writer = bench.writer();
        let metadata = fs::metadata(bench.directory.path_of(&bench.name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
    }
}
