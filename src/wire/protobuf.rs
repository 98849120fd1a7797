//! Protobuf's wire format, read from a borrowed packet: keys, integers, byte strings, embedded messages, skipping.
//!
//! Accepts and refuses exactly what prost 0.14 does, down to padded integers and the nesting of unknown groups.
//! Nothing allocates, nothing recurses; every read is bounded by the message that it belongs to.

use super::error::{DecodeErrorKind, Fault};

/// Wire types (protobuf.dev, "Encoding").
pub(super) const VARINT: u32 = 0;
const FIXED64: u32 = 1;
pub(super) const LEN: u32 = 2;
const GROUP: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

/// How deep messages and unknown groups may nest, as in prost and the reference implementations. It answers the packet
/// that is nothing but openings of groups, which would exhaust the stack of a recursive reader.
const MAX_DEPTH: usize = 100;

/// What is left to read of one message.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// The packet, cut where the message ends, so that `at` is an offset in the packet.
    bytes: &'a [u8],
    at: usize,
    /// How many more levels may be entered.
    depth: usize,
    /// Fields that were skipped since nobody knows them.
    pub(super) unknown: u32,
}

/// What announces a field.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Where the field begins in the packet.
    pub(super) at: usize,
    pub(super) number: u32,
    pub(super) wire: u32,
}

impl<'a> Input<'a> {
    /// A message that begins at `at` and goes on to the end of `bytes`.
    #[inline]
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Input { bytes, at, depth: MAX_DEPTH, unknown: 0 }
    }

    /// The bytes that were not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes from `from` to where reading stands.
    #[inline]
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..self.at).unwrap_or_default()
    }

    #[cold]
    fn fault(&self, kind: DecodeErrorKind) -> Fault {
        Fault::new(self.at, kind)
    }

    /// The next key, or nothing at the end of the message. Number 0 and odd wire types pass here: no known field has
    /// them, and [`Input::skip`] refuses them.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Option<Key>, Fault> {
        let at = self.at;
        if at >= self.bytes.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let Ok(key) = u32::try_from(key) else {
            return Err(self.fault(DecodeErrorKind::FieldNumber));
        };
        Ok(Some(Key { at, number: key >> 3, wire: key & 7 }))
    }

    /// Fails unless `key`'s wire type is the one that its field has.
    #[inline(always)]
    pub(super) fn expect(&self, key: Key, wire: u32) -> Result<(), Fault> {
        if key.wire == wire { Ok(()) } else { Err(self.fault(DecodeErrorKind::WrongType)) }
    }

    /// An integer of variable length.
    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                // Cannot wrap: `at` lies inside the slice.
                self.at = self.at.wrapping_add(1);
                Ok(u64::from(byte))
            }
            _ => {
                let (value, at) = long_varint(self.bytes, self.at)?;
                self.at = at;
                Ok(value)
            }
        }
    }

    /// The end of `len` bytes from here, if they are there.
    #[inline(always)]
    fn end_of(&self, len: u64) -> Result<usize, Fault> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        match end {
            Some(end) if end <= self.bytes.len() => Ok(end),
            _ => Err(self.fault(DecodeErrorKind::Truncated)),
        }
    }

    /// Bytes behind their length.
    #[inline(always)]
    pub(super) fn chunk(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.varint()?;
        let end = self.end_of(len)?;
        let chunk = self.bytes.get(self.at..end).unwrap_or_default();
        self.at = end;
        Ok(chunk)
    }

    /// A message behind its length; reading goes on behind it.
    #[inline(always)]
    pub(super) fn embedded(&mut self) -> Result<Input<'a>, Fault> {
        let len = self.varint()?;
        let end = self.end_of(len)?;
        let inner = Input {
            bytes: self.bytes.get(..end).unwrap_or_default(),
            at: self.at,
            // The schema itself nests four deep, so this never ends.
            depth: self.depth.saturating_sub(1),
            unknown: 0,
        };
        self.at = end;
        Ok(inner)
    }

    fn advance(&mut self, len: u64) -> Result<(), Fault> {
        self.at = self.end_of(len)?;
        Ok(())
    }

    /// Skips and counts a field that nobody knows.
    #[cold]
    #[inline(never)]
    pub(super) fn unknown(mut self, key: Key) -> Result<Self, Fault> {
        self.unknown = self.unknown.saturating_add(1);
        self.skip(key)?;
        Ok(self)
    }

    /// Skips a field by its wire type, a group with all that is in it.
    pub(super) fn skip(&mut self, first: Key) -> Result<(), Fault> {
        // Numbers of the groups that are open; a loop, where recursion would let the input choose our stack.
        let mut open = [0_u32; MAX_DEPTH];
        let mut level = 0_usize;
        let mut key = first;
        loop {
            if key.number == 0 {
                return Err(self.fault(DecodeErrorKind::FieldNumber));
            }
            if key.wire != GROUP_END && level >= self.depth {
                return Err(self.fault(DecodeErrorKind::Depth));
            }
            match key.wire {
                VARINT => {
                    self.varint()?;
                }
                FIXED64 => self.advance(8)?,
                LEN => {
                    self.chunk()?;
                }
                FIXED32 => self.advance(4)?,
                GROUP => {
                    let Some(slot) = open.get_mut(level) else {
                        return Err(self.fault(DecodeErrorKind::Depth));
                    };
                    *slot = key.number;
                    level = level.saturating_add(1);
                }
                GROUP_END => {
                    let inner = level.checked_sub(1);
                    if inner.and_then(|inner| open.get(inner)) != Some(&key.number) {
                        return Err(self.fault(DecodeErrorKind::Group));
                    }
                    level = inner.unwrap_or(0);
                }
                _ => return Err(self.fault(DecodeErrorKind::WireType)),
            }
            if level == 0 {
                return Ok(());
            }
            match self.key()? {
                Some(next) => key = next,
                None => return Err(self.fault(DecodeErrorKind::Truncated)),
            }
        }
    }
}

