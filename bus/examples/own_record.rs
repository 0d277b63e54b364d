//! Defines a record, publishes a few of them to `example/signals`, and reads them back.
//!
//! `cargo run --example own_record`, then `tickring tail example/signals` in the same
//! TICKRING_DIR: the schema in the segment says what the fields are.

use tickring::record::{Record, UNDEF_PRICE};
use tickring::{Directory, Error, Poll, Reader, RingSpec, Start, Writer};

tickring::record! {
    /// What a model thinks of an instrument.
    pub struct Signal(0xC8 = "signal") {
        /// Expected return until the horizon, in standard deviations.
        strength: f64 => None,
        /// Price at which the signal is void, fixed-point 1e-9.
        stop_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Horizon of the signal.
        horizon_ns: u64 => Nanos,
    }
}

fn main() -> Result<(), Error> {
    let directory = Directory::from_env();
    let name = "example/signals".parse()?;
    let mut writer = Writer::open(&directory, &name, &RingSpec::new(Signal::kinds())?)?;
    let mut reader = Reader::open(&directory, &name, Start::Latest)?;
    // Once: is the ring's `signal` the one that this program was compiled with?
    reader.expect::<Signal>()?;
    for n in 0..3_u32 {
        let strength = f64::from(n) - 1.0;
        writer.publish(&Signal {
            strength,
            horizon_ns: 60_000_000_000,
            ..Signal::empty(1, n, 0)
        })?;
    }
    writer.close();
    while let Poll::Record(record) = reader.poll() {
        if let Some(signal) = record.get::<Signal>() {
            println!("instrument {}: {:+.1}", signal.header.instrument_id, signal.strength);
        }
    }
    Ok(())
}
