//! The live source against a real server on this machine: sockets, TLS, faults.

mod server;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use tickring::record::{DeltaW, Gap, book_state, gap_cause, gap_state};
use tickring_producer::Error;
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::recording::RecordingSource;
use tickring_producer::source::ws::{WsError, WsOptions, WsSource};
use tickring_producer::source::{Progress, Source};
use tickring_producer::venue::Venue;

use crate::bus::recorded;
use crate::venue::book;
use crate::venue_market::Market;
use server::{Certificate, answer, mute, serve};

/// A test that waits longer has failed: what it waits for does not come.
const HANG: Duration = Duration::from_secs(120);

/// A source with everything that it has given.
struct Live {
    source: WsSource,
    tape: Tape,
}

impl Live {
    fn open(options: &WsOptions) -> Self {
        Self { source: WsSource::open(options).unwrap(), tape: Tape::default() }
    }

    /// Polls until `is_there`.
    fn until(&mut self, is_there: impl Fn(&Self) -> bool) -> &mut Self {
        let begin = Instant::now();
        while !is_there(self) {
            assert!(begin.elapsed() < HANG, "{:?}", self.source.report());
            match self.source.poll(&mut self.tape, 7).unwrap() {
                Progress::Advanced(_) => {}
                Progress::Idle => self.source.wait(Duration::from_millis(20)),
                Progress::End => panic!("a live source has no end"),
            }
        }
        self
    }

    fn gaps(&self) -> Vec<Gap> {
        self.tape.of()
    }

    /// The states that were told of the first instrument, without repetitions.
    fn states(&self) -> Vec<u8> {
        let told = self.tape.instruments.iter().filter(|known| known.instrument_id == 1);
        let mut states: Vec<u8> = told.map(|known| known.book_state).collect();
        states.dedup();
        states
    }

    /// Whether the records make this book.
    fn has(&self, market: &Market) -> bool {
        book(&self.tape.of::<DeltaW>()) == market.in_records()
    }

    fn anomalies(&self) -> BTreeMap<String, u64> {
        let report = self.source.report();
        report.anomalies.into_iter().map(|count| (count.name, count.count)).collect()
    }
}

fn options(venue: Venue, url: String) -> WsOptions {
    WsOptions {
        url: Some(url),
        backoff: Duration::from_millis(5),
        depth: 10,
        ..WsOptions::new(venue, vec!["A/B".to_owned()])
    }
}

/// What is said to a venue at first, and a snapshot and updates in its language.
fn conversation(venue: Venue) -> (Vec<&'static str>, Vec<String>, Market) {
    let mut market = Market::new(9, 10);
    let (asked, snapshot) = match venue {
        Venue::KrakenV2 => (
            vec![
                r#"{"method":"subscribe","params":{"channel":"book","symbol":["A/B"],"depth":10}}"#,
                r#"{"method":"subscribe","params":{"channel":"trade","symbol":["A/B"],"snapshot":false}}"#,
            ],
            market.kraken_v2_snapshot("A/B"),
        ),
        _ => (
            vec![
                r#"{"type":"subscribe","product_ids":["A/B"],"channel":"level2"}"#,
                r#"{"type":"subscribe","product_ids":["A/B"],"channel":"market_trades"}"#,
                r#"{"type":"subscribe","channel":"heartbeats"}"#,
            ],
            market.advanced_snapshot(0, "A/B"),
        ),
    };
    let mut messages = vec![snapshot];
    messages.extend((0..100).map(|_| match venue {
        Venue::KrakenV2 => market.kraken_v2_update("A/B"),
        _ => market.advanced_update("A/B"),
    }));
    (asked, messages, market)
}

#[test]
fn a_message_that_is_missing_costs_the_book_and_it_is_asked_for_again() {
    for venue in [Venue::KrakenV2, Venue::CoinbaseAdvanced] {
        let (asked, messages, market) = conversation(venue);
        let again = match venue {
            Venue::KrakenV2 => market.kraken_v2_snapshot("A/B"),
            _ => market.advanced_snapshot(101, "A/B"),
        };
        let url = serve(None, move |_, mut peer| {
            for wanted in &asked {
                assert_eq!(peer.receive().as_deref(), Some(*wanted));
            }
            let kept = messages.iter().enumerate().filter(|(number, _)| !(50..60).contains(number));
            kept.for_each(|(_, message)| peer.send(message));
            let first = asked[0].replacen("subscribe", "unsubscribe", 1);
            while let Some(said) = peer.receive() {
                if said == first {
                    assert_eq!(peer.receive().as_deref(), Some(asked[0]));
                    peer.send(&again);
                }
            }
        });
        let mut live = Live::open(&options(venue, url));
        live.until(|live| live.has(&market));
        let (syncing, synced) = (book_state::SYNCING, book_state::SYNCED);
        let states = live.states();
        assert!(states.ends_with(&[synced, book_state::UNSYNCED, syncing, synced]), "{states:?}");
        let [gap] = live.gaps()[..] else { panic!("{venue}: {:?}", live.gaps()) };
        let cause = match venue {
            Venue::KrakenV2 => gap_cause::CHECKSUM,
            _ => gap_cause::SEQUENCE,
        };
        assert_eq!((gap.cause, gap.header.instrument_id), (cause, 1), "{venue}");
    }
}

