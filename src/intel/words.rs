//! Texts that are looked up whole: names of programs, hosts, URLs. Sorted in one piece of memory.

use super::bytes::{Reader, put_count, put_many, put_slice};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;
use super::table::said_of;

/// Sorted texts, with what is said of each.
#[derive(Debug, Default)]
pub(super) struct Words {
    text: Box<[u8]>,
    /// Where each text ends; it begins where the one before it ends.
    ends: Box<[u32]>,
    said: Box<[u32]>,
}

impl Words {
    /// Of texts that are sorted and different; together they have less than 4 GiB.
    pub(super) fn new<'a>(words: impl Iterator<Item = &'a [u8]>, said: Box<[u32]>) -> Words {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(said.len());
        for word in words {
            text.extend_from_slice(word);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Words { text: text.into(), ends: ends.into(), said }
    }

    fn word(&self, at: usize) -> Option<&[u8]> {
        let from = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(usize::try_from(from).ok()?..usize::try_from(*self.ends.get(at)?).ok()?)
    }

    /// What is said of a text.
    pub(super) fn get(&self, text: &[u8]) -> Option<SaidIx> {
        let (mut from, mut to) = (0, self.ends.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match self.word(middle)?.cmp(text) {
                std::cmp::Ordering::Less => from = middle.saturating_add(1),
                std::cmp::Ordering::Equal => return self.said.get(middle).copied().map(SaidIx),
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len().saturating_add(size_of_val(&*self.ends)).saturating_add(size_of_val(&*self.said))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_slice(out, &self.text);
        put_count(out, self.ends.len());
        put_many(out, &self.ends);
        put_many(out, &self.said);
    }

    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<Words, SnapshotError> {
        let text = reader.slice()?.into();
        let count = reader.count()?;
        let ends = reader.many::<u32>(count)?;
        let said = said_of(reader, count, numbers)?;
        let words = Words { text, ends, said };
        let in_order = (0..count).all(|at| match (words.word(at), at.checked_sub(1)) {
            (Some(_), None) => true,
            (Some(word), Some(before)) => words.word(before).is_some_and(|before| before < word),
            (None, _) => false,
        });
        let end = words.ends.last().map_or(Some(0), |end| usize::try_from(*end).ok());
        if !in_order || end != Some(words.text.len()) {
            return Err(SnapshotError::Inconsistent("texts are not in order"));
        }
        Ok(words)
    }
}
