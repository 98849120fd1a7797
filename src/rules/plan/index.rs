//! The tables in which the value of one field is looked up for all steps of a plan at once.

use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;

use crate::hash::Map;
use crate::rules::compile::{FoldCase, KeyIs};
use crate::rules::fields::{FieldRef, Scene, Value};

/// A text that is looked for, or looked in.
type Bytes = Box<[u8]>;

/// The entries of the plan that something finds.
type Found = Box<[usize]>;

/// Everything that gates look for in one field, with the entries of the plan that each of it finds.
#[derive(Debug)]
pub(super) struct FieldIndex {
    field: FieldRef,
    texts: Option<Map<Bytes, Found>>,
    starts: Option<Starts>,
    /// Of texts read backwards.
    ends: Option<Starts>,
    parts: Option<Parts>,
    /// Without regard to case.
    folded: Option<Parts>,
    numbers: Option<Map<i64, Found>>,
    nets: Option<Nets>,
}

/// A [`FieldIndex`] that is being made.
#[derive(Debug)]
pub(super) struct IndexBuilder {
    pub(super) field: FieldRef,
    keys: Vec<(KeyIs, usize)>,
}

impl IndexBuilder {
    pub(super) fn new(field: FieldRef) -> IndexBuilder {
        IndexBuilder { field, keys: Vec::new() }
    }

    /// What `key` says finds `entry`.
    pub(super) fn add(&mut self, key: &KeyIs, entry: usize) {
        self.keys.push((key.clone(), entry));
    }

    pub(super) fn finish(mut self) -> FieldIndex {
        self.keys.sort();
        self.keys.dedup();
        let mut texts = Map::default();
        let mut numbers = Map::default();
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        let (mut parts, mut folded, mut nets) = (Vec::new(), Vec::new(), Vec::new());
        for group in self.keys.chunk_by(|a, b| a.0 == b.0) {
            let Some((key, _)) = group.first() else { continue };
            let entries: Found = group.iter().map(|(_, entry)| *entry).collect();
            match key {
                KeyIs::Text(text) => drop(texts.insert(text.clone(), entries)),
                KeyIs::Number(number) => drop(numbers.insert(*number, entries)),
                KeyIs::Net(net) => nets.push((*net, entries)),
                KeyIs::Start(text) => starts.push((text.clone(), entries)),
                KeyIs::End(text) => ends.push((text.iter().rev().copied().collect(), entries)),
                KeyIs::Part(text, FoldCase::No) => parts.push((text.clone(), entries)),
                KeyIs::Part(text, FoldCase::Yes) => folded.push((text.clone(), entries)),
            }
        }
        FieldIndex {
            field: self.field,
            texts: (!texts.is_empty()).then_some(texts),
            starts: Starts::new(starts),
            ends: Starts::new(ends),
            parts: Parts::new(parts, FoldCase::No),
            folded: Parts::new(folded, FoldCase::Yes),
            numbers: (!numbers.is_empty()).then_some(numbers),
            nets: Nets::new(nets),
        }
    }
}

impl FieldIndex {
    /// Calls `found` with the entries that the field's value finds, perhaps with some of them twice.
    pub(super) fn find(&self, scene: &Scene<'_>, found: &mut dyn FnMut(&[usize])) {
        let Some(value) = scene.seen(self.field) else { return };
        match &*value {
            Value::Text(text) => self.find_text(text, found),
            Value::Word(word) => self.find_text(word.as_bytes(), found),
            Value::Words(words) => words.iter().for_each(|word| self.find_text(word.as_bytes(), found)),
            Value::Texts(texts) => texts.iter().for_each(|text| self.find_text(text, found)),
            Value::Int(number) => self.find_number(*number, found),
            Value::Ints(numbers) => numbers.iter().for_each(|number| self.find_number(*number, found)),
            Value::Ip(addr) => self.find_addr(*addr, found),
            Value::Ips(addrs) => addrs.iter().for_each(|addr| self.find_addr(*addr, found)),
            Value::Endpoint(addr) => self.find_addr(addr.ip(), found),
            Value::Bool(_) => {}
        }
    }

