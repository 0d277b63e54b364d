//! Connections that break: nothing is lost unseen, and nothing comes twice.

use std::time::Duration;

use tickring::record::{Gap, gap_cause, gap_state};
use tickring_producer::play::soup::{SoupServerOptions, Trouble};
use tickring_producer::source::soup::Timing;

use super::support::{Day, Playing, brief, collect, counted, without_receipt};

#[test]
fn twenty_disconnects_do_not_change_the_stream() {
    let day = Day::generated(3_000);
    for seed in 1..=5 {
        // 5,000 messages: 20 connections of the longest would not be enough.
        let trouble = Trouble { seed, cut_after: Some(249), ..Trouble::default() };
        let server = Playing::start(SoupServerOptions { trouble, ..day.server() });
        let (tape, report) = collect(day.client(&server), 100).unwrap();
        assert!(without_receipt(&tape) == day.tape.records, "seed {seed}");
        let reconnects = counted(&report.anomalies, "reconnect");
        assert!(reconnects >= 20, "seed {seed}: {reconnects}");
        assert_eq!(counted(&report.anomalies, "message repeated"), 0);
        assert_eq!(counted(&report.anomalies, "message lost"), 0);
        let counts = server.stop();
        assert_eq!((counts["connection cut"], counts["login"]), (reconnects, reconnects + 1));
    }
}

#[test]
fn a_server_that_falls_silent_is_left_and_resumed() {
    let day = Day::generated(300);
    let timing = Timing {
        heartbeat: Duration::from_millis(20),
        silence: Duration::from_millis(400),
        ..brief()
    };
    let trouble = Trouble { silent_after: Some(300), ..Trouble::default() };
    let server = Playing::start(SoupServerOptions { timing, trouble, ..day.server() });
    let options = tickring_producer::source::soup::SoupOptions { timing, ..day.options(&server) };
    let source = tickring_producer::source::soup::SoupSource::open(&options).unwrap();
    let (tape, report) = collect(source, 100).unwrap();
    assert!(without_receipt(&tape) == day.tape.records);
    assert!(counted(&report.anomalies, "reconnect") >= 1, "{report:?}");
    assert!(server.stop()["connection silenced"] >= 1);
}

#[test]
fn another_session_is_told_and_read_from_its_beginning() {
    let day = Day::generated(300);
    let trouble = Trouble { new_session_after: Some(123), ..Trouble::default() };
    let server = Playing::start(SoupServerOptions { trouble, ..day.server() });
    let (tape, report) = collect(day.client(&server), 100).unwrap();
    let records = without_receipt(&tape);
    let at = records.iter().position(|record| record.name == "gap").unwrap();
    assert!(at > 0 && records[..at] == day.tape.records[..at], "some of the first session");
    assert!(records[at + 1..] == day.tape.records, "all of the second");
    let [gap] = tape.of::<Gap>()[..] else { panic!("one gap") };
    assert_eq!((gap.state, gap.cause), (gap_state::SESSION_RESET, gap_cause::DISCONNECT));
    assert_eq!((gap.first_missing, gap.end_missing), (1, 1));
    assert_eq!(counted(&report.anomalies, "new session"), 1);
    assert_eq!(counted(&report.anomalies, "login rejected"), 1, "the first session is gone");
    assert_eq!(server.stop()["new session"], 1);
}
