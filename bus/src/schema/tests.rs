//! The rules, one by one, and the codec against random and hostile bytes.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::record::{Mbo, Record, Trade, Vector, builtin_kinds};

fn field(name: &'static str, offset: u32, ty: FieldType, count: u32) -> Field {
    let (unit, null) = (Unit::None, None);
    Field { name: name.into(), offset, ty, count, unit, null, doc: "A field.".into() }
}

/// A kind of 16 bytes that is valid.
fn small() -> Kind {
    let fields = vec![
        field("price", 0, FieldType::I64, 1),
        field("size", 8, FieldType::U32, 1),
        field("code", 12, FieldType::Bytes, 3),
        field("_pad", 15, FieldType::U8, 1),
    ];
    Kind { name: "small".into(), rtype: 1, size_bytes: 16, fields }
}

/// Returns the error of `small` after a change.
fn broken(change: impl FnOnce(&mut Kind)) -> SchemaError {
    let mut kind = small();
    change(&mut kind);
    Schema::new(vec![kind]).expect_err("the change breaks a rule")
}

fn schema(kinds: impl IntoIterator<Item = Kind>) -> Schema {
    Schema::new(kinds.into_iter().collect()).expect("valid")
}

#[test]
fn lookups_find_kinds_and_fields_by_name_and_rtype() {
    let schema = schema(builtin_kinds());
    assert_eq!(schema.kind_by_rtype(0xA0).map(|kind| &*kind.name), Some("mbo"));
    assert_eq!(schema.kind_by_name("quote_w").map(|kind| kind.rtype), Some(0xE4));
    assert!(schema.contains(0xF1) && !schema.contains(0xFF));
    assert_eq!(schema.max_size_bytes(), 520);
    let mbo = schema.kind_by_name("mbo").expect("built in");
    assert_eq!(mbo.field("price").map(|field| field.null), Some(Some(i64::MAX as u64)));
    assert_eq!(mbo.field("no_such"), None);
    let data = schema.data_kinds().count();
    assert_eq!(data, schema.kinds().len() - 4, "heartbeat, gap, restart, tombstone");
}

#[test]
fn data_fields_leave_out_reserved_ones() {
    let names: Vec<_> = small().data_fields().map(|field| field.name.to_string()).collect();
    assert_eq!(names, ["price", "size", "code"]);
}

#[test]
fn a_schema_without_kinds_or_fields_is_refused() {
    assert_eq!(Schema::new(Vec::new()), Err(SchemaError::Empty));
    let error = broken(|kind| kind.fields.clear());
    assert!(matches!(error, SchemaError::Count { what: "fields", found: 0, .. }), "{error}");
}

#[test]
fn more_kinds_or_fields_than_the_table_holds_are_refused() {
    let kinds = (0..=MAX_KINDS).map(|_| small()).collect();
    let error = Schema::new(kinds).expect_err("257 kinds");
    assert!(matches!(error, SchemaError::Count { what: "kinds", found: 257, .. }), "{error}");
    let error = broken(|kind| {
        kind.fields = (0..=MAX_FIELDS).map(|_| field("a", 0, FieldType::U8, 1)).collect();
    });
    assert!(matches!(error, SchemaError::Count { what: "fields", found: 4097, .. }), "{error}");
}

#[test]
fn sizes_that_are_no_whole_words_or_too_large_are_refused() {
    for size in [0, 4, 15, 17, MAX_SIZE_BYTES + 8, u32::MAX - 7] {
        let error = broken(|kind| kind.size_bytes = size);
        assert!(matches!(error, SchemaError::Size { found, .. } if found == size), "{error}");
    }
}

#[test]
fn names_outside_the_alphabet_or_too_long_are_refused() {
    let long = "x".repeat(NAME_BYTES + 1);
    for name in ["", "Price", "bid px", "größe", "a-b", long.as_str()] {
        let error = broken(|kind| kind.name = name.to_owned().into());
        assert!(matches!(error, SchemaError::Name { .. }), "{error}");
        let error = broken(|kind| kind.fields[0].name = name.to_owned().into());
        assert!(matches!(error, SchemaError::Name { .. }), "{error}");
    }
    let mut kind = small();
    kind.name = "x".repeat(NAME_BYTES).into();
    let whole = schema([kind]);
    assert_eq!(Schema::decode(&whole.encode()), Ok(whole), "a name may fill its slot");
}