    fn find_text(&self, text: &[u8], found: &mut dyn FnMut(&[usize])) {
        if let Some(entries) = self.texts.as_ref().and_then(|texts| texts.get(text)) {
            found(entries);
        }
        if let Some(starts) = &self.starts {
            starts.find(|start| start.cmp(text.get(..start.len()).unwrap_or(text)), found);
        }
        if let Some(ends) = &self.ends {
            // Compares as if both were read backwards, without turning the text around.
            let order = |end: &[u8]| {
                let tail = text.iter().rev().take(end.len());
                end.iter().cmp(tail)
            };
            ends.find(order, found);
        }
        for parts in [&self.parts, &self.folded].into_iter().flatten() {
            parts.find(text, found);
        }
    }

    fn find_number(&self, number: i64, found: &mut dyn FnMut(&[usize])) {
        if let Some(entries) = self.numbers.as_ref().and_then(|numbers| numbers.get(&number)) {
            found(entries);
        }
    }

    fn find_addr(&self, addr: IpAddr, found: &mut dyn FnMut(&[usize])) {
        if let Some(nets) = &self.nets {
            nets.find(addr, found);
        }
    }
}

/// Texts that others may start with, in their order.
#[derive(Debug)]
struct Starts(Box<[Start]>);

#[derive(Debug)]
struct Start {
    text: Bytes,
    /// The longest other one that this one starts with.
    parent: Option<usize>,
    entries: Found,
}

impl Starts {
    fn new(mut texts: Vec<(Bytes, Found)>) -> Option<Starts> {
        texts.sort();
        let mut starts: Vec<Start> = Vec::with_capacity(texts.len());
        for (text, entries) in texts {
            // Whatever this one starts with stands before it, and the last one before it starts with that as well.
            let mut parent = starts.len().checked_sub(1);
            while let Some(start) = parent.and_then(|at| starts.get(at))
                && !text.starts_with(&start.text)
            {
                parent = start.parent;
            }
            starts.push(Start { text, parent, entries });
        }
        (!starts.is_empty()).then(|| Starts(starts.into()))
    }

    /// Calls `found` for each that a text starts with. `order` compares one with as much of the text as it is long.
    fn find(&self, order: impl Fn(&[u8]) -> std::cmp::Ordering, found: &mut dyn FnMut(&[usize])) {
        // The last that does not come after the text; all that the text starts with are it or what it starts with.
        let after = self.0.partition_point(|start| order(&start.text).is_le());
        let mut at = after.checked_sub(1);
        let mut matches = false;
        while let Some(start) = at.and_then(|at| self.0.get(at)) {
            matches = matches || order(&start.text).is_eq();
            if matches {
                found(&start.entries);
            }
            at = start.parent;
        }
    }
}

/// Texts that others may contain.
#[derive(Debug)]
struct Parts {
    automaton: AhoCorasick,
    /// By pattern.
    entries: Box<[Found]>,
}

impl Parts {
    fn new(parts: Vec<(Bytes, Found)>, fold_case: FoldCase) -> Option<Parts> {
        if parts.is_empty() {
            return None;
        }
        let (texts, entries): (Vec<Bytes>, Vec<Found>) = parts.into_iter().unzip();
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(fold_case == FoldCase::Yes);
        // Each text alone could be searched for, and all together are bounded by the files they come from.
        let automaton = builder.build(texts).ok()?;
        Some(Parts { automaton, entries: entries.into() })
    }

    fn find(&self, text: &[u8], found: &mut dyn FnMut(&[usize])) {
        for hit in self.automaton.find_overlapping_iter(text) {
            if let Some(entries) = self.entries.get(hit.pattern().as_usize()) {
                found(entries);
            }
        }
    }
}

/// Prefixes of addresses, by length and bits.
#[derive(Debug)]
struct Nets {
    by_net: Map<IpNet, Found>,
    /// The lengths that there are.
    v4: Box<[u8]>,
    v6: Box<[u8]>,
}

impl Nets {
    fn new(nets: Vec<(IpNet, Found)>) -> Option<Nets> {
        if nets.is_empty() {
            return None;
        }
        let lengths = |v4: bool| {
            let mut lengths: Vec<u8> = nets
                .iter()
                .filter(|(net, _)| matches!(net, IpNet::V4(_)) == v4)
                .map(|(net, _)| net.prefix_len())
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths.into_boxed_slice()
        };
        let (v4, v6) = (lengths(true), lengths(false));
        let mut by_net = Map::default();
        for (net, entries) in nets {
            by_net.insert(net, entries);
        }
        Some(Nets { by_net, v4, v6 })
    }

