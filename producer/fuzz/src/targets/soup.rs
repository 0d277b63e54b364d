//! Bytes as one direction of a SoupBinTCP connection, in pieces of any size.

use super::checked::Checked;
use super::market_day;
use tickring::record::{Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade};
use tickring_producer::source::Kinds;
use tickring_producer::source::itch::normalise::Normaliser;
use tickring_producer::wire::binary_file::BinaryFile;
use tickring_producer::wire::itch50;
use tickring_producer::wire::soupbintcp::{
    CLIENT_HEARTBEAT, ClientPacket, Credentials, END_OF_SESSION, Framer, LOGOUT_REQUEST,
    LoginAccepted, LoginRequest, PacketError, Rejection, SERVER_HEARTBEAT, ServerPacket, Session,
    sequenced_header,
};

/// The packets of a stream that comes in pieces of so many bytes, and how it ends.
fn cut(mut bytes: &[u8], piece: usize) -> (Vec<(u8, Vec<u8>)>, Option<PacketError>) {
    let mut framer = Framer::default();
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let space = framer.space();
        let length = piece.min(bytes.len()).min(space.len());
        assert!(length > 0, "no room for a packet");
        let (now, later) = bytes.split_at(length);
        space[..length].copy_from_slice(now);
        framer.filled(length);
        bytes = later;
        loop {
            match framer.packet() {
                Ok(Some(packet)) => packets.push((packet.packet_type, packet.payload.to_vec())),
                Ok(None) => break,
                Err(error) => return (packets, Some(error)),
            }
        }
    }
    (packets, None)
}

pub(crate) fn run(bytes: &[u8]) {
    let (packets, error) = cut(bytes, 60_000);
    let small = 1 + bytes.len() % 97;
    assert!((&packets, error) == (&cut(bytes, small).0, cut(bytes, small).1), "pieces of {small}");
    let credentials = Credentials::new("user", "secret").expect("short words");
    let kinds = Kinds {
        ticks: [Mbo::kinds(), Trade::kinds(), Status::kinds()].concat(),
        definitions: InstrumentDef::kinds(),
        statistics: [Imbalance::kinds(), Stat::kinds()].concat(),
    };
    let mut sink = Checked::new(kinds);
    let mut normaliser = Normaliser::new(0);
    for (number, (packet_type, payload)) in (0..).zip(&packets) {
        let (packet_type, payload) = (*packet_type, payload.as_slice());
        let packet = tickring_producer::wire::soupbintcp::Packet { packet_type, payload };
        match ServerPacket::parse(packet) {
            Ok(ServerPacket::LoginAccepted(accepted)) => check_accepted(accepted),
            Ok(ServerPacket::LoginRejected(reason)) => assert!(!format!("{reason:?}").is_empty()),
            Ok(ServerPacket::Sequenced(message)) => {
                if let Ok(message) = itch50::parse(message) {
                    normaliser.message(number, &message, &mut sink).expect("a kind of ITCH");
                }
            }
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        match ClientPacket::parse(packet) {
            Ok(ClientPacket::LoginRequest(request)) => {
                let _ = (credentials.allow(request), request.session(), request.sequence());
            }
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A login that names a sequence names the same when it is written again.
fn check_accepted(accepted: &LoginAccepted) {
    let session = accepted.session();
    if let Some(sequence) = accepted.sequence() {
        let packet = LoginAccepted::new(session, sequence).packet();
        let (packets, _) = cut(&packet, packet.len());
        let (packet_type, payload) = (packets[0].0, packets[0].1.as_slice());
        let packet = tickring_producer::wire::soupbintcp::Packet { packet_type, payload };
        let Ok(ServerPacket::LoginAccepted(again)) = ServerPacket::parse(packet) else {
            panic!("{packet:?} is no login")
        };
        assert_eq!((again.session(), again.sequence()), (session, Some(sequence)));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let session = Session::new("FUZZED").expect("a short name");
    let credentials = Credentials::new("user", "secret").expect("short words");
    let sequenced = |messages: &[Vec<u8>]| {
        let packets = messages.iter().map(|message| {
            let header = sequenced_header(message.len()).expect("a short message");
            [&header[..], message].concat()
        });
        packets.collect::<Vec<_>>().concat()
    };
    let accepted = LoginAccepted::new(session, 1).packet();
    let day = market_day::day(3).file;
    let day = BinaryFile::new(&day).expect("a file").map_while(Result::ok);
    let day: Vec<Vec<u8>> = day.map(|frame| frame.bytes.to_vec()).collect();
    let debug = [0, 5, b'+', b't', b'e', b'x', b't'];
    let client = [
        &LoginRequest::new(&credentials, session, 7).packet()[..],
        &CLIENT_HEARTBEAT,
        &debug,
        &LOGOUT_REQUEST,
    ];
    let mut seeds = vec![
        [&accepted[..], &sequenced(&day), &SERVER_HEARTBEAT, &debug, &END_OF_SESSION].concat(),
        client.concat(),
        Rejection::NotAuthorized.packet().to_vec(),
    ];
    for filling in [0, b'B', 0xFF] {
        let messages = market_day::every_type(itch50::TYPES, filling);
        seeds.push([&accepted[..], &sequenced(&messages), &END_OF_SESSION].concat());
    }
    seeds
}
