//! The format page against the structs, and headers against hostile bytes.

use super::*;
use crate::record::{Record, Trade};
use proptest::prelude::*;
use std::mem::offset_of;

const PAGE: &str = include_str!("../../../JOURNAL.md");

fn section(name: &str) -> Vec<&'static str> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = PAGE.find(&begin).expect("the section's begin") + begin.len();
    let to = PAGE.find(&end).expect("the section's end");
    PAGE[from..to].lines().skip(2).collect()
}

macro_rules! rows {
    ($layout:ident: $($field:ident),+ $(,)?) => {{
        let $layout { $($field),+ } = $layout::new_zeroed();
        vec![$(format!(
            "| {} | {} | {} |",
            offset_of!($layout, $field), size_of_val(&$field), stringify!($field)
        )),+]
    }};
}

#[test]
fn journal_page_gives_the_header_of_a_file_as_it_is() {
    let rows = rows!(FileLayout: magic, version_major, version_minor, header_bytes, ring_id,
        created_ns, first_seq, stride_bytes, capacity, schema_offset, schema_bytes, schema_hash,
        time_every, bus, ring, reserved, schema_crc32c, crc32c);
    assert_eq!(section("file"), rows);
}

#[test]
fn journal_page_gives_the_header_of_a_block_as_it_is() {
    let rows = rows!(BlockLayout: magic, offset, first_seq, count, kind, epoch, first_ns, last_ns,
        payload_crc32c, crc32c);
    assert_eq!(section("block"), rows);
}

fn origin() -> Origin {
    Origin {
        name: RingName::new("demo", "ticks").unwrap(),
        ring_id: 7,
        capacity: 1024,
        stride_bytes: 64,
        schema: Schema::new(Trade::kinds()).unwrap(),
    }
}

fn block() -> BlockHeader {
    BlockHeader {
        kind: BlockKind::Records,
        first_seq: 100,
        count: 1000,
        epoch: 3,
        first_ns: 5,
        last_ns: 6,
        payload_crc32c: 9,
    }
}

fn read(bytes: &[u8]) -> Result<FileHeader, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    FileHeader::read(file.as_file(), file.path())
}

#[test]
fn an_encoded_file_header_reads_as_itself() {
    let header = FileHeader::new(&origin(), 5);
    let bytes = header.encode();
    assert_eq!(bytes.len() as u64, header.header_bytes);
    assert_eq!(read(&bytes).unwrap(), header);
}

#[test]
fn every_changed_or_missing_byte_of_a_file_header_is_refused() {
    let bytes = FileHeader::new(&origin(), 5).encode();
    let used = FIXED_BYTES + origin().schema.encode().len();
    for at in (0..FIXED_BYTES).chain((FIXED_BYTES..used).step_by(17)) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(read(&changed).is_err(), "byte {at}");
    }
    for end in (0..used).step_by(37) {
        assert!(read(&bytes[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn a_file_header_with_a_right_checksum_and_a_wrong_number_is_refused() {
    let bytes = FileHeader::new(&origin(), 5).encode();
    let edits: [fn(&mut FileLayout); 9] = [
        |l| l.stride_bytes = 0.into(),
        |l| l.stride_bytes = 72.into(),
        |l| l.stride_bytes = (1 << 40).into(),
        |l| l.schema_bytes = u64::MAX.into(),
        |l| l.schema_bytes = 8.into(),
        |l| l.schema_offset = 8.into(),
        |l| l.header_bytes = 64.into(),
        |l| l.first_seq = u64::MAX.into(),
        |l| l.bus = [0xff; NAME_BYTES],
    ];
    for (case, edit) in edits.into_iter().enumerate() {
        let (mut layout, rest) = FileLayout::read_from_prefix(&bytes).unwrap();
        edit(&mut layout);
        layout.crc32c = checksum(layout.as_bytes()).into();
        assert!(read(&[layout.as_bytes(), rest].concat()).is_err(), "case {case}");
    }
}

#[test]
fn every_changed_byte_of_a_block_header_is_refused() {
    let bytes = block().encode(4096);
    assert_eq!(BlockHeader::decode(&bytes, 4096, &origin()), Head::Block(block()));
    assert_eq!(BlockHeader::decode(&bytes, 8192, &origin()), Head::Bad, "another place");
    assert_eq!(BlockHeader::decode(&[0; BLOCK_HEADER_BYTES], 0, &origin()), Head::Blank);
    for at in 0..BLOCK_HEADER_BYTES {
        let mut changed = bytes;
        changed[at] ^= 0x41;
        assert_eq!(BlockHeader::decode(&changed, 4096, &origin()), Head::Bad, "byte {at}");
    }
}

#[test]
fn a_block_that_claims_more_than_fits_is_refused_before_anything_is_allocated() {
    for count in [0, MAX_BLOCK_RECORDS + 1, u64::from(u32::MAX)] {
        let bytes = BlockHeader { count, ..block() }.encode(0);
        assert_eq!(BlockHeader::decode(&bytes, 0, &origin()), Head::Bad, "{count} records");
    }
    let bytes = BlockHeader { first_seq: u64::MAX - 5, ..block() }.encode(0);
    assert_eq!(BlockHeader::decode(&bytes, 0, &origin()), Head::Bad);
}

#[test]
fn a_payload_has_a_time_for_each_64th_sequence() {
    for (first, count, times) in [(0, 1, 1), (1, 63, 0), (1, 64, 1), (0, 64, 1), (64, 1024, 16)] {
        assert_eq!(Shape::of(first, count, 64).times, times, "{first} {count}");
        let expected = 64 + u64::from(times > 0) * times.div_ceil(8) * 64 + count * 64;
        assert_eq!(Shape::of(first, count, 64).block_bytes(), expected);
    }
}

proptest! {
    #[test]
    fn block_headers_read_as_written_at_any_place(
        first_seq in 0u64..1 << 62,
        count in 1u64..=1024,
        epoch: u64, first_ns: u64, last_ns: u64, payload_crc32c: u32, offset: u64,
    ) {
        let kind = BlockKind::Records;
        let header =
            BlockHeader { kind, first_seq, count, epoch, first_ns, last_ns, payload_crc32c };
        let found = BlockHeader::decode(&header.encode(offset), offset, &origin());
        prop_assert_eq!(found, Head::Block(header));
    }

    #[test]
    fn random_bytes_are_no_header(bytes: [u8; 32], offset: u64) {
        let mut all = [0; BLOCK_HEADER_BYTES];
        all[..32].copy_from_slice(&bytes);
        let found = BlockHeader::decode(&all, offset, &origin());
        prop_assert!(!matches!(found, Head::Block(_)));
    }
}
