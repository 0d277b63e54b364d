use proptest::prelude::*;

use super::*;

/// Messages as the venue writes them.
fn message() -> impl Strategy<Value = String> {
    let number = || "(0|[1-9][0-9]{0,6})(\\.[0-9]{1,8})?";
    let level = (number(), number()).prop_map(|(price, qty)| format!(r#"["{price}","{qty}"]"#));
    let levels = || prop::collection::vec(level.clone(), 0..5).prop_map(|levels| levels.join(","));
    let id = || 0..100_000_000_000_000_u64;
    let depth = (id(), id(), levels(), levels()).prop_map(|(first, time, bids, asks)| {
        format!(
            r#"{{"e":"depthUpdate","E":{time},"T":{time},"s":"BTCUSD_PERP","ps":"BTCUSD","U":{first},"u":{first},"pu":{first},"b":[{bids}],"a":[{asks}]}}"#
        )
    });
    let ticker = (id(), number(), number()).prop_map(|(id, price, qty)| {
        format!(r#"{{"u":{id},"s":"X","b":"{price}","B":"{qty}","a":"{price}","A":"{qty}"}}"#)
    });
    let trade = (id(), number(), any::<bool>()).prop_map(|(id, price, maker)| {
        format!(
            r#"{{"e":"trade","E":{id},"s":"X","t":{id},"p":"{price}","q":"1","T":{id},"m":{maker},"M":true,"x":null}}"#
        )
    });
    let snapshot = (id(), levels(), levels()).prop_map(|(id, bids, asks)| {
        format!(r#"{{"lastUpdateId":{id},"symbol":"X","bids":[{bids}],"asks":[{asks}]}}"#)
    });
    let reply = Just(r#"{"error":2,"msg":"no"}"#.to_owned());
    (prop_oneof![8 => depth, 4 => ticker, 4 => trade, 2 => snapshot, 1 => reply], any::<bool>())
        .prop_map(|(text, is_wrapped)| {
            let wrapped = format!(r#"{{"stream":"btcusdt@depth@100ms","data":{text}}}"#);
            if is_wrapped { wrapped } else { text }
        })
}

/// Where scanner and parser both read a message, they read the same; what the scanner reads the
/// parser does too. Returns whether the scanner did.
fn agree(message: &[u8]) -> bool {
    let (mut scanned, mut scanned_rows) = (Fields::default(), Vec::new());
    let (mut parsed, mut parsed_rows) = (Fields::default(), Vec::new());
    let (mut read, mut read_rows) = (Fields::default(), Vec::new());
    let is_scanned = scan(message, &mut scanned, &mut scanned_rows).is_some();
    let is_parsed = parse(message, &mut parsed, &mut parsed_rows).is_some();
    let is_read = read.read(message, &mut read_rows).is_some();
    let text = String::from_utf8_lossy(message);
    assert_eq!(is_read, is_parsed, "{text}");
    if is_parsed {
        assert_eq!((read, read_rows), (parsed, parsed_rows), "{text}");
    }
    assert!(is_parsed || !is_scanned, "{text}");
    is_scanned
}

#[test]
fn what_is_written_otherwise_is_parsed() {
    for text in [
        r#" {"e":"trade"}"#,
        r#"{"e": "trade"}"#,
        r#"{"e":"tr\u0061de"}"#,
        r#"{"s":"é"}"#,
        r#"{"u":-1}"#,
        r#"{"u":1.5}"#,
        r#"{"u":12345678901234567890}"#,
        r#"{"b":[["1","2","3"]]}"#,
        r#"{"b":[["1e3","2"]]}"#,
        r#"{"filters":[1,{"a":2}]}"#,
        r#"{"data":{"data":{"e":"x"}}}"#,
        r#"{}"#,
    ] {
        assert!(!agree(text.as_bytes()), "{text}");
        let (mut fields, mut rows) = (Fields::default(), Vec::new());
        assert!(parse(text.as_bytes(), &mut fields, &mut rows).is_some(), "{text}");
    }
    // Repeated keys: the last one counts.
    assert!(agree(br#"{"b":"1","b":[["1","2"]],"b":[],"u":1,"u":2}"#));
    assert!(agree(br#"{"b":[["1","2"]],"b":"1"}"#));
}

proptest! {
    #[test]
    fn messages_of_the_venue_are_scanned_as_they_are_parsed(text in message()) {
        prop_assert!(agree(text.as_bytes()), "not scanned: {text}");
    }

    #[test]
    fn damaged_messages_are_read_as_the_parser_reads_them(
        text in message(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (place, how, byte) in damage {
            let at = place.index(bytes.len().max(1));
            match how {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                // What JSON is made of is likelier to hurt.
                _ => bytes.insert(at, b"\"\\[]{},:.0-e \n"[usize::from(byte) % 14]),
            }
        }
        let _ = agree(&bytes);
    }
}
