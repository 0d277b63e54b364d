//! What is said at a login: who, which session, from which sequence.
//!
//! Texts are ASCII in fields of fixed width: user name and password padded with spaces on the
//! right, session and sequence on the left. Padding on the other side is understood too.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::HEADER_LEN;

/// Bytes of a user name.
const USERNAME_LEN: usize = 6;
/// Bytes of a password.
const PASSWORD_LEN: usize = 10;
/// Bytes of a session's name.
const SESSION_LEN: usize = 10;
/// Bytes of a sequence in decimal.
const SEQUENCE_LEN: usize = 20;

/// Name of a session, at most ten printable ASCII characters; blank where any session is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session([u8; SESSION_LEN]);

impl Session {
    /// The session that is active at the server, whichever that is.
    pub const ANY: Self = Self([b' '; SESSION_LEN]);

    /// Names a session. `None` if the name is too long or not printable ASCII.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        is_printable(name).then_some(())?;
        padded_left(name.trim().as_bytes()).map(Self)
    }

    /// Reads a field; a name is the same wherever its padding stands.
    fn of(field: &[u8; SESSION_LEN]) -> Self {
        Self(padded_left(field.trim_ascii()).unwrap_or(*field))
    }

    /// Returns whether no session is named.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.trim_ascii().escape_ascii().fmt(f)
    }
}

/// Who logs in. Its password is not shown by `Debug`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Credentials {
    username: [u8; USERNAME_LEN],
    password: [u8; PASSWORD_LEN],
}

impl Credentials {
    /// Takes a user name of at most six and a password of at most ten printable ASCII characters;
    /// `None` if they are others.
    #[must_use]
    pub fn new(username: &str, password: &str) -> Option<Self> {
        (is_printable(username) && is_printable(password)).then_some(())?;
        let username = padded_right(username.trim().as_bytes())?;
        Some(Self { username, password: padded_right(password.trim().as_bytes())? })
    }

    /// Returns the user name.
    #[must_use]
    pub fn username(&self) -> String {
        self.username.trim_ascii().escape_ascii().to_string()
    }

    /// Returns whether a request comes from whom these belong to. Upper and lower case are the
    /// same.
    #[must_use]
    pub fn allow(&self, request: &LoginRequest) -> bool {
        let same = |a: &[u8], b: &[u8]| a.trim_ascii().eq_ignore_ascii_case(b.trim_ascii());
        same(&self.username, &request.username) && same(&self.password, &request.password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username()).finish_non_exhaustive()
    }
}

/// Payload of a login request: 46 bytes.
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LoginRequest {
    username: [u8; USERNAME_LEN],
    password: [u8; PASSWORD_LEN],
    session: [u8; SESSION_LEN],
    sequence: [u8; SEQUENCE_LEN],
}

impl LoginRequest {
    /// Bytes of a whole packet with such a payload.
    pub const PACKET_LEN: usize = HEADER_LEN + size_of::<Self>();

    /// Asks for the messages of `session` from `sequence` on; 0 is the newest message.
    #[must_use]
    pub fn new(credentials: &Credentials, session: Session, sequence: u64) -> Self {
        let Credentials { username, password } = *credentials;
        Self { username, password, session: session.0, sequence: decimal(sequence) }
    }

    /// Returns the session asked for.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::of(&self.session)
    }

    /// Returns the sequence asked for; `None` if the field holds no number. A blank field is 0.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        if self.sequence.trim_ascii().is_empty() { Some(0) } else { number(&self.sequence) }
    }

    /// Returns the whole packet.
    #[must_use]
    pub fn packet(&self) -> [u8; Self::PACKET_LEN] {
        packet(b'L', self)
    }
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("LoginRequest");
        shown.field("username", &self.username.escape_ascii().to_string());
        shown.field("session", &self.session()).field("sequence", &self.sequence());
        shown.finish_non_exhaustive()
    }
}

/// Payload of the answer to a login that succeeded: 30 bytes.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LoginAccepted {
    session: [u8; SESSION_LEN],
    sequence: [u8; SEQUENCE_LEN],
}

impl LoginAccepted {
    /// Bytes of a whole packet with such a payload.
    pub const PACKET_LEN: usize = HEADER_LEN + size_of::<Self>();

    /// Tells the session, and the sequence of the message that comes next.
    #[must_use]
    pub fn new(session: Session, sequence: u64) -> Self {
        Self { session: session.0, sequence: decimal(sequence) }
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::of(&self.session)
    }

    /// Returns the sequence of the message that comes next; `None` if the field holds no number of
    /// a message, which is 1 at least.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        number(&self.sequence).filter(|&sequence| sequence > 0)
    }

    /// Returns the whole packet.
    #[must_use]
    pub fn packet(&self) -> [u8; Self::PACKET_LEN] {
        packet(b'A', self)
    }
}

/// Why a login failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rejection {
    /// `A`: user name and password are not known to the server.
    NotAuthorized,
    /// `S`: the session asked for is not there.
    SessionNotAvailable,
    /// A letter that the specification does not have.
    Other(u8),
}

impl Rejection {
    /// Bytes of a whole packet that rejects a login.
    pub const PACKET_LEN: usize = HEADER_LEN + 1;

    pub(super) fn of(code: u8) -> Self {
        match code {
            b'A' => Self::NotAuthorized,
            b'S' => Self::SessionNotAvailable,
            other => Self::Other(other),
        }
    }

    /// Returns the whole packet.
    #[must_use]
    pub fn packet(self) -> [u8; Self::PACKET_LEN] {
        let code = match self {
            Self::NotAuthorized => b'A',
            Self::SessionNotAvailable => b'S',
            Self::Other(code) => code,
        };
        packet(b'J', &code)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthorized => f.write_str("not authorized (A)"),
            Self::SessionNotAvailable => f.write_str("session not available (S)"),
            Self::Other(code) => write!(f, "reason '{}'", code.escape_ascii()),
        }
    }
}

/// A whole packet of `N` bytes, which are the header and the payload.
fn packet<const N: usize>(packet_type: u8, payload: &(impl IntoBytes + Immutable)) -> [u8; N] {
    let payload = payload.as_bytes();
    let [high, low] = u16::try_from(payload.len() + 1).unwrap_or(u16::MAX).to_be_bytes();
    let mut bytes = [0; N];
    let header = [high, low, packet_type];
    let whole = header.iter().chain(payload);
    bytes.iter_mut().zip(whole).for_each(|(to, from)| *to = *from);
    bytes
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn padded_left<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut field = [b' '; N];
    let at = N.checked_sub(text.len())?;
    field.get_mut(at..)?.copy_from_slice(text);
    Some(field)
}

fn padded_right<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut field = [b' '; N];
    field.get_mut(..text.len())?.copy_from_slice(text);
    Some(field)
}

/// A number in decimal, padded on the left: every one has at most 20 digits.
fn decimal(mut number: u64) -> [u8; SEQUENCE_LEN] {
    let mut field = [b' '; SEQUENCE_LEN];
    for place in field.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    field
}

/// The number that a field holds, if it holds digits and nothing else, and they fit.
fn number(field: &[u8; SEQUENCE_LEN]) -> Option<u64> {
    let digits = field.trim_ascii();
    let are_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| are_digits)?.parse().ok()
}
