//! How an arbiter waits, believes and asks.

use std::time::Duration;

/// Options of [`Arbiter`](super::Arbiter).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ArbiterOptions {
    /// Lines that carry the messages.
    pub lines: u8,
    /// The first message wanted. Without, the lowest that is seen in the first
    /// [`patience`](Self::patience) after the first packet.
    pub first: Option<u64>,
    /// How long a hole may close by itself: the longest delay of one line behind the other, and of
    /// a packet that was overtaken.
    pub patience: Duration,
    /// Packets that can be held.
    pub window: usize,
    /// Bytes of the longest packet that can be held.
    pub packet_bytes: usize,
    /// Messages by which a packet may be ahead of all others and be believed at once.
    pub most_ahead: u64,
    /// How lost messages are asked for; they are not without.
    pub recovery: Option<RecoveryOptions>,
}

impl Default for ArbiterOptions {
    fn default() -> Self {
        Self {
            lines: 2,
            first: None,
            patience: Duration::from_millis(10),
            window: 4_096,
            packet_bytes: 2_048,
            most_ahead: 4_096,
            recovery: None,
        }
    }
}

/// How lost messages are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecoveryOptions {
    /// Most messages in one request, up to 65,534.
    pub request: u16,
    /// So long an answer may take, the first time; twice as long each further time.
    pub first_wait: Duration,
    /// The longest wait for an answer.
    pub longest_wait: Duration,
    /// Requests in a row without an answer after which a hole is given up.
    pub attempts: u16,
    /// So long a hole may take from its declaration, whatever is answered.
    pub limit: Duration,
    /// Messages of the largest hole that is asked for.
    pub most_messages: u64,
}

impl Default for RecoveryOptions {
    fn default() -> Self {
        Self {
            request: 1_000,
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(1),
            attempts: 5,
            limit: Duration::from_secs(5),
            most_messages: 1_000_000,
        }
    }
}
