//! `tickring feed pcap`: market data from captures of network packets.

use super::Publishing;
use crate::failure::Failure;
use jiff::civil::Date;
use std::path::PathBuf;
use tickring_producer::source::pcap::{Payload, PcapOptions, PcapSource};

#[derive(Debug, clap::Args)]
pub(super) struct Pcap {
    /// The file, pcap or pcapng; it may be compressed with gzip or Zstandard
    file: PathBuf,
    /// What the packets carry [default: what the first packet that is known carries]
    #[arg(long, value_name = "PROTOCOL")]
    payload: Option<PayloadName>,
    /// Read only datagrams to this port; may be given several times [default: to all ports]
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Take MoldUDP64 packets to several destinations for lines of one feed, such as A and B
    #[arg(long)]
    merge: bool,
    /// Date of the session in New York, which ITCH does not tell [default: when the first packet
    /// was captured]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    #[command(flatten)]
    publishing: Publishing,
}

/// How a payload is called on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PayloadName {
    /// IEX-TP with TOPS 1.6 and DEEP 1.0
    IexTp,
    /// MoldUDP64 with Nasdaq TotalView-ITCH 5.0
    #[value(name = "moldudp64")]
    MoldUdp64,
}

impl Pcap {
    /// Opens the file.
    pub(super) fn open(self) -> Result<(PcapSource, Publishing), Failure> {
        let options = PcapOptions {
            payload: self.payload.map(|payload| match payload {
                PayloadName::IexTp => Payload::IexTp,
                PayloadName::MoldUdp64 => Payload::MoldUdp64,
            }),
            ports: self.port,
            merge: self.merge,
            date: self.date,
        };
        Ok((PcapSource::open(&self.file, &options)?, self.publishing))
    }
}
