//! Records about a live session itself: what the gateway tells its client.

use crate::record::describe::builtin;
use crate::record::rtype;

builtin! {
    /// An error that the gateway of a live session reports.
    ///
    /// Shape: 320 bytes, identical to DBN version 3 `ErrorMsg`.
    pub struct GatewayError(rtype::GATEWAY_ERROR = "gateway_error") {
        /// What went wrong.
        err: [u8; 302] => Text,
        /// Which error, in DBN's numbering.
        code: u8 => Enum (null u8::MAX),
        /// Not 0 in the last of several errors that were sent together.
        is_last: u8 => None (null u8::MAX),
    }
}

builtin! {
    /// A notice or a heartbeat of the gateway of a live session.
    ///
    /// Shape: 320 bytes, identical to DBN version 3 `SystemMsg`.
    pub struct GatewayNotice(rtype::GATEWAY_NOTICE = "gateway_notice") {
        /// What the gateway says.
        msg: [u8; 303] => Text,
        /// Which notice, in DBN's numbering: 0 heartbeat and others.
        code: u8 => Enum (null u8::MAX),
    }
}
