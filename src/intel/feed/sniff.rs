//! What form a file has, told from its bytes.
//!
//! Forms that look like lists and are not (zone files, firewall scripts, rules of other tools) are refused by name:
//! half of their words would parse, as the wrong thing.

use serde_json::Value;

use super::format::{Family, Format};
use super::formats::csv::{self, Layout};
use super::formats::{Line, json, lines};
use super::read::{FeedError, Options};

/// How many lines of data are looked at.
const SAMPLE: usize = 400;
/// How many lines are looked at altogether: banners and references can be long.
const MAX_LOOK: usize = 20_000;

/// A file whose form is known.
pub(super) struct Shape {
    pub(super) format: Format,
    pub(super) body: Body,
}

/// The file, as far as telling its form had to read it.
pub(super) enum Body {
    Lines,
    Csv(Layout),
    Json(Value),
    JsonLines,
    Yaml,
}

/// The bytes without a byte order mark, if they can be text at all.
pub(super) fn text(bytes: &[u8]) -> Result<&[u8], FeedError> {
    const BINARY: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "gzip, to be unpacked first"),
        (b"PK\x03\x04", "ZIP, to be unpacked first"),
        (b"\x28\xb5\x2f\xfd", "Zstandard, to be unpacked first"),
        (b"BZh", "bzip2, to be unpacked first"),
        (b"\xfd7zXZ", "xz, to be unpacked first"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
        (b"%PDF", "PDF"),
        (b"\x7fELF", "a program"),
    ];
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some((_, what)) = BINARY.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(FeedError::NotText(what));
    }
    // Half of UTF-16 is NULs, and so is the end of a file that a crash left unfinished.
    if bytes.contains(&0) {
        return Err(FeedError::NotText("it has NUL bytes"));
    }
    let head = bytes.get(..4096).unwrap_or(bytes).trim_ascii_start();
    if head.first() == Some(&b'<') {
        let head = String::from_utf8_lossy(head.get(..256).unwrap_or(head)).to_ascii_lowercase();
        let xml = head.starts_with("<?xml") && !head.contains("<html") && !head.contains("<!doctype html");
        return Err(if xml { FeedError::Form("XML") } else { FeedError::Html });
    }
    Ok(bytes)
}

/// Tells the form, or prepares the form that was named.
pub(super) fn shape(bytes: &[u8], format: Option<Format>, options: &Options) -> Result<Shape, FeedError> {
    if json::looks_like(bytes) {
        return json_shape(bytes, format, options);
    }
    if has_page(bytes) {
        return Err(FeedError::Html);
    }
    let sample = Sample::take(bytes);
    refuse_other_forms(&sample)?;
    if let Some(format) = format {
        return named(format, &sample, options);
    }
    told(&sample, options)
}

/// Whether a page for people begins somewhere in the file: a front that failed in the middle of sending it.
fn has_page(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<head>"];
    let begins =
        |line: &[u8], with: &[u8]| line.get(..with.len()).is_some_and(|line| line.eq_ignore_ascii_case(with));
    bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii_start)
        .any(|line| line.first() == Some(&b'<') && BEGINNINGS.iter().any(|with| begins(line, with)))
}

fn json_shape(bytes: &[u8], format: Option<Format>, options: &Options) -> Result<Shape, FeedError> {
    if bytes.len() > options.limits.json_bytes {
        return Err(FeedError::TooLarge { bytes: bytes.len(), limit: options.limits.json_bytes });
    }
    let (told, body) = match json::document(bytes)? {
        Some(document) => (json::told(&document, options), Body::Json(document)),
        None => (json::told_lines(bytes), Body::JsonLines),
    };
    let format = match (format, told) {
        (None, Some(told)) => told,
        (None, None) => return Err(FeedError::Unrecognised("JSON without entries that are known")),
        (Some(named), told)
            if told == Some(named) || named == Format::Json || named.family() == Family::Json =>
        {
            named
        }
        (Some(format), _) => return Err(FeedError::NotThisFormat { format, why: "it is JSON" }),
    };
    Ok(Shape { format, body })
}

fn named(format: Format, sample: &Sample<'_>, options: &Options) -> Result<Shape, FeedError> {
    let not = |why| Err(FeedError::NotThisFormat { format, why });
    let body = match format.family() {
        Family::Lines => Body::Lines,
        Family::Csv => match csv::layout(format, sample, options) {
            Some(layout) => Body::Csv(layout),
            None => return not("no header and no column of indicators"),
        },
        Family::Yaml => Body::Yaml,
        Family::Json => return not("it is not JSON"),
    };
    Ok(Shape { format, body })
}