/// A snapshot and updates in the language of Kraken.
fn kraken(seed: u64, updates: usize) -> (Vec<String>, Market) {
    let mut market = Market::new(seed, 10);
    let mut messages = vec![market.kraken_snapshot("A/B")];
    messages.extend((0..updates).map(|_| market.kraken_update("A/B", "1700000001.5")));
    (messages, market)
}

#[test]
fn a_book_is_followed_with_and_without_tls_and_again_after_the_connection_is_lost() {
    for certificate in [None, Some(Certificate::new())] {
        let (messages, market) = kraken(5, 200);
        let url = serve(certificate.as_ref(), move |number, mut peer| {
            let asked = [peer.receive(), peer.receive()].map(Option::unwrap);
            let book =
                r#"{"event":"subscribe","pair":["A/B"],"subscription":{"name":"book","depth":10}}"#;
            assert_eq!(asked[0], book);
            assert!(asked[1].contains("trade"));
            // The first connection breaks in the middle.
            let count = if number == 0 { 100 } else { messages.len() };
            messages[..count].iter().for_each(|message| peer.send(message));
            if number == 0 {
                drop(peer);
            } else {
                while peer.receive().is_some() {}
            }
        });
        let mut options = options(Venue::Kraken, url);
        options.ca_file = certificate.as_ref().map(Certificate::path);
        let mut live = Live::open(&options);
        live.until(|live| live.gaps().len() == 1 && live.has(&market));
        let [gap] = live.gaps()[..] else { panic!("one gap") };
        let told = (gap.header.instrument_id, gap.cause, gap.state);
        assert_eq!(told, (1, gap_cause::DISCONNECT, gap_state::RECONNECT));
        let (unsynced, syncing, synced) =
            (book_state::UNSYNCED, book_state::SYNCING, book_state::SYNCED);
        assert_eq!(live.states(), [unsynced, syncing, synced, unsynced, syncing, synced]);
    }
}

#[test]
fn a_server_that_is_not_trusted_is_told_in_the_report() {
    let certificate = Certificate::new();
    let url = serve(Some(&certificate), |_, peer| peer.close());
    let mut live = Live::open(&options(Venue::Kraken, url));
    live.until(|live| !live.anomalies().is_empty());
    let (name, _) = live.anomalies().pop_first().unwrap();
    assert!(name.starts_with("failed connection (") && name.contains("certificate"), "{name}");
}

#[test]
fn options_that_cannot_work_are_errors_that_say_what_to_give() {
    let error = |options: &WsOptions| match WsSource::open(options).unwrap_err() {
        Error::Ws { source, .. } => source,
        other => panic!("{other}"),
    };
    let http = options(Venue::Okx, "http://localhost".to_owned());
    assert!(matches!(error(&http), WsError::Url { .. }));
    let folder = tempfile::tempdir().unwrap();
    let mut own = options(Venue::Okx, "ws://localhost:1".to_owned());
    own.ca_file = Some(folder.path().join("none.pem"));
    assert!(matches!(error(&own), WsError::Certificates { .. }));
    std::fs::write(folder.path().join("none.pem"), "no certificate").unwrap();
    assert!(error(&own).to_string().contains("no certificate in it"));
    own.ca_file = None;
    own.capture = Some(folder.path().join("none/capture"));
    assert!(matches!(error(&own), WsError::Capture { .. }));
}

