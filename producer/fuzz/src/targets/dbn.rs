//! Bytes as a DBN file, and as fragments of every version.

use super::checked;
use ::dbn::encode::dbn::MetadataEncoder;
use ::dbn::{MetadataBuilder, SType, Schema, v1, v2, v3};
use tickring_producer::source::dbn::{DbnSource, Fragment};

pub(crate) fn run(bytes: &[u8]) {
    let plain = checked::with_file(bytes, |path| {
        // Of one version each, three of which there are.
        let version = u8::try_from(bytes.len() % 5).expect("less than 5");
        let schema = bytes.len().is_multiple_of(2).then(|| "mbo".to_owned());
        let fragment = Fragment { version, schema };
        checked::read_passed(DbnSource::open_fragment(path, &fragment), bytes);
        checked::read_passed(DbnSource::open(path), bytes)
    });
    // Few in compressed form too, which takes long: they must give the same.
    if bytes.starts_with(b"DBN") && bytes.len().is_multiple_of(16) {
        let compressed = checked::zstd(bytes);
        let streamed = checked::with_file(&compressed, |path| {
            checked::read_passed(DbnSource::open(path), &compressed)
        });
        assert_eq!(plain, streamed, "mapped and decompressed");
    }
}

fn metadata(version: u8, schema: Option<Schema>) -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .version(version)
        .dataset("GLBX.MDP3".to_owned())
        .schema(schema)
        .start(1)
        .stype_in(None)
        .stype_out(SType::InstrumentId)
        .symbols(vec!["ESH6".to_owned()])
        .build();
    let mut file = Vec::new();
    MetadataEncoder::new(&mut file).encode(&metadata).expect("metadata");
    file
}

/// One record of each of the structs of version 3.
fn records() -> Vec<Vec<u8>> {
    vec![
        v3::MboMsg::default().as_ref().to_vec(),
        v3::TradeMsg::default().as_ref().to_vec(),
        v3::Mbp1Msg::default().as_ref().to_vec(),
        v3::Mbp10Msg::default().as_ref().to_vec(),
        v3::Cmbp1Msg::default_for_schema(Schema::Cmbp1).as_ref().to_vec(),
        v3::CbboMsg::default_for_schema(Schema::Cbbo1S).as_ref().to_vec(),
        v3::BboMsg::default_for_schema(Schema::Bbo1M).as_ref().to_vec(),
        v3::OhlcvMsg::default_for_schema(Schema::Ohlcv1H).as_ref().to_vec(),
        v3::StatusMsg::default().as_ref().to_vec(),
        v3::ImbalanceMsg::default().as_ref().to_vec(),
        v3::InstrumentDefMsg::default().as_ref().to_vec(),
        v3::StatMsg::default().as_ref().to_vec(),
        v3::SymbolMappingMsg::default().as_ref().to_vec(),
        v3::SystemMsg::heartbeat(7).as_ref().to_vec(),
    ]
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let records = records();
    let all = records.concat();
    let orders = v3::MboMsg::default().as_ref().repeat(20);
    let first = [
        v1::MboMsg::default().as_ref().to_vec(),
        v1::StatMsg::default().as_ref().to_vec(),
        v1::InstrumentDefMsg::default().as_ref().to_vec(),
        v1::SymbolMappingMsg::default().as_ref().to_vec(),
    ];
    let first = first.concat();
    let second = [
        v2::InstrumentDefMsg::default().as_ref().to_vec(),
        v2::StatMsg::default().as_ref().to_vec(),
        v2::SymbolMappingMsg::default().as_ref().to_vec(),
    ];
    let second = second.concat();
    let plain = vec![
        [metadata(3, None), all.clone()].concat(),
        [metadata(3, Some(Schema::Mbo)), orders.clone()].concat(),
        [metadata(1, None), first.clone()].concat(),
        [metadata(2, None), second.clone()].concat(),
        orders,
        first,
        second,
    ];
    let compressed = plain.iter().map(|bytes| checked::zstd(bytes)).collect();
    [plain, records, compressed, super::recorded("dbn")].concat()
}
