//! Tables: abuse.ch's, CrowdSec's, and those whose header or columns tell.
//!
//! abuse.ch separates with `", "`, a quote after a blank, which no strict reader of CSV takes: hence a splitter of our
//! own. A row may run over several lines inside of quotes, within a bound.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::format::Format;
use super::super::read::{Column, Columns, Declared, Ending, FeedError, Options, Sink, Skip, Why, is_null};
use super::super::record::Record;
use super::super::sniff::Sample;
use super::super::{value, when};
use super::lines::{Claim, comment};
use super::{Line, Lines};
use crate::event::{Nanos, Time};

/// The most columns that are looked at.
const MAX_COLUMNS: usize = 256;
/// The most lines that one row runs over, and the most quotes that one line may leave open for.
const MAX_ROW_LINES: usize = 16;

/// Where things stand in a row, by column from 0.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Layout {
    delimiter: u8,
    /// Whether the first row of data names the columns.
    header_row: bool,
    values: Vec<usize>,
    port: Option<usize>,
    scope: Option<usize>,
    tags: Vec<usize>,
    confidence: Option<usize>,
    first_seen: Option<usize>,
    last_seen: Option<usize>,
    expires: Option<usize>,
    duration: Option<usize>,
}

/// The table's form and layout, if it is a table.
pub(in super::super) fn told(sample: &Sample<'_>, options: &Options) -> Option<(Format, Layout)> {
    if let Some(columns) = &options.columns {
        return configured(columns, sample).map(|layout| (Format::Csv, layout));
    }
    for delimiter in [b',', b';', b'\t', b'|'] {
        if let Some(header) = header(sample, delimiter)
            && let Some(format) = known(&header.names)
        {
            return Some((format, by_names(format, &header, delimiter)));
        }
    }
    generic(sample).map(|layout| (Format::Csv, layout))
}

/// The layout of a table whose form was named.
pub(in super::super) fn layout(format: Format, sample: &Sample<'_>, options: &Options) -> Option<Layout> {
    if let (Format::Csv, Some(columns)) = (format, &options.columns) {
        return configured(columns, sample);
    }
    let header = header(sample, b',');
    match (format, header) {
        (Format::Csv, _) => generic(sample),
        (_, Some(header)) => {
            let layout = by_names(format, &header, b',');
            (!layout.values.is_empty()).then_some(layout)
        }
        // An empty list may have lost its header with its entries.
        (_, None) if sample.data.is_empty() => Some(Layout { delimiter: b',', ..Layout::default() }),
        (_, None) => generic(sample),
    }
}

struct Header {
    /// Names in lower case, letters and digits only.
    names: Vec<String>,
    /// Whether it is a row of data and not a comment.
    is_row: bool,
}

fn header(sample: &Sample<'_>, delimiter: u8) -> Option<Header> {
    let names = |line: &str| -> Option<Vec<String>> {
        let fields = split(line, delimiter)?;
        if fields.len() < 2 || fields.iter().any(|field| value::indicator(field).is_some()) {
            return None;
        }
        let names: Vec<String> = fields.iter().map(|field| normal(field)).collect();
        let is_known = |name: &String| {
            value::NAMES.contains(&name.as_str()) || name == "listingreason" || name == "ja3md5"
        };
        names.iter().any(is_known).then_some(names)
    };
    // The last comment that is a header stands next to the data.
    let commented = sample.comments.iter().rev().find_map(|line| names(line));
    if let Some(names) = commented {
        return Some(Header { names, is_row: false });
    }
    let names = names(sample.data.first()?)?;
    Some(Header { names, is_row: true })
}

/// A column's name without what publishers change about it.
fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The publisher whose columns these are.
fn known(names: &[String]) -> Option<Format> {
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("listingreason") || has("ja3md5") {
        return Some(Format::SslblCertificates);
    }
    if has("dstip") && has("dstport") {
        let feodo = has("malware") || has("c2status") || has("lastonline");
        return Some(if feodo { Format::FeodoCsv } else { Format::SslblCsv });
    }
    if has("iocvalue") && has("ioctype") {
        return Some(Format::ThreatfoxCsv);
    }
    if has("url") && (has("urlhauslink") || has("urlstatus")) {
        return Some(Format::UrlhausCsv);
    }
    if has("sha256hash") && has("md5hash") && has("sha1hash") {
        return Some(Format::BazaarCsv);
    }
    (has("scope") && has("value") && has("duration")).then_some(Format::CrowdsecCsv)
}