#[test]
fn snapshots_are_fetched_until_one_fits_the_updates() {
    let market = Arc::new(Mutex::new(Market::new(9, 1_000)));
    let old = market.lock().unwrap().binance_snapshot();
    let _ = market.lock().unwrap().step();
    let (served, is_served) = channel();
    let http = answer({
        let market = Arc::clone(&market);
        move |number, path| {
            assert_eq!(path, "/api/v3/depth?symbol=A/B&limit=1000");
            match number {
                0 => (500, "{}".to_owned()),
                1 => (200, old.clone()),
                _ => {
                    let good = market.lock().unwrap().binance_snapshot();
                    served.send(()).unwrap();
                    (200, good)
                }
            }
        }
    });
    let url = serve(None, {
        let market = Arc::clone(&market);
        move |_, mut peer| {
            assert!(peer.receive().unwrap().contains("a/b@depth@100ms"));
            let mut send = || {
                let update = market.lock().unwrap().binance_update("A/B", false);
                peer.send(&update);
            };
            (0..3).for_each(|_| send());
            is_served.recv().unwrap();
            (0..50).for_each(|_| send());
            while peer.receive().is_some() {}
        }
    });
    let mut options = options(Venue::Binance, url);
    options.rest_url = Some(http);
    let mut live = Live::open(&options);
    let end = 5_000_000_000;
    let is_at_end = |live: &Live| {
        let market = market.lock().unwrap();
        let last = live.tape.of::<DeltaW>().last().map_or(0, |delta| delta.sequence);
        last > end && last == u64::try_from(market.sequence).unwrap() && live.has(&market)
    };
    live.until(|live| live.states().last() == Some(&book_state::SYNCED) && is_at_end(live));
    assert_eq!(live.gaps().len(), 0);
    let anomalies = live.anomalies();
    assert_eq!(anomalies["snapshot older than the first update"], 1);
    assert!(anomalies.keys().any(|name| name.starts_with("failed snapshot (")), "{anomalies:?}");
}

#[test]
fn a_wrong_checksum_is_a_gap_and_the_book_is_asked_for_again() {
    for venue in [Venue::Kraken, Venue::Okx] {
        let market = Market::new(11, if venue == Venue::Kraken { 10 } else { 400 });
        let (told, end) = channel();
        let url = serve(None, move |_, mut peer| {
            let mut market = market.clone();
            let snapshot = |market: &Market| match venue {
                Venue::Kraken => market.kraken_snapshot("A/B"),
                _ => market.okx_snapshot("A/B"),
            };
            let update = |market: &mut Market| match venue {
                Venue::Kraken => market.kraken_update("A/B", "1700000001.5"),
                _ => market.okx_update("A/B"),
            };
            peer.send(&snapshot(&market));
            peer.send(&update(&mut market));
            // One digit of the checksum is another one.
            let text = update(&mut market);
            let name = if venue == Venue::Kraken { "\"c\":\"" } else { "\"checksum\":" };
            let (before, after) = text.split_once(name).unwrap();
            let at = after.find(|c: char| c.is_ascii_digit()).unwrap();
            let digit = if after[at..].starts_with('1') { "2" } else { "1" };
            peer.send(&[before, name, &after[..at], digit, &after[at + 1..]].concat());
            let unsubscribed = std::iter::from_fn(|| peer.receive());
            assert!(unsubscribed.into_iter().any(|text| text.contains("unsubscribe")));
            assert!(peer.receive().unwrap().contains("subscribe"));
            peer.send(&snapshot(&market));
            for _ in 0..20 {
                peer.send(&update(&mut market));
            }
            told.send(market).unwrap();
            while peer.receive().is_some() {}
        });
        let mut live = Live::open(&options(venue, url));
        live.until(|live| live.gaps().len() == 1);
        assert_eq!(live.gaps()[0].cause, gap_cause::CHECKSUM, "{venue}");
        live.until(|live| live.states().last() == Some(&book_state::SYNCED));
        let market = end.recv_timeout(HANG).unwrap();
        live.until(|live| live.has(&market));
        assert_eq!(live.gaps().len(), 1);
    }
}

#[test]
fn a_server_that_goes_silent_makes_the_book_stale_and_is_connected_to_again() {
    let (messages, market) = kraken(13, 30);
    let url = serve(None, move |number, mut peer| {
        let count = if number == 0 { 10 } else { messages.len() };
        messages[..count].iter().for_each(|message| peer.send(message));
        while peer.receive().is_some() {}
    });
    let mut options = options(Venue::Kraken, url);
    options.silence = Duration::from_millis(150);
    let mut live = Live::open(&options);
    live.until(|live| !live.gaps().is_empty() && live.has(&market));
    assert!(live.states().contains(&book_state::STALE), "{:?}", live.states());
    assert_eq!(live.gaps()[0].cause, gap_cause::DISCONNECT);
    assert!(live.anomalies()["silent connection"] > 0);
}

#[test]
fn messages_without_room_are_counted_and_become_a_gap() {
    let (messages, _) = kraken(17, 300);
    let (told, is_over) = channel();
    let url = serve(None, move |number, mut peer| {
        let mut sent = messages.iter().map(|message| peer.try_send(message));
        if number == 0 {
            let _ = sent.all(|is_sent| is_sent);
        } else {
            // Slow enough for the queue: no more than it holds.
            let _ = sent.next();
        }
        while peer.receive().is_some() {}
        let _ = told.send(number);
    });
    let mut options = options(Venue::Kraken, url);
    options.queue = 3;
    let mut live = Live::open(&options);
    // Nobody polls until the server sees that the connection was given up.
    assert_eq!(is_over.recv_timeout(HANG), Ok(0));
    live.until(|live| live.gaps().len() == 1);
    assert_eq!(live.gaps()[0].cause, gap_cause::SOCKET_OVERFLOW);
    assert_eq!(live.anomalies()["message without room in the queue"], 1);
    live.until(|live| live.states().last() == Some(&book_state::SYNCED));
}