#[test]
fn names_and_record_types_stand_once() {
    let error = broken(|kind| kind.fields[1].name = "price".into());
    assert!(matches!(error, SchemaError::DuplicateName { ref place, .. } if place == "small"));
    let error = Schema::new(vec![small(), small()]).expect_err("same name");
    assert!(matches!(error, SchemaError::DuplicateName { .. }), "{error}");
    let other = Kind { name: "other".into(), ..small() };
    let error = Schema::new(vec![small(), other]).expect_err("same rtype");
    assert!(matches!(error, SchemaError::DuplicateRtype { rtype: 1, .. }), "{error}");
}

#[test]
fn holes_overlaps_and_fields_outside_the_record_are_refused() {
    let hole = |from, to| SchemaError::Hole { kind: "small".into(), from, to };
    assert_eq!(broken(|kind| kind.fields.truncate(3)), hole(15, 16));
    assert_eq!(broken(|kind| _ = kind.fields.remove(0)), hole(0, 8));
    assert_eq!(broken(|kind| _ = kind.fields.remove(1)), hole(8, 12));
    let error = broken(|kind| kind.fields[1].offset = 4);
    assert!(matches!(error, SchemaError::Overlap { expected: 8, found: 4, .. }), "{error}");
    let error = broken(|kind| kind.fields.swap(0, 1));
    assert_eq!(error, hole(0, 8));
    let error = broken(|kind| kind.fields[3].count = 2);
    assert!(matches!(error, SchemaError::OutsideRecord { limit: 16, found: 17, .. }), "{error}");
    let error = broken(|kind| kind.fields[0].count = u32::MAX);
    assert!(matches!(error, SchemaError::OutsideRecord { .. }), "{error}");
    let error = broken(|kind| kind.fields[3].offset = u32::MAX);
    assert!(matches!(error, SchemaError::OutsideRecord { .. }), "{error}");
    let error = broken(|kind| kind.fields[1].count = 0);
    assert!(matches!(error, SchemaError::NoElements { .. }), "{error}");
}

#[test]
fn fields_that_do_not_lie_on_their_alignment_are_refused() {
    let error = broken(|kind| {
        kind.fields = vec![
            field("code", 0, FieldType::Bytes, 4),
            field("price", 4, FieldType::I64, 1),
            field("size", 12, FieldType::U32, 1),
        ];
    });
    assert!(matches!(error, SchemaError::Misaligned { align: 8, found: 4, .. }), "{error}");
}

#[test]
fn null_patterns_must_fit_a_single_number() {
    let mut kind = small();
    kind.fields[0].null = Some(u64::MAX);
    kind.fields[1].null = Some(u32::MAX.into());
    schema([kind]);
    for (at, null) in [(1, 1 << 32), (2, 0), (3, 0x100)] {
        let error = broken(|kind| kind.fields[at].null = Some(null));
        assert!(matches!(error, SchemaError::Null { .. }), "{error}");
    }
}

#[test]
fn docs_that_do_not_fit_are_refused_and_never_cut() {
    for doc in ["x".repeat(DOC_BYTES + 1), "two\nlines".into(), "nul\0".into()] {
        let error = broken(|kind| kind.fields[0].doc = doc.into());
        assert!(matches!(error, SchemaError::Doc { .. }), "{error}");
    }
    let mut kind = small();
    kind.fields[0].doc = "é".repeat(DOC_BYTES / 2).into();
    let whole = schema([kind]);
    assert_eq!(Schema::decode(&whole.encode()), Ok(whole));
}

#[test]
fn codes_and_names_of_types_and_units_are_distinct_and_return() {
    for code in 0..=u8::MAX {
        assert!(FieldType::from_code(code).is_none_or(|ty| ty.code() == code));
        assert!(Unit::from_code(code).is_none_or(|unit| unit.code() == code));
    }
    assert!(FieldType::ALL.iter().all(|ty| FieldType::from_code(ty.code()) == Some(*ty)));
    assert!(Unit::ALL.iter().all(|unit| Unit::from_code(unit.code()) == Some(*unit)));
    assert_eq!((FieldType::ALL.len(), Unit::ALL.len()), (12, 17));
}