fn by_names(format: Format, header: &Header, delimiter: u8) -> Layout {
    let find = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| header.names.iter().position(|name| name == wanted))
    };
    let values: Vec<usize> = if format == Format::BazaarCsv {
        ["sha256hash", "md5hash", "sha1hash"].iter().filter_map(|name| find(&[name])).collect()
    } else {
        find(&value::NAMES).into_iter().collect()
    };
    let tags = [
        "malwareprintable",
        "malware",
        "malwarefamily",
        "family",
        "signature",
        "threat",
        "tags",
        "reason",
        "scenario",
    ];
    Layout {
        delimiter,
        header_row: header.is_row,
        values,
        port: find(&["dstport", "port", "destport"]),
        scope: find(&["scope"]),
        tags: tags.iter().filter_map(|name| find(&[name])).collect(),
        confidence: find(&["confidencelevel", "confidence"]),
        first_seen: find(&["firstseenutc", "firstseen", "dateadded", "validfrom"]),
        last_seen: find(&["lastseenutc", "lastseen", "lastonline"]),
        expires: find(&["validuntil", "expires", "expiration", "expirationtime"]),
        duration: find(&["duration"]),
    }
}

fn configured(columns: &Columns, sample: &Sample<'_>) -> Option<Layout> {
    let delimiter = columns.delimiter.unwrap_or(b',');
    let header_of = |line: &&str| -> Option<Vec<String>> {
        let fields = split(line, delimiter)?;
        Some(fields.iter().map(|field| normal(field)).collect())
    };
    let named = |column: &Column, names: &[String]| match column {
        Column::Index(at) => Some(*at),
        Column::Name(name) => names.iter().position(|known| *known == normal(name)),
    };
    let value = columns.value.as_ref()?;
    let first = sample.data.first().and_then(header_of);
    let in_first = first.as_deref().and_then(|names| named(value, names));
    let in_comment = || {
        let names = sample.comments.iter().rev().filter_map(header_of);
        names.into_iter().find(|names| matches!(value, Column::Name(_)) && named(value, names).is_some())
    };
    let (names, header_row) = match (value, in_first) {
        (Column::Name(_), Some(_)) => (first?, true),
        (Column::Name(_), None) => (in_comment()?, false),
        (Column::Index(at), _) => {
            let names = first.unwrap_or_default();
            let field = sample
                .data
                .first()
                .and_then(|line| Some(split(line, delimiter)?.get(*at)?.clone().into_owned()));
            let is_header =
                field.is_some_and(|field| value::indicator(&field).is_none() && !field.contains(['.', ':']));
            (names, is_header)
        }
    };
    let of = |column: &Option<Column>| column.as_ref().and_then(|column| named(column, &names));
    Some(Layout {
        delimiter,
        header_row,
        values: vec![named(value, &names)?],
        port: of(&columns.port),
        scope: None,
        tags: columns.tags.iter().filter_map(|column| named(column, &names)).collect(),
        confidence: of(&columns.confidence),
        first_seen: of(&columns.first_seen),
        last_seen: of(&columns.last_seen),
        expires: of(&columns.expires),
        duration: None,
    })
}