    fn find(&self, addr: IpAddr, found: &mut dyn FnMut(&[usize])) {
        let lengths = match addr {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        for length in lengths {
            let net = IpNet::new(addr, *length).ok();
            if let Some(entries) = net.and_then(|net| self.by_net.get(&net.trunc())) {
                found(entries);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fields::FieldId;

    fn index(keys: &[KeyIs]) -> FieldIndex {
        let mut builder = IndexBuilder::new(FieldRef { id: FieldId::FdName, index: None });
        for (entry, key) in keys.iter().enumerate() {
            builder.add(key, entry);
        }
        builder.finish()
    }

    fn found(index: &FieldIndex, text: &str) -> Vec<usize> {
        let mut all = Vec::new();
        index.find_text(text.as_bytes(), &mut |entries| all.extend_from_slice(entries));
        all.sort_unstable();
        all.dedup();
        all
    }

    fn bytes(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn a_text_finds_all_that_it_starts_with_and_nothing_else() {
        let starts = ["/etc", "/etc/ssh", "/etc/ssh/keys", "/etd", "", "/e", "/etc-", "/x"];
        let index = index(&starts.map(|start| KeyIs::Start(bytes(start))));
        for (text, expected) in [
            ("", &[4][..]),
            ("/", &[4]),
            ("/e", &[4, 5]),
            ("/etc", &[0, 4, 5]),
            ("/etc/sshd", &[0, 1, 4, 5]),
            ("/etc/ssh/keys/a", &[0, 1, 2, 4, 5]),
            ("/etcetera", &[0, 4, 5]),
            ("/ez", &[4, 5]),
            ("/w", &[4]),
            ("zzz", &[4]),
        ] {
            assert_eq!(found(&index, text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_finds_all_that_it_ends_with_and_nothing_else() {
        let ends = [".so", "a.so", ".so.6", "o", "xso"];
        let index = index(&ends.map(|end| KeyIs::End(bytes(end))));
        for (text, expected) in
            [("liba.so", &[0, 1, 3][..]), (".so", &[0, 3]), ("x.so.6", &[2]), ("so", &[3]), ("", &[])]
        {
            assert_eq!(found(&index, text), expected, "{text}");
        }
    }

    #[test]
    fn parts_are_found_where_they_overlap_with_and_without_case() {
        let part = |text: &str, fold_case| KeyIs::Part(bytes(text), fold_case);
        let index = index(&[
            part("abc", FoldCase::No),
            part("bcd", FoldCase::No),
            part("b", FoldCase::No),
            part("BC", FoldCase::Yes),
            part("BC", FoldCase::No),
        ]);
        for (text, expected) in
            [("abcd", &[0, 1, 2, 3][..]), ("aBCd", &[3, 4]), ("b", &[2]), ("c", &[]), ("xbcdbcd", &[1, 2, 3])]
        {
            assert_eq!(found(&index, text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_finds_the_same_text_under_every_key_that_says_it() {
        let index = index(&[KeyIs::Text(bytes("a")), KeyIs::Start(bytes("a")), KeyIs::Text(bytes("a"))]);
        assert_eq!(found(&index, "a"), [0, 1, 2]);
        assert_eq!(found(&index, "ab"), [1]);
    }

    #[test]
    fn an_address_finds_the_prefixes_that_it_lies_in_of_its_own_family() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "::/0", "fe80::/10"];
        let index = index(&nets.map(|net| KeyIs::Net(net.parse().unwrap())));
        for (addr, expected) in [
            ("10.1.2.3", &[0, 1, 2, 3][..]),
            ("10.1.2.4", &[0, 1, 3]),
            ("10.2.0.1", &[0, 3]),
            ("11.0.0.1", &[3]),
            ("fe80::1", &[4, 5]),
            ("::ffff:10.1.2.3", &[4]),
        ] {
            let mut all = Vec::new();
            index.find_addr(addr.parse().unwrap(), &mut |entries| all.extend_from_slice(entries));
            all.sort_unstable();
            assert_eq!(all, expected, "{addr}");
        }
    }

    #[test]
    fn numbers_are_found_by_value() {
        let index = index(&[KeyIs::Number(443), KeyIs::Number(-1), KeyIs::Number(443)]);
        let mut all = Vec::new();
        index.find_number(443, &mut |entries| all.extend_from_slice(entries));
        index.find_number(80, &mut |entries| all.extend_from_slice(entries));
        assert_eq!(all, [0, 2]);
    }
}
