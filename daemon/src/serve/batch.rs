//! Receiving many packets with one system call, into one buffer that a worker uses for all its connections.
//!
//! The buffer is [`SLOTS`] × [`MAX_PACKET`] = 16 MiB of address space. The kernel backs only pages that a packet has
//! reached: with the usual packets of 150 bytes that is one page a slot, 256 KiB a worker.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};

/// The largest packet in bytes that is received whole.
///
/// A sentry's packet must fit its socket's send buffer, 212,992 bytes by default (`net.core.wmem_default`), else it is
/// lost on that side already. Anything below that would let a long argument list hide an exec from us alone.
pub const MAX_PACKET: usize = 256 * 1024;

/// Packets taken with one system call. 64 measured as the knee: more saves nothing, and holds neighbours up longer.
pub const SLOTS: usize = 64;

/// One packet of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) truncated: bool,
}

/// The receive buffer of a worker.
pub(super) struct Batch {
    buffer: Vec<u8>,
    headers: MultiHeaders<()>,
    received: [(usize, bool); SLOTS],
    count: usize,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch {
            // Zeroed memory comes from the kernel as untouched pages.
            buffer: vec![0; SLOTS.saturating_mul(MAX_PACKET)],
            headers: MultiHeaders::preallocate(SLOTS, None),
            received: [(0, false); SLOTS],
            count: 0,
        }
    }

    /// Takes what is in `socket`, at most [`SLOTS`] packets, without waiting.
    pub(super) fn receive(&mut self, socket: &OwnedFd) -> Result<(), Errno> {
        self.count = 0;
        let mut slots = self.buffer.chunks_exact_mut(MAX_PACKET);
        let mut slices: [[IoSliceMut<'_>; 1]; SLOTS] =
            std::array::from_fn(|_| [IoSliceMut::new(slots.next().unwrap_or_default())]);
        let messages =
            recvmmsg(socket.as_raw_fd(), &mut self.headers, &mut slices, MsgFlags::MSG_DONTWAIT, None)?;
        for (slot, message) in self.received.iter_mut().zip(messages) {
            *slot = (message.bytes, message.flags.contains(MsgFlags::MSG_TRUNC));
            self.count = self.count.saturating_add(1);
        }
        Ok(())
    }

    /// Whether the last call filled every slot, so that more may be waiting.
    pub(super) fn is_full(&self) -> bool {
        self.count == SLOTS
    }

    /// The packets of the last call, in their order.
    pub(super) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let received = self.received.iter().take(self.count);
        self.buffer.chunks_exact(MAX_PACKET).zip(received).map(|(slot, &(length, truncated))| Packet {
            bytes: slot.get(..length).unwrap_or(slot),
            truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, send, setsockopt, socketpair, sockopt};

    fn pair() -> (OwnedFd, OwnedFd) {
        let (a, b) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        setsockopt(&a, sockopt::SndBuf, &(4 << 20)).unwrap();
        (a, b)
    }

    #[test]
    fn packets_keep_their_boundaries_and_order() {
        let (ours, theirs) = pair();
        for packet in [&b"one"[..], b"", b"three"] {
            send(ours.as_raw_fd(), packet, MsgFlags::empty()).unwrap();
        }
        let mut batch = Batch::new();
        batch.receive(&theirs).unwrap();
        let got: Vec<_> = batch.packets().map(|packet| (packet.bytes.to_vec(), packet.truncated)).collect();
        assert_eq!(got, [(b"one".to_vec(), false), (b"".to_vec(), false), (b"three".to_vec(), false)]);
        assert!(!batch.is_full());
        assert_eq!(batch.receive(&theirs), Err(Errno::EAGAIN));
        assert_eq!(batch.packets().count(), 0, "what an earlier call took is not seen twice");
    }

    #[test]
    fn the_largest_packet_of_a_sentry_is_whole_and_a_larger_one_is_marked() {
        let (ours, theirs) = pair();
        send(ours.as_raw_fd(), &vec![1; 212_992], MsgFlags::empty()).unwrap();
        send(ours.as_raw_fd(), &vec![2; MAX_PACKET], MsgFlags::empty()).unwrap();
        send(ours.as_raw_fd(), &vec![3; MAX_PACKET + 1], MsgFlags::empty()).unwrap();
        let mut batch = Batch::new();
        batch.receive(&theirs).unwrap();
        let got: Vec<_> = batch.packets().map(|packet| (packet.bytes.len(), packet.truncated)).collect();
        assert_eq!(got, [(212_992, false), (MAX_PACKET, false), (MAX_PACKET, true)]);
    }

    #[test]
    fn a_batch_says_when_there_may_be_more() {
        let (ours, theirs) = pair();
        for _ in 0..=SLOTS {
            send(ours.as_raw_fd(), b"x", MsgFlags::empty()).unwrap();
        }
        let mut batch = Batch::new();
        batch.receive(&theirs).unwrap();
        assert!(batch.is_full());
        batch.receive(&theirs).unwrap();
        assert_eq!(batch.packets().count(), 1);
    }
}
