//! Little-endian arrays, written and read back within bounds: what the sections of a snapshot file are made of.

use super::snapshot::SnapshotError;

/// Bytes that are yet to be read. Every count is checked against what is left before memory is taken for it.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], SnapshotError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SnapshotError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(SnapshotError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, SnapshotError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count of things; each will be found to be there or not when it is read.
    pub(super) fn count(&mut self) -> Result<usize, SnapshotError> {
        usize::try_from(self.u32()?).map_err(|_| SnapshotError::Cut)
    }

    /// So many values of a fixed width.
    pub(super) fn many<T: Fixed>(&mut self, count: usize) -> Result<Box<[T]>, SnapshotError> {
        let bytes = self.take(count.checked_mul(T::WIDTH).ok_or(SnapshotError::Cut)?)?;
        Ok(T::read_all(bytes))
    }

    /// Bytes behind their length.
    pub(super) fn slice(&mut self) -> Result<&'a [u8], SnapshotError> {
        let length = self.count()?;
        self.take(length)
    }

    /// Text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, SnapshotError> {
        std::str::from_utf8(self.slice()?).map_err(|_| SnapshotError::Inconsistent("a text is not UTF-8"))
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), SnapshotError> {
        if self.0.is_empty() { Ok(()) } else { Err(SnapshotError::Inconsistent("a section is too long")) }
    }
}

/// A count as it stands in a file. The builder takes no more entries than it can say.
pub(super) fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

/// Bytes behind their length.
pub(super) fn put_slice(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// All values of an array.
pub(super) fn put_many<T: Fixed>(out: &mut Vec<u8>, values: &[T]) {
    out.reserve(values.len().saturating_mul(T::WIDTH));
    for value in values {
        value.put(out);
    }
}

/// A value of a fixed width.
pub(super) trait Fixed: Copy {
    /// Its bytes.
    const WIDTH: usize;

    fn put(self, out: &mut Vec<u8>);

    /// All values that `bytes` hold; a rest that is too short for one is left out.
    fn read_all(bytes: &[u8]) -> Box<[Self]>;
}

macro_rules! fixed_integer {
    ($($integer:ty),*) => {$(
        impl Fixed for $integer {
            const WIDTH: usize = size_of::<$integer>();

            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read_all(bytes: &[u8]) -> Box<[Self]> {
                let (chunks, _) = bytes.as_chunks();
                chunks.iter().map(|chunk| <$integer>::from_le_bytes(*chunk)).collect()
            }
        }
    )*};
}

fixed_integer!(u8, u16, u32, u64, u128);

impl<const N: usize> Fixed for [u8; N] {
    const WIDTH: usize = N;

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self);
    }

    fn read_all(bytes: &[u8]) -> Box<[Self]> {
        bytes.as_chunks().0.into()
    }
}
