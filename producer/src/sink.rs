//! Where records go when they leave the bus again.

pub mod dbn;
pub mod raw;
pub mod tape;
