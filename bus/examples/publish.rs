//! Publishes a few trades to `example/ticks` and ends the ring.
//!
//! `cargo run --example publish`, then `cargo run --example follow` in the same TICKRING_DIR.

use tickring::record::{Record, Trade, side};
use tickring::{Directory, Error, RingSpec, Writer};

fn main() -> Result<(), Error> {
    let name = "example/ticks".parse()?;
    let spec = RingSpec::new(Trade::kinds())?;
    let mut writer = Writer::open(&Directory::from_env(), &name, &spec)?;
    for n in 0..10_u32 {
        let trade = Trade {
            price: 4_810_250_000_000 + i64::from(n) * 250_000_000,
            size: n + 1,
            side: side::BID,
            ..Trade::empty(1, 17077, 1_700_000_000_000_000_000 + u64::from(n))
        };
        let seq = writer.publish(&trade)?;
        println!("published sequence {seq}");
    }
    writer.close();
    Ok(())
}