#[test]
fn the_bytes_stand_where_the_map_says() {
    let mut kind = small();
    kind.rtype = 0xAB;
    kind.fields[1].null = Some(0x0102_0304);
    kind.fields[1].unit = Unit::Count;
    let bytes = schema([kind]).encode();
    assert_eq!(bytes.len(), 32 + 64 + 4 * 160);
    assert_eq!(&bytes[..8], b"TRSCHEMA");
    assert_eq!(
        &bytes[8..32],
        [1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0xE0, 2, 0, 0]
            .as_slice()
            .iter()
            .copied()
            .chain([0; 8])
            .collect::<Vec<u8>>()
    );
    let entry = &bytes[32..96];
    assert_eq!(&entry[..6], b"small\0");
    assert_eq!(&entry[40..49], [16, 0, 0, 0, 4, 0, 0, 0, 0xAB]);
    let size = &bytes[96 + 160..96 + 320];
    assert_eq!(&size[..5], b"size\0");
    assert_eq!(&size[40..48], [4, 3, 2, 1, 0, 0, 0, 0]);
    assert_eq!(&size[48..59], [8, 0, 0, 0, 1, 0, 0, 0, 3, 4, 1]);
    assert_eq!(&size[64..73], b"A field.\0");
}

#[test]
fn the_hash_is_fnv_1a_of_the_table_without_docs() {
    let plain = schema([small()]);
    let mut worded = small();
    worded.fields[0].doc = "Another wording.".into();
    assert_eq!(schema([worded]).hash(), plain.hash());
    let mut bytes = plain.encode();
    for entry in bytes[96..].chunks_mut(160) {
        entry[64..].fill(0);
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    assert_eq!(plain.hash(), hash);
}

#[test]
fn difference_names_each_field_that_changed() {
    let here = schema([Mbo::kind(), Trade::kind(), Vector::kind_with_dim(64)]);
    let mut mbo = Mbo::kind();
    mbo.fields[6].ty = FieldType::U64;
    mbo.fields[6].null = None;
    mbo.fields[6].unit = Unit::Count;
    let there = schema([mbo, Vector::kind_with_dim(128), small_with_rtype(9)]);
    assert_eq!(
        here.difference(&there),
        [
            "mbo.price: type i64 here, u64 there",
            "mbo.price: unit price_e9 here, count there",
            "mbo.price: null 0x7fffffffffffffff here, none there",
            "trade: only here",
            "vector: size_bytes 312 here, 568 there",
            "vector.lanes: count 64 here, 128 there",
            "small: only there",
        ]
    );
    assert_eq!(here.difference(&here), Vec::<String>::new());
}

fn small_with_rtype(rtype: u8) -> Kind {
    Kind { rtype, ..small() }
}

#[test]
fn difference_tells_another_order() {
    let here = schema([Mbo::kind(), Trade::kind()]);
    let there = schema([Trade::kind(), Mbo::kind()]);
    assert_eq!(here.difference(&there), ["kinds: order mbo, trade here, trade, mbo there"]);
    let renamed = Kind { name: "smaller".into(), ..small() };
    assert_eq!(small().difference(&renamed), ["small: name small here, smaller there"]);
}

#[test]
fn every_single_byte_mutation_gives_an_error_or_another_valid_schema() {
    let whole = schema([small()]);
    let bytes = whole.encode();
    for at in 0..bytes.len() {
        for flip in 1..=u8::MAX {
            let mut mutant = bytes.clone();
            mutant[at] ^= flip;
            if let Ok(decoded) = Schema::decode(&mutant) {
                assert_ne!(decoded, whole, "byte {at} carries no meaning");
                assert_eq!(decoded.encode(), mutant, "byte {at}");
                assert_eq!(Schema::new(decoded.kinds().to_vec()), Ok(decoded), "byte {at}");
            }
        }
    }
}

#[test]
fn every_truncation_and_extension_gives_an_error() {
    let mut bytes = schema([small(), Trade::kind()]).encode();
    for len in 0..bytes.len() {
        assert!(Schema::decode(&bytes[..len]).is_err(), "{len} bytes");
    }
    bytes.push(0);
    assert!(matches!(Schema::decode(&bytes), Err(SchemaError::Length { .. })));
}

#[test]
fn fields_that_no_kind_claims_are_refused() {
    let mut bytes = schema([small()]).encode();
    bytes[32 + 40] = 8; // size_bytes of the kind, now as long as its first field
    bytes[32 + 44] = 1; // field_count of the kind
    let expected = SchemaError::FieldTotal { expected: 4, found: 1 };
    assert_eq!(Schema::decode(&bytes), Err(expected));
}

#[test]
fn counts_beyond_the_bytes_are_refused_before_anything_is_allocated() {
    for (at, value) in [(12, 256_u32), (16, 4096), (12, u32::MAX), (16, u32::MAX), (20, 0)] {
        let mut bytes = schema([small()]).encode();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let error = Schema::decode(&bytes).expect_err("counts are wrong");
        let expected = matches!(error, SchemaError::Length { .. } | SchemaError::Count { .. });
        assert!(expected, "{error}");
    }
}

fn any_type() -> impl Strategy<Value = FieldType> {
    proptest::sample::select(FieldType::ALL)
}

/// A random kind: random fields, each moved to its alignment with reserved bytes before it.
fn any_kind() -> impl Strategy<Value = Kind> {
    let unit = proptest::sample::select(Unit::ALL);
    let row = (any_type(), 1_u32..20, unit, any::<Option<u64>>(), "[ -~é]{0,40}");
    ("[a-z0-9_]{1,36}", proptest::collection::vec(row, 1..12)).prop_map(|(name, rows)| {
        let mut fields = Vec::new();
        let mut end = 0;
        let pad = |fields: &mut Vec<Field>, end: &mut u32, align: u32| {
            let gap = end.next_multiple_of(align) - *end;
            if gap > 0 {
                let name = format!("_pad{}", fields.len()).into();
                fields.push(Field { name, ..field("", *end, FieldType::U8, gap) });
                *end += gap;
            }
        };
        for (ty, count, unit, null, doc) in rows {
            pad(&mut fields, &mut end, ty.size_bytes());
            let single = count == 1 && ty != FieldType::Bytes;
            let mask = u64::MAX >> (64 - 8 * ty.size_bytes());
            let null = null.filter(|_| single).map(|null| null & mask);
            let name = format!("f{}", fields.len()).into();
            fields.push(Field { name, offset: end, ty, count, unit, null, doc: doc.into() });
            end += count * ty.size_bytes();
        }
        pad(&mut fields, &mut end, 8);
        Kind { name: name.into(), rtype: 0, size_bytes: end, fields }
    })
}

fn any_schema() -> impl Strategy<Value = Schema> {
    proptest::collection::vec(any_kind(), 1..5).prop_map(|kinds| {
        let number = |(rtype, kind): (u8, Kind)| Kind {
            name: format!("{}_{rtype}", kind.name).into(),
            rtype,
            ..kind
        };
        schema((0..).zip(kinds).map(number))
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = Schema::decode(&bytes);
    }

    #[test]
    fn random_bytes_behind_a_good_header_never_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 96 + 2 * 160),
        sparse in any::<bool>(),
    ) {
        if sparse {
            bytes.iter_mut().for_each(|byte| *byte = byte.saturating_sub(0xF0));
        }
        let mut kind = small();
        kind.fields = vec![field("a", 0, FieldType::U64, 1), field("b", 8, FieldType::U64, 1)];
        bytes[..32].copy_from_slice(&schema([kind]).encode()[..32]);
        if let Ok(decoded) = Schema::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn a_decoded_table_is_the_encoded_schema(schema in any_schema()) {
        let bytes = schema.encode();
        prop_assert_eq!(Schema::decode(&bytes), Ok(schema));
    }

    #[test]
    fn several_mutated_bytes_give_an_error_or_a_valid_schema(
        schema in any_schema(),
        mutations in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = schema.encode();
        for (at, value) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(decoded) = Schema::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn schemas_differ_exactly_when_their_hashes_do(here in any_schema(), there in any_schema()) {
        prop_assert_eq!(here.difference(&there).is_empty(), here.hash() == there.hash());
        prop_assert_eq!(there.difference(&here).is_empty(), here.hash() == there.hash());
    }

    #[test]
    fn one_changed_row_shows_in_the_difference_and_the_hash(
        here in any_schema(),
        ty in any_type(),
        unit in proptest::sample::select(Unit::ALL),
        at in any::<Index>(),
    ) {
        let mut kinds = here.kinds().to_vec();
        let fields = &mut kinds[0].fields;
        let at = at.index(fields.len());
        fields[at].unit = unit;
        fields[at].ty = ty;
        if let Ok(there) = Schema::new(kinds) {
            prop_assert_eq!(here.difference(&there).is_empty(), here == there);
            prop_assert_eq!(here.hash() == there.hash(), here == there);
        }
    }
}
