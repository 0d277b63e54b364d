//! Sessions that follow each other, and feeds that are joined in their middle.

use tickring::record::flag;

use super::*;

#[test]
fn another_session_is_a_reset_and_begins_with_empty_books() {
    let stage = Stage::new(300);
    let options = UdpOptions { stay: true, ..stage.source_options() };
    let mut source = UdpSource::open(&options).unwrap();
    let mut tape = Tape::default();
    for session in [*b"0000000001", *b"0000000002"] {
        let linger = Duration::ZERO;
        let options = UdpPlayerOptions { session, linger, ..stage.player_options(&source) };
        let mut player = UdpPlayer::open(&options).unwrap();
        play(&mut player, &mut source, &mut tape);
    }
    let gaps: Vec<Gap> = tape.of();
    let end = stage.messages + 1;
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].state, gap_state::SESSION_RESET);
    assert_eq!((gaps[0].first_missing, gaps[0].end_missing), (end, end));
    let at = tape.records.iter().position(|taped| taped.name == Gap::NAME).unwrap();
    let part = |records: &[Taped]| {
        let records = records.to_vec();
        timeless(&Tape { records, ..Tape::default() })
    };
    let lossless = timeless(&stage.lossless());
    assert!(part(&tape.records[..at]) == lossless);
    // The orders of the first session are not known any more: none is a duplicate.
    assert!(part(&tape.records[at + 1..]) == lossless);
}

#[test]
fn a_feed_joined_in_its_middle_begins_there_and_flags_its_books() {
    let stage = Stage::new(300);
    let early = UdpSource::open(&stage.source_options()).unwrap();
    let options = stage.player_options(&early);
    let mut player = UdpPlayer::open(&options).unwrap();
    while count(&player.report().inputs, "messages") < 200 {
        let _ = player.run_once(TURN).unwrap();
    }
    drop(early);
    let interface = Some(Ipv4Addr::LOCALHOST);
    let line = |&address: &SocketAddrV4| LineOptions { interface, ..LineOptions::new(address) };
    let mut source = UdpSource::open(&UdpOptions {
        lines: options.lines.iter().map(line).collect(),
        first: None,
        patience: Duration::from_millis(50),
        ..stage.source_options()
    })
    .unwrap();
    let sent = count(&player.report().inputs, "messages");
    let (tape, ..) = to_its_end(&mut player, &mut source);
    let given: Vec<u64> = tape.records.iter().filter_map(sequence).collect();
    assert_eq!((given.first(), given.last()), (Some(&(sent + 1)), Some(&stage.messages)));
    assert_eq!(checked_from(&tape, sent), 0);
    let orders = tape.of::<Mbo>();
    assert!(orders.iter().all(|mbo| mbo.flags & flag::MAYBE_BAD_BOOK != 0));
}

/// Checks that sequences go on from `last` without a hole; returns the gaps that are told.
fn checked_from(tape: &Tape, mut last: u64) -> usize {
    for sequence in tape.records.iter().filter_map(sequence) {
        assert!(sequence == last || sequence == last + 1, "{sequence} after {last}");
        last = sequence;
    }
    tape.of::<Gap>().len()
}
