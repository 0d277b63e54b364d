//! Windows beside the windows of others: the same ticks, the same machine, the same run.
//!
//! # Concepts
//!
//! - A [`market`] is a seeded stream of ticks: instruments by Zipf's law, event times out of
//!   order, and if asked for also late ticks, busts and lost ranges. It goes to a folder that all
//!   engines read: `ticks.bin` (rows of [`Tick`](market::Tick)) and `ticks.parquet`.
//! - An [`engine`] makes bars of the ticks in a process of its own. It loads them first; what is
//!   measured is the processor time of the process from then on, its threads included, for each
//!   tick. The engines of others are scripts and programs in `benches/peers/windows`.
//! - A [`comparison`] lets the engines take turns, for some rounds. Ratios are those within a
//!   round. All engines must agree on the number of bars, trades and on the volume.
//! - A [`course`] is the cost by the number of instruments, or the memory over time, as a plot.
//! - A [`check`] compares every integer of every bar with two batch engines, on ticks with all
//!   that can go wrong.

pub mod check;
pub mod columns;
pub mod comparison;
pub mod course;
pub mod engine;
pub mod floor;
pub mod market;
pub mod options;
pub mod ours;