/// A table of nobody that is known: a header that tells, or the first column that is indicators.
fn generic(sample: &Sample<'_>) -> Option<Layout> {
    let delimiter = [b',', b';', b'\t', b'|'].into_iter().find(|delimiter| {
        let tabular = |line: &&&str| split(line, *delimiter).is_some_and(|fields| fields.len() >= 2);
        let rows = sample.data.iter().filter(tabular).count();
        !sample.data.is_empty() && rows.saturating_mul(5) >= sample.data.len().saturating_mul(4)
    })?;
    let rows: Vec<_> = sample.data.iter().filter_map(|line| split(line, delimiter)).collect();
    let share = |column: usize| {
        let fields = rows.iter().filter_map(|row| row.get(column));
        fields.filter(|field| value::indicator(&value::refang(field)).is_some()).count()
    };
    let is_most = |hits: usize| hits.saturating_mul(2) >= rows.len();
    let header = header(sample, delimiter);
    let is_value = |name: &String| value::NAMES.contains(&name.as_str());
    let named = header.as_ref().and_then(|header| {
        let mut columns = header.names.iter().enumerate().filter(|(_, name)| is_value(name));
        columns.find(|(column, _)| is_most(share(*column))).map(|(column, _)| column)
    });
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let value = named.or_else(|| (0..width).find(|column| is_most(share(*column))))?;
    let mut layout = match &header {
        Some(header) => by_names(Format::Csv, header, delimiter),
        None => Layout { delimiter, ..Layout::default() },
    };
    let field = rows.first().and_then(|row| row.get(value));
    layout.header_row =
        field.is_some_and(|field| value::indicator(field).is_none() && !field.contains(['.', ':', '/']));
    layout.values = vec![value];
    layout.tags.retain(|column| *column != value);
    // Other digests of the same file.
    let is_digest = |column: usize| {
        let fields = rows.iter().filter_map(|row| row.get(column));
        is_most(fields.filter(|field| value::hash(field).is_some()).count())
    };
    if is_digest(value) {
        layout.values.extend((0..width).filter(|column| *column != value && is_digest(*column)));
    }
    if header.is_none() {
        layout.port = value.checked_add(1).filter(|column| is_ports(&rows, *column));
    }
    Some(layout)
}

