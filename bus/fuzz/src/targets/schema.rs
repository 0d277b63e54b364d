//! Bytes as a schema table: what is accepted is written back as it was.

use tickring::record::{Bar, Record, Trade};
use tickring::schema::Schema;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(schema) = Schema::decode(bytes) else { return };
    let again = Schema::decode(&schema.encode()).expect("what was accepted is accepted again");
    assert_eq!(again.hash(), schema.hash());
    assert!(again.difference(&schema).is_empty());
    for kind in schema.kinds() {
        assert!(schema.contains(kind.rtype));
    }
}

/// The tables of some of the bus's own kinds.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let schemas = [Trade::kinds(), Bar::kinds(), [Trade::kinds(), Bar::kinds()].concat()];
    schemas.into_iter().filter_map(|kinds| Some(Schema::new(kinds).ok()?.encode())).collect()
}