/// An integer of more than one byte, and where it ends. Time stamps are of this kind, three or more an event.
#[inline]
fn long_varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Fault> {
    const CONTINUED: u64 = 0x8080_8080_8080_8080;
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(&[b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]) = rest.first_chunk() else {
        return short_varint(rest, at);
    };
    let word = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
    let stops = !word & CONTINUED;
    if stops != 0 {
        // The lowest stop bit marks the last byte; everything up to it is kept.
        let kept = word & (stops ^ stops.wrapping_sub(1));
        let len = usize::try_from(stops.trailing_zeros() >> 3).unwrap_or(0).wrapping_add(1);
        return Ok((pack(kept), at.wrapping_add(len)));
    }
    let low = pack(word) | (u64::from(b8 & 0x7f) << 56);
    if b8 < 0x80 {
        return Ok((low, at.wrapping_add(9)));
    }
    // 63 bits are taken: one is left.
    if b9 < 2 {
        return Ok((low | (u64::from(b9) << 63), at.wrapping_add(10)));
    }
    Err(Fault::new(at, DecodeErrorKind::Varint))
}

/// Joins the low seven bits of eight bytes: pairs of bytes, then of pairs, then of halves.
#[inline(always)]
fn pack(word: u64) -> u64 {
    let x = word & 0x7f7f_7f7f_7f7f_7f7f;
    let x = (x & 0x007f_007f_007f_007f) | ((x & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    (x & 0x0000_0000_0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4)
}

/// An integer with fewer than ten bytes behind its beginning.
#[cold]
fn short_varint(rest: &[u8], at: usize) -> Result<(u64, usize), Fault> {
    let mut value = 0_u64;
    let mut shift = 0_u32;
    let mut end = at;
    for &byte in rest {
        value |= u64::from(byte & 0x7f) << shift;
        shift = shift.saturating_add(7);
        end = end.saturating_add(1);
        if byte < 0x80 {
            return Ok((value, end));
        }
    }
    Err(Fault::new(at, DecodeErrorKind::Truncated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(encoded: &[u8]) -> Result<(u64, usize), DecodeErrorKind> {
        let alone = Input::new(encoded, 0);
        let mut padded = encoded.to_vec();
        padded.extend([0xff; 16]);
        let mut results = [alone, Input::new(&padded, 0)]
            .map(|mut input| input.varint().map(|value| (value, input.at)).map_err(|fault| fault.kind));
        if results[0] == Err(DecodeErrorKind::Truncated) {
            results[1] = results[0];
        }
        assert_eq!(results[0], results[1], "alone and with more behind it");
        results[0]
    }

    #[test]
    fn integers_of_every_length_are_read_alone_and_with_more_behind_them() {
        for bits in 0..64 {
            for value in [1_u64 << bits, (1 << bits) - 1, u64::MAX >> bits] {
                let mut encoded = Vec::new();
                prost::encoding::encode_varint(value, &mut encoded);
                assert_eq!(both_ways(&encoded), Ok((value, encoded.len())));
            }
        }
    }

    #[test]
    fn padding_is_read_but_an_integer_of_more_than_64_bits_is_refused() {
        assert_eq!(both_ways(&[0x81, 0x80, 0x00]), Ok((1, 3)));
        let mut widest = [0x80_u8; 10];
        widest[9] = 1;
        assert_eq!(both_ways(&widest), Ok((1 << 63, 10)));
        widest[9] = 2;
        assert_eq!(both_ways(&widest), Err(DecodeErrorKind::Varint));
        assert_eq!(both_ways(&[0x80; 11]), Err(DecodeErrorKind::Varint));
        assert_eq!(both_ways(&[0x80, 0x80]), Err(DecodeErrorKind::Truncated));
        assert_eq!(both_ways(&[]), Err(DecodeErrorKind::Truncated));
    }
}