/// Whether a column without a name is of ports: all of them may be, and most are no score or count.
fn is_ports(rows: &[Vec<Cow<'_, str>>], column: usize) -> bool {
    let fields: Vec<&str> = rows.iter().filter_map(|row| row.get(column)).map(|field| &**field).collect();
    let ports: Vec<u16> = fields.iter().filter_map(|field| value::port(field)).collect();
    let high = ports.iter().filter(|port| **port >= 1024).count();
    !ports.is_empty() && ports.len() == rows.len() && high.saturating_mul(2) >= ports.len()
}

/// Reads a table.
pub(super) fn read(
    format: Format,
    layout: &Layout,
    bytes: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), FeedError> {
    let mut declared = None;
    let mut rows = 0_u64;
    let mut header = layout.header_row;
    let mut lines = Lines::new(bytes, sink.options.limits.line);
    while let Some(line) = lines.next() {
        match line? {
            Line::Blank => sink.blank(),
            Line::NotText(number) => {
                rows = rows.saturating_add(1);
                sink.unparsed(number, "", Why::NotText);
            }
            Line::Comment(_, text) => {
                sink.comment();
                comment(text, sink, &mut declared);
                if text.trim_matches(['#', ' ']).starts_with("END") {
                    sink.ending(Ending::Marked);
                }
            }
            Line::Data(number, text) => {
                if std::mem::take(&mut header) {
                    continue;
                }
                rows = rows.saturating_add(1);
                let whole = joined(text, &mut lines);
                match split(&whole, layout.delimiter) {
                    Some(fields) => row(format, layout, number, &fields, sink),
                    None => sink.unparsed(number, text, Why::NotARecord),
                }
            }
        }
        if sink.is_full() {
            break;
        }
    }
    let has_end =
        matches!(format, Format::FeodoCsv | Format::SslblCsv | Format::ThreatfoxCsv | Format::BazaarCsv);
    match declared {
        Some(Claim::Entries(declared)) => {
            sink.declare(Declared::Entries { declared, found: rows });
            sink.ending(Ending::Marked);
        }
        Some(Claim::Addresses(_)) => {}
        None if has_end && !sink.is_marked() => sink.ending(Ending::Missing),
        None => {}
    }
    Ok(())
}

/// A row with the lines that its open quotes run over. Where they do not close soon, the lines stay where they are.
fn joined<'b>(text: &'b str, lines: &mut Lines<'b>) -> Cow<'b, str> {
    let odd = |text: &str| text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    if !odd(text) {
        return Cow::Borrowed(text);
    }
    let mut ahead = lines.clone();
    let mut whole = text.to_owned();
    for _ in 0..MAX_ROW_LINES {
        let Some(Ok(Line::Data(_, next) | Line::Comment(_, next))) = ahead.next() else {
            break;
        };
        whole.push('\n');
        whole.push_str(next);
        if odd(next) {
            *lines = ahead;
            return Cow::Owned(whole);
        }
    }
    Cow::Borrowed(text)
}

fn row(format: Format, layout: &Layout, number: u32, fields: &[Cow<'_, str>], sink: &mut Sink<'_>) {
    let field = |column: Option<usize>| {
        column.and_then(|column| fields.get(column)).map(|field| field.trim()).filter(|field| !is_null(field))
    };
    if format == Format::SslblCertificates {
        return sink.skip(Skip::KindNotUsed);
    }
    if let Some(scope) = field(layout.scope)
        && !is_address_scope(scope)
    {
        return sink.skip(Skip::KindNotUsed);
    }
    let mut tags = Vec::new();
    for column in &layout.tags {
        if let Some(list) = field(Some(*column)) {
            sink.tag_list(list, &mut tags);
        }
    }
    let said = Said {
        tags,
        confidence: field(layout.confidence).and_then(|text| text.parse().ok()).filter(|sure| *sure <= 100),
        first_seen: field(layout.first_seen).and_then(when::parse),
        last_seen: field(layout.last_seen).and_then(when::parse),
        expires: field(layout.expires)
            .and_then(when::parse)
            .or_else(|| after(sink.options.now, field(layout.duration)?)),
    };
    let mut found = false;
    for column in &layout.values {
        let Some(text) = field(Some(*column)) else {
            continue;
        };
        found = true;
        match field(layout.port) {
            Some(port) => sink.endpoint(number, text, port, |record| said.dress(record)),
            None => sink.value(number, text, |record| said.dress(record)),
        }
    }
    if !found {
        sink.unparsed(number, fields.first().map_or("", |field| field), Why::NoValue);
    }
}

/// What an entry says of its indicators.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) tags: Vec<Arc<str>>,
    pub(super) confidence: Option<u8>,
    pub(super) first_seen: Option<Time>,
    pub(super) last_seen: Option<Time>,
    pub(super) expires: Option<Time>,
}

impl Said {
    pub(super) fn dress(&self, record: &mut Record) {
        record.tags.clone_from(&self.tags);
        record.confidence = self.confidence;
        record.first_seen = self.first_seen;
        record.last_seen = self.last_seen;
        record.expires = self.expires;
    }
}

/// The end of something that lasts so long from `now` on.
pub(super) fn after(now: Option<Time>, duration: &str) -> Option<Time> {
    Some(now?.after(Nanos(when::duration(duration)?)))
}

/// Whether CrowdSec's scope is one of addresses; the others are countries and networks by number.
pub(super) fn is_address_scope(scope: &str) -> bool {
    scope.eq_ignore_ascii_case("ip") || scope.eq_ignore_ascii_case("range")
}

/// The fields of a row; `None` where a quote is left open.
fn split(text: &str, delimiter: u8) -> Option<Vec<Cow<'_, str>>> {
    let delimiter = char::from(delimiter);
    let blanks: &[char] = if delimiter == '\t' { &[' '] } else { &[' ', '\t'] };
    let mut fields = Vec::new();
    let mut rest = text;
    while fields.len() < MAX_COLUMNS {
        rest = rest.trim_start_matches(blanks);
        let (field, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner)?,
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                let (field, after) = rest.split_at_checked(end)?;
                (Cow::Borrowed(field.trim_end()), after)
            }
        };
        fields.push(field);
        match after.find(delimiter).and_then(|at| after.split_at_checked(at)) {
            Some((_, next)) => rest = next.strip_prefix(delimiter).unwrap_or_default(),
            None => break,
        }
    }
    Some(fields)
}

/// A field up to its closing quote, two quotes being one, and what is behind it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (first, mut rest) = text.split_once('"')?;
    let mut field = Cow::Borrowed(first);
    while let Some(more) = rest.strip_prefix('"') {
        let (next, after) = more.split_once('"')?;
        let whole = field.to_mut();
        whole.push('"');
        whole.push_str(next);
        rest = after;
    }
    Some((field, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<String> {
        split(text, b',').unwrap().into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn quotes_after_blanks_are_quotes() {
        assert_eq!(fields(r#""a", "b,c" , d e,"""x"", y","""#), ["a", "b,c", "d e", "\"x\", y", ""]);
        assert_eq!(fields("a,,b,"), ["a", "", "b", ""]);
        assert_eq!(split("a,\"b", b','), None);
    }
}
