//! Follows `example/ticks` from its oldest record to its end, losses included.

use std::time::Duration;
use tickring::record::Trade;
use tickring::{Directory, Error, Poll, Reader, Start};

fn main() -> Result<(), Error> {
    let name = "example/ticks".parse()?;
    let mut reader = Reader::open(&Directory::from_env(), &name, Start::Oldest)?;
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                if let Some(trade) = record.get::<Trade>() {
                    println!("{} {} x {}", record.seq(), trade.price, trade.size);
                }
            }
            Poll::Empty => {
                // Costs nothing while nothing comes.
                reader.wait(Duration::from_secs(1));
            }
            Poll::Lapped { missed, resume } => println!("missed {missed}, going on at {resume}"),
            Poll::Tombstone { seq } => println!("sequence {seq} died with its writer"),
            Poll::Restarted { epoch } => println!("writer restarted, epoch {epoch}"),
            Poll::Closed(_) => return Ok(()),
        }
    }
}
