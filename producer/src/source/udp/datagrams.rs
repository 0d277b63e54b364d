//! Many datagrams by one system call, with what the kernel says of each.
//!
//! # Invariants
//! Pointers into the buffers are made anew for each call from exclusive borrows that live through
//! it, and none is kept; each buffer is as long as its header says.

#![expect(unsafe_code, reason = "the system calls recvmmsg and setsockopt")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use nix::libc;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Most datagrams of one call.
pub(super) const MOST: usize = 32;

/// Room for the control messages of a datagram: three times, and a count of drops.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
struct Control([u8; 128]);

/// What the kernel said of one datagram.
#[derive(Clone, Copy, Debug, Default)]
struct Received {
    len: usize,
    control_len: usize,
    is_cut: bool,
}

/// One datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    /// When the kernel got it, in ns since the Unix epoch; `None` if it did not say.
    pub(super) ts_ns: Option<u64>,
    /// How many datagrams the socket had dropped by then, modulo 2^32; `None` if none.
    pub(super) drops: Option<u32>,
    /// Whether it was longer than the buffer, so that its end is lost.
    pub(super) is_cut: bool,
}

/// Buffers for the datagrams of one call.
#[derive(Debug)]
pub(super) struct Datagrams {
    bytes: Box<[u8]>,
    packet_bytes: usize,
    controls: [Control; MOST],
    received: [Received; MOST],
}

impl Datagrams {
    /// Makes buffers for datagrams of up to so many bytes.
    pub(super) fn new(packet_bytes: usize) -> Self {
        let packet_bytes = packet_bytes.max(1);
        Self {
            bytes: vec![0; packet_bytes.saturating_mul(MOST)].into(),
            packet_bytes,
            controls: [Control([0; 128]); MOST],
            received: [Received::default(); MOST],
        }
    }

    /// Receives what is there, up to `most` datagrams, and returns how many; does not wait.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let mut bytes = self.bytes.chunks_exact_mut(self.packet_bytes);
        let mut vectors = [(); MOST].map(|()| {
            let chunk = bytes.next().unwrap_or_default();
            libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() }
        });
        // SAFETY: all zeros are a header without any buffer: null pointers and lengths of 0.
        let empty = unsafe { MaybeUninit::<libc::mmsghdr>::zeroed().assume_init() };
        let mut headers = [empty; MOST];
        let buffers = vectors.iter_mut().zip(&mut self.controls);
        for (header, (vector, control)) in headers.iter_mut().zip(buffers) {
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.0.len();
        }
        let count = u32::try_from(most.min(MOST)).unwrap_or_default();
        let (fd, headers_ptr) = (socket.as_raw_fd(), headers.as_mut_ptr());
        // SAFETY: `headers` has at least `count` elements, each of which points to one vector and
        // one control buffer of the length that it says; all of them are borrowed exclusively by
        // this function. A null timeout is none. The socket is open while it is borrowed.
        let found =
            unsafe { libc::recvmmsg(fd, headers_ptr, count, libc::MSG_DONTWAIT, ptr::null_mut()) };
        let found = usize::try_from(found).map_err(|_| io::Error::last_os_error())?;
        for (received, header) in self.received.iter_mut().zip(&headers).take(found) {
            *received = Received {
                len: header.msg_len as usize,
                control_len: header.msg_hdr.msg_controllen,
                is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            };
        }
        Ok(found.min(MOST))
    }

    /// Returns a datagram of the last call, counted from 0; an empty one behind the last.
    pub(super) fn get(&self, index: usize) -> Datagram<'_> {
        let received = self.received.get(index).copied().unwrap_or_default();
        let start = index.saturating_mul(self.packet_bytes);
        let len = received.len.min(self.packet_bytes);
        let control = self.controls.get(index).and_then(|c| c.0.get(..received.control_len));
        let (ts_ns, drops) = read_control(control.unwrap_or_default());
        let bytes = self.bytes.get(start..start.saturating_add(len)).unwrap_or_default();
        Datagram { bytes, ts_ns, drops, is_cut: received.is_cut }
    }
}

