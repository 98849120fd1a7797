//! YAML to a tree in which every value and every key knows its place.
//!
//! serde-saphyr reads the YAML and bounds it (depth, nodes, aliases); here its values become [`Node`]s. Scalars stay
//! text, whatever YAML would make of them (`yes`, `010`, `1e3`): the key that holds one decides what it means.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::fold;
use crate::hash::Map;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::source::{SourceId, Sources, Span, Spanned, Text};

/// How deep YAML may nest. A rule needs nine levels; serde recurses once for each.
const MAX_YAML_DEPTH: usize = 32;

/// How many keys, values, lists and maps a file may have, aliases unfolded: 100,000 list items and rules beside it.
const MAX_YAML_NODES: usize = 400_000;

/// A YAML value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) kind: NodeKind,
    /// Where it stands.
    pub(super) span: Span,
}

/// The forms of a YAML value.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// Nothing, `null` or `~`.
    Null,
    /// A scalar, as text.
    Text(Text),
    /// A list.
    List(Vec<Node>),
    /// A map, in the file's order, each key once.
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// What it is, in words.
    pub(super) fn form(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Text(_) => "a text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }
}

/// Reads the documents of a file.
pub(super) fn read(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let text = sources.text(source);
    let mut options = serde_saphyr::options! {
        // The nodes are counted with what aliases stand for: a hundred rules may share one list of tags.
        budget: serde_saphyr::budget! {
            max_depth: MAX_YAML_DEPTH,
            max_nodes: MAX_YAML_NODES,
            enforce_alias_anchor_ratio: false,
        },
        // Reported here, all of them and with their places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    };
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.with_snippet = false;
    match serde_saphyr::from_multiple_with_options::<serde_saphyr::Spanned<Raw>>(text, options) {
        Ok(documents) => {
            let mut reader = Reader { source, text, diagnostics };
            documents.into_iter().map(|document| reader.node(document)).collect()
        }
        Err(error) => {
            let at = place_of(&error, text);
            let said = error.without_snippet().to_string();
            let message = format!("not readable as YAML: {}", why(&said));
            let (at, help) = match tab_behind(text, at).filter(|_| said.contains("tab")) {
                Some(tab) => (tab, "indent with blanks: YAML takes no tab there"),
                None => (
                    at,
                    "a text with `: ` or ` #` in it needs quotes; lines of one block start in one column",
                ),
            };
            let span = Span::new(source, at, at.saturating_add(1));
            diagnostics.push(Diagnostic::error(codes::BAD_YAML, message, span).help(help));
            Vec::new()
        }
    }
}

/// Where the reader stopped: the offset if it says one, else that of its line and column, which count from 1.
fn place_of(error: &serde_saphyr::Error, text: &str) -> usize {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let Some(location) = error.location() else { return text.len() };
    if let Some(at) = location.span().byte_offset() {
        return number(at).min(text.len());
    }
    let mut start = 0_usize;
    for line in text.split_inclusive('\n').take(number(location.line()).saturating_sub(1)) {
        start = start.saturating_add(line.len());
    }
    let line = text.get(start..).unwrap_or("");
    let column = number(location.column()).saturating_sub(1);
    start.saturating_add(line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
}

/// What the reader says is wrong, without the places that it names in words, and its bounds in ours.
fn why(said: &str) -> String {
    let line = said.lines().next().unwrap_or("");
    if line.contains("Depth {") {
        return format!("it nests more than {MAX_YAML_DEPTH} levels deep");
    }
    if line.contains("Nodes {") {
        return format!("it has more than {MAX_YAML_NODES} keys and values, with what aliases stand for");
    }
    let end = line.find(" at line ").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).trim_end_matches(['.', ',']).to_owned()
}

/// The first tab from the line of `at` on that stands where a line is indented.
fn tab_behind(text: &str, at: usize) -> Option<usize> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let mut line_start = start;
    for line in text.get(start..)?.split_inclusive('\n') {
        let blanks = line.len().saturating_sub(line.trim_start_matches(' ').len());
        if line.get(blanks..).is_some_and(|rest| rest.starts_with('\t')) {
            return Some(line_start.saturating_add(blanks));
        }
        line_start = line_start.saturating_add(line.len());
    }
    None
}

/// A YAML value as serde sees it.
enum Raw {
    Null,
    /// A plain scalar that YAML takes for a number or a truth value: its text is in the file.
    Plain(String),
    Text(String),
    List(Vec<serde_saphyr::Spanned<Raw>>),
    Map(Vec<(serde_saphyr::Spanned<Raw>, serde_saphyr::Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Recurses as deep as the YAML, at most [`MAX_YAML_DEPTH`] levels.
    fn node(&mut self, raw: serde_saphyr::Spanned<Raw>) -> Node {
        let place = raw.defined.span();
        let start = place.byte_offset().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        let length = place.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let end = start.saturating_add(length).min(self.text.len());
        let span = Span::new(self.source, start, end);
        let written = self.text.get(start..end).unwrap_or("");
        match raw.value {
            Raw::Null => Node { kind: NodeKind::Null, span },
            Raw::Plain(value) => {
                let text = written.trim();
                // An explicit tag (`!!int "1"`) is the only way to a number in other clothes.
                let value =
                    if text.starts_with(['"', '\'', '!', '|', '>']) { value } else { text.to_owned() };
                Node { kind: NodeKind::Text(self.scalar(value, written, span, start)), span }
            }
            Raw::Text(value) => Node { kind: NodeKind::Text(self.scalar(value, written, span, start)), span },
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let span = items.last().map_or(span, |last| span.to(last.span));
                Node { kind: NodeKind::List(items), span }
            }
            Raw::Map(entries) => self.map(entries, span),
        }
    }

    fn scalar(&self, value: String, written: &str, span: Span, start: usize) -> Text {
        let places = fold::places(&value, written, start);
        Text::folded(value, span, &places)
    }

    fn map(
        &mut self,
        entries: Vec<(serde_saphyr::Spanned<Raw>, serde_saphyr::Spanned<Raw>)>,
        mut span: Span,
    ) -> Node {
        let mut map: Vec<(Spanned<String>, Node)> = Vec::with_capacity(entries.len());
        let mut seen: Map<String, Span> = Map::default();
        for (key, value) in entries {
            let key = self.node(key);
            let value = self.node(value);
            span = span.to(value.span).to(key.span);
            let NodeKind::Text(name) = key.kind else {
                let message = format!("a key must be a text, found {}", key.form());
                self.diagnostics.push(Diagnostic::error(codes::WRONG_FORM, message, key.span));
                continue;
            };
            if let Some(first) = seen.get(name.value.as_str()) {
                let message = format!("the key `{}` stands twice", name.value);
                self.diagnostics.push(
                    Diagnostic::error(codes::DUPLICATE_KEY, message, key.span)
                        .related(*first, "first here")
                        .help("remove one of them"),
                );
                continue;
            }
            seen.insert(name.value.clone(), key.span);
            map.push((Spanned::new(name.value, key.span), value));
        }
        Node { kind: NodeKind::Map(map), span }
    }
}