/// Tells the form of a file of lines: by what only one form has, then by what most of its lines are.
fn told(sample: &Sample<'_>, options: &Options) -> Result<Shape, FeedError> {
    if sample.data.iter().any(|line| line.starts_with("- list:")) {
        return Ok(Shape { format: Format::FalcoLists, body: Body::Yaml });
    }
    if let Some(format) = lines::told(sample) {
        return Ok(Shape { format, body: Body::Lines });
    }
    if sample.most(lines::is_several) {
        return Ok(Shape { format: Format::Plain, body: Body::Lines });
    }
    if let Some((format, layout)) = csv::told(sample, options) {
        return Ok(Shape { format, body: Body::Csv(layout) });
    }
    if sample.data.is_empty() || sample.most(lines::is_entry) {
        return Ok(Shape { format: Format::Plain, body: Body::Lines });
    }
    Err(FeedError::Unrecognised("fewer than half of its lines name anything"))
}

/// Forms of other tools.
fn refuse_other_forms(sample: &Sample<'_>) -> Result<(), FeedError> {
    type Test = fn(&str) -> bool;
    const FORMS: [(&str, Test); 14] = [
        ("a DNS response policy zone", |line| {
            line.starts_with("$TTL") || line.starts_with("$ORIGIN") || has_words(line, &["IN", "SOA"])
        }),
        ("a DNS response policy zone", |line| line.ends_with(" CNAME .") || line.ends_with("\tCNAME .")),
        ("a script for ipset", |line| {
            (line.starts_with("add ")
                || line.starts_with("create ")
                || line.starts_with("-A ")
                || line.starts_with("-N "))
                && line.split_whitespace().count() >= 3
        }),
        ("a script for ipset", |line| line.starts_with("ipset ")),
        ("a script for iptables", |line| line.starts_with("iptables ") || line == "*filter"),
        ("a script for nftables", |line| {
            line.starts_with("table inet ")
                || line.starts_with("table ip ")
                || line.starts_with("add element ")
        }),
        ("rules of Suricata or Snort", |line| {
            ["alert ", "drop ", "reject "].iter().any(|word| line.starts_with(word)) && line.contains("sid:")
        }),
        ("rules of YARA", |line| line.starts_with("rule ") && !line.contains(',')),
        ("a configuration of dnsmasq", |line| line.starts_with("address=/") || line.starts_with("server=/")),
        ("a configuration of Unbound", |line| {
            line.starts_with("local-zone:") || line.starts_with("local-data:")
        }),
        ("a configuration of a web server", |line| {
            (line.starts_with("deny ") && line.ends_with(';'))
                || line.to_ascii_lowercase().starts_with("deny from ")
        }),
        ("a router's configuration", |line| {
            line.starts_with("ip route ")
                || line.starts_with("access-list ")
                || line.starts_with("/ip firewall ")
        }),
        ("a signed message", |line| line.starts_with("-----BEGIN PGP")),
        ("a pointer to a file in Git LFS", |line| line.starts_with("version https://git-lfs.")),
    ];
    for (form, test) in FORMS {
        let hits = sample.data.iter().filter(|line| test(line)).count();
        // One line may be a curiosity; in a form of its own it is the beginning or the rule.
        let first = sample.data.first().is_some_and(|line| test(line));
        if first || hits.saturating_mul(2) > sample.data.len() {
            return Err(FeedError::Form(form));
        }
    }
    Ok(())
}

fn has_words(line: &str, words: &[&str]) -> bool {
    let mut left = words.iter();
    let mut next = left.next();
    for word in line.split_whitespace() {
        if next.is_some_and(|wanted| word == *wanted) {
            next = left.next();
        }
    }
    next.is_none()
}

/// The first lines of a file.
pub(super) struct Sample<'b> {
    /// Lines of comment, without their mark and the blanks and marks around it.
    pub(super) comments: Vec<&'b str>,
    /// Lines of data, without the blanks around them.
    pub(super) data: Vec<&'b str>,
}

impl<'b> Sample<'b> {
    fn take(bytes: &'b [u8]) -> Sample<'b> {
        let mut sample = Sample { comments: Vec::new(), data: Vec::new() };
        for line in super::formats::Lines::new(bytes, usize::MAX).flatten().take(MAX_LOOK) {
            match line {
                Line::Comment(_, text) if sample.comments.len() < SAMPLE => {
                    sample.comments.push(text.trim_matches(['#', ';', '!', '/', ' ', '\t']));
                }
                Line::Data(_, text) => sample.data.push(text),
                Line::Comment(..) | Line::Blank | Line::NotText(_) => {}
            }
            if sample.data.len() >= SAMPLE {
                break;
            }
        }
        sample
    }

    /// Whether at least half of the lines of data are something.
    pub(super) fn most(&self, test: impl Fn(&str) -> bool) -> bool {
        let hits = self.data.iter().filter(|line| test(line)).count();
        !self.data.is_empty() && hits.saturating_mul(2) >= self.data.len()
    }
}