/// Lets the kernel poll the network card for so many microseconds before a socket waits.
pub(super) fn set_busy_poll(socket: BorrowedFd<'_>, microseconds: u32) -> io::Result<()> {
    let value = libc::c_int::try_from(microseconds).unwrap_or(libc::c_int::MAX);
    let len = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or_default();
    let (fd, level, name) = (socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_BUSY_POLL);
    // SAFETY: the pointer is to an integer that lives through the call, and `len` is its size. The
    // socket is open while it is borrowed.
    let result = unsafe { libc::setsockopt(fd, level, name, ptr::from_ref(&value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Starts a control message, as the kernel writes it.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ControlHeader {
    /// Bytes of the message with this header.
    len: usize,
    level: i32,
    kind: i32,
}

/// A time of the kernel's.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

impl Time {
    /// In ns since the Unix epoch; `None` for the zero that means that there is none.
    fn ns(&self) -> Option<u64> {
        let seconds = u64::try_from(self.seconds).ok()?.checked_mul(1_000_000_000)?;
        let ns = seconds.checked_add(u64::try_from(self.nanoseconds).ok()?)?;
        (ns > 0).then_some(ns)
    }
}

/// Reads the time and the count of drops out of control messages.
fn read_control(mut control: &[u8]) -> (Option<u64>, Option<u32>) {
    let (mut ts_ns, mut drops) = (None, None);
    while let Ok((header, body)) = ControlHeader::read_from_prefix(control) {
        let Some(body_len) = header.len.checked_sub(size_of::<ControlHeader>()) else {
            break;
        };
        let body = body.get(..body_len.min(body.len())).unwrap_or_default();
        match (header.level, header.kind) {
            // Of the three times of SCM_TIMESTAMPING the first is the kernel's own.
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS | libc::SCM_TIMESTAMPING) => {
                ts_ns = Time::read_from_prefix(body).ok().and_then(|(time, _)| time.ns());
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                drops = u32::read_from_prefix(body).ok().map(|(count, _)| count);
            }
            _ => {}
        }
        let Some(rest) = control.get(header.len.next_multiple_of(align_of::<usize>())..) else {
            break;
        };
        control = rest;
    }
    (ts_ns, drops)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn datagrams_come_in_batches_each_with_its_bytes() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        let mut datagrams = Datagrams::new(8);
        // More often than there are buffers, as the kernel changes the lengths in the headers.
        for round in 0..50u8 {
            for bytes in [&[round][..], &[round, 1, 2, 3, 4, 5, 6, 7], &[round; 9], &[]] {
                sender.send(bytes).unwrap();
            }
            let mut found = Vec::new();
            while found.len() < 4 {
                let count = datagrams.receive(receiver.as_fd(), 3).unwrap_or_default();
                assert!(count <= 3);
                found.extend((0..count).map(|index| {
                    let Datagram { bytes, is_cut, .. } = datagrams.get(index);
                    (bytes.to_vec(), is_cut)
                }));
            }
            let whole = vec![round, 1, 2, 3, 4, 5, 6, 7];
            let expected =
                [(vec![round], false), (whole, false), (vec![round; 8], true), (vec![], false)];
            assert_eq!(found, expected);
        }
        let error = datagrams.receive(receiver.as_fd(), 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    /// A control message as the kernel writes it.
    fn control(len: usize, kind: i32, body: &[u8]) -> Vec<u8> {
        let mut bytes = len.as_bytes().to_vec();
        bytes.extend(libc::SOL_SOCKET.as_bytes());
        bytes.extend(kind.as_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn times_and_drops_are_read_where_they_stand() {
        let time = [7i64, 9].as_bytes().to_vec();
        let (drops, none) = (3u32, [0; 16]);
        let stamp = control(32, libc::SCM_TIMESTAMPNS, &time);
        let three = control(64, libc::SCM_TIMESTAMPING, &[&time[..], &none, &none].concat());
        let count = control(20, libc::SO_RXQ_OVFL, drops.as_bytes());
        assert_eq!(read_control(&stamp), (Some(7_000_000_009), None));
        assert_eq!(read_control(&[three, count.clone()].concat()), (Some(7_000_000_009), Some(3)));
        assert_eq!(read_control(&[count, stamp].concat()), (Some(7_000_000_009), Some(3)));
        assert_eq!(read_control(&control(32, libc::SCM_TIMESTAMPNS, &none)), (None, None));
        assert_eq!(read_control(&[]), (None, None));
    }

    proptest! {
        #[test]
        fn control_messages_are_read_to_an_end(
            bytes in prop::collection::vec(any::<u8>(), 0..128),
            len in 0..40usize,
        ) {
            let _ = read_control(&bytes);
            let _ = read_control(&[control(len, libc::SO_RXQ_OVFL, &bytes), bytes].concat());
        }
    }
}