#[test]
fn garbage_between_messages_is_a_gap_and_the_book_is_asked_for_again() {
    let (messages, market) = kraken(19, 40);
    let url = serve(None, move |_, mut peer| {
        messages[..20].iter().for_each(|message| peer.send(message));
        peer.send(r#"[7,{"b":[["1"#);
        let mut asked = std::iter::from_fn(|| peer.receive());
        assert!(asked.any(|text| text.contains("unsubscribe")));
        messages.iter().for_each(|message| peer.send(message));
        while peer.receive().is_some() {}
    });
    let mut live = Live::open(&options(Venue::Kraken, url));
    live.until(|live| live.gaps().len() == 1 && live.has(&market));
    assert_eq!(live.gaps()[0].cause, gap_cause::MALFORMED);
    assert_eq!(live.anomalies()["malformed message"], 1);
}

#[test]
fn dropping_a_source_ends_its_connection_whatever_it_is_doing() {
    // Before the handshake is answered.
    let (url, accepted) = mute();
    let live = Live::open(&options(Venue::Okx, url));
    accepted.recv_timeout(HANG).unwrap();
    drop(live);
    // While it follows.
    let (told, is_over) = channel();
    let url = serve(None, move |_, mut peer| {
        while peer.receive().is_some() {}
        told.send(()).unwrap();
    });
    let mut live = Live::open(&options(Venue::Okx, url));
    live.until(|live| live.states().contains(&book_state::SYNCING));
    drop(live);
    is_over.recv_timeout(HANG).unwrap();
}

#[test]
fn what_was_captured_gives_the_same_records_again() {
    let (messages, market) = kraken(23, 100);
    let url = serve(None, move |_, mut peer| {
        messages.iter().for_each(|message| peer.send(message));
        while peer.receive().is_some() {}
    });
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture");
    let mut options = options(Venue::Kraken, url);
    options.capture = Some(capture.clone());
    let mut live = Live::open(&options);
    live.until(|live| live.has(&market));
    let Live { source, tape } = live;
    drop(source);
    let mut recording = RecordingSource::open(Venue::Kraken, &[capture]).unwrap();
    let mut again = Tape::default();
    while recording.poll(&mut again, 64).unwrap() != Progress::End {}
    assert_eq!(again.records, tape.records);
}

#[test]
fn recordings_played_by_a_server_give_the_records_that_they_give_as_files() {
    let files = [
        (Venue::Kraken, "crypto/cryptofeed/KRAKEN.ws.50.0.gz"),
        (Venue::Coinbase, "crypto/cryptofeed/COINBASE.ws.28.0.gz"),
        (Venue::BinanceUsdM, "crypto/cryptofeed/BINANCE_FUTURES.ws.1.0.gz"),
        (Venue::BinanceCoinM, "crypto/hftbacktest/cm_btcusd_perp_20240808.gz"),
    ];
    for (venue, file) in files {
        let Some(path) = recorded(file) else { return };
        let mut recording = RecordingSource::open(venue, std::slice::from_ref(&path)).unwrap();
        let mut offline = Tape::default();
        while recording.poll(&mut offline, 64).unwrap() != Progress::End {}

        let lines =
            BufReader::new(MultiGzDecoder::new(std::fs::File::open(&path).unwrap())).lines();
        let messages: Vec<String> = lines
            .map(Result::unwrap)
            .filter(|line| !line.contains(" <-") && !line.is_empty())
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect();
        let certificate = Certificate::new();
        let url = serve(Some(&certificate), move |_, mut peer| {
            messages.iter().for_each(|message| peer.send(message));
            while peer.receive().is_some() {}
        });
        // Nothing is subscribed, so that instruments are numbered as in the file.
        let mut options = WsOptions { url: Some(url), ..WsOptions::new(venue, Vec::new()) };
        options.ca_file = Some(certificate.path());
        options.rest_url = Some("http://localhost:1".to_owned());
        let mut live = Live::open(&options);
        live.until(|live| live.tape.records.len() == offline.records.len());
        let expected: Vec<_> = offline.of::<DeltaW>().into_iter().map(without_receipt).collect();
        let found: Vec<_> = live.tape.of::<DeltaW>().into_iter().map(without_receipt).collect();
        assert_eq!(found.len(), expected.len(), "{venue}");
        assert!(found == expected, "{venue}");
    }
}

/// What of a level does not depend on when it was received.
fn without_receipt(delta: DeltaW) -> DeltaW {
    DeltaW { ts_recv: 0, flags: delta.flags & !tickring::record::flag::BAD_TS_RECV, ..delta }
}
