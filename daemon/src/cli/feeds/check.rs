//! `sluicebox feeds check`: what a feed's file says, and what of it would be believed.
//!
//! Nothing is fetched, kept or published. Exit status: 0 all files would be accepted, 1 one would be refused whole,
//! 2 one could not be read at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use sluicebox::event::Time;
use sluicebox::intel::feed::vet::{Counts, Documentation, Empty, Lists, Policy, kinds};
use sluicebox::intel::feed::{
    Column, Columns, Declared, Defang, Ending, FeedError, Format as FeedFormat, Options, Parsed, Vetted,
    WarningList, parse, vet,
};
use sluicebox_daemon::feeds::unpack::unpack;

use super::super::{Outcome, complain};

/// The most bytes of a file, unpacked: those of the library's limit and one more, so that it says what is wrong.
const MAX_BYTES: u64 = (512 << 20) + 1;
/// How many examples of refused entries are shown.
const EXAMPLES: usize = 16;

/// Read feeds' files and say what of them would be believed, and why the rest would not
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 every file would be accepted, 1 one would be refused, 2 failure.")]
pub(super) struct Typed {
    /// How the result is printed; JSON is an object a line for each file
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The form of the files; told from their bytes if not given
    #[arg(long = "as", value_name = "FORMAT")]
    form: Option<FeedFormat>,
    /// Where values stand in CSV and JSON, such as `value=ip,port=port,tags=family,items=data.list,delimiter=;`;
    /// columns by name, or from 0
    #[arg(long, value_name = "COLUMNS")]
    columns: Option<TypedColumns>,
    /// Warninglists in MISP's form: private networks and the like reject, all others demote to hints
    #[arg(long = "warninglist", value_name = "FILE")]
    warninglists: Vec<PathBuf>,
    /// Believe addresses and names of documentation, for tests
    #[arg(long)]
    allow_documentation: bool,
    /// Make defanged values whole: `192[.]0[.]2[.]1`, `hxxp`
    #[arg(long)]
    defang: bool,
    /// A list without an entry is no error
    #[arg(long)]
    may_be_empty: bool,
    /// The files, plain or packed (gzip, zstd, ZIP); `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Columns as they are typed.
#[derive(Clone, Debug)]
struct TypedColumns(Columns);

impl FromStr for TypedColumns {
    type Err = String;

    fn from_str(typed: &str) -> Result<TypedColumns, String> {
        let mut columns = Columns::default();
        for part in typed.split(',') {
            let (key, name) = part.split_once('=').ok_or_else(|| format!("`{part}` is not KEY=COLUMN"))?;
            let column = match name.parse() {
                Ok(index) => Column::Index(index),
                Err(_) => Column::Name(name.into()),
            };
            match key {
                "value" => columns.value = Some(column),
                "port" => columns.port = Some(column),
                "tags" => columns.tags.push(column),
                "confidence" => columns.confidence = Some(column),
                "first_seen" => columns.first_seen = Some(column),
                "last_seen" => columns.last_seen = Some(column),
                "expires" => columns.expires = Some(column),
                "items" => columns.items = name.split('.').map(Into::into).collect(),
                "delimiter" => match name.as_bytes() {
                    [byte] => columns.delimiter = Some(*byte),
                    _ if name == "tab" => columns.delimiter = Some(b'\t'),
                    _ => return Err("a delimiter is one character or `tab`".to_owned()),
                },
                _ => return Err(format!("no column is called `{key}`")),
            }
        }
        if columns.value.is_none() {
            return Err("the column of the value is missing: `value=COLUMN`".to_owned());
        }
        Ok(TypedColumns(columns))
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let warning = typed.warninglists.iter().map(|path| warninglist(path)).collect::<Result<Vec<_>>>()?;
    let plan = Plan {
        format: typed.format,
        form: typed.form,
        lists: Lists { warning, allowed: Vec::new() },
        now: now(),
        options: Options {
            defang: if typed.defang { Defang::Undo } else { Defang::AsWritten },
            columns: typed.columns.map(|columns| columns.0),
            now: Some(now()),
            ..Options::default()
        },
        documentation: if typed.allow_documentation { Documentation::Allow } else { Documentation::Refuse },
        empty: if typed.may_be_empty { Empty::Allow } else { Empty::Refuse },
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut outcome = Outcome::Clean;
    for path in &typed.files {
        let result = match read(path) {
            Ok(bytes) => plan.check(&path.display().to_string(), &bytes, &mut out)?,
            Err(error) => {
                complain(&error);
                Outcome::Failed
            }
        };
        outcome = outcome.and(result);
    }
    out.flush()?;
    Ok(outcome)
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The bytes of a file, unpacked, no more than a feed may have.
fn read(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes).with_context(context)?;
    } else {
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
            .with_context(context)?;
    }
    unpack(bytes, MAX_BYTES).with_context(context)
}

/// A warninglist, called by its file; MISP's are all `list.json` in a directory with the name.
fn warninglist(path: &Path) -> Result<WarningList> {
    let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = name(path).unwrap_or_default();
    let called = match stem.as_str() {
        "list" => path.parent().and_then(name).unwrap_or(stem),
        stem => stem.trim_start_matches("warninglist-").trim_end_matches(".json").to_owned(),
    };
    match WarningList::parse(&called, &read(path)?, None) {
        Ok(list) => Ok(list),
        Err(error) => bail!("feeds: {}: {error}", path.display()),
    }
}

/// What is done with each file.
struct Plan {
    format: Format,
    form: Option<FeedFormat>,
    lists: Lists,
    now: Time,
    options: Options,
    documentation: Documentation,
    empty: Empty,
}

impl Plan {
    fn check(&self, file: &str, bytes: &[u8], out: &mut impl Write) -> Result<Outcome> {
        let report = match parse(self.form, bytes, &self.options) {
            Ok(parsed) => self.vetted(file, parsed),
            Err(error) => Report::unread(file, &error),
        };
        match self.format {
            Format::Json => writeln!(out, "{}", report.json())?,
            Format::Text => report.text(out)?,
        }
        Ok(if report.reason.is_none() { Outcome::Clean } else { Outcome::Found })
    }

    fn vetted(&self, file: &str, parsed: Parsed) -> Report {
        let mut report = Report::of(file, &parsed);
        if parsed.format.is_feed() {
            let mut policy = Policy::of(parsed.format);
            policy.documentation = self.documentation;
            policy.bounds.empty = self.empty;
            policy.defang = self.options.defang;
            report.judged(&vet(parsed, &policy, &self.lists, self.now));
        } else {
            // Part of a feed, or about feeds: there is nothing to believe in it.
            report.read = kinds(&parsed.records);
            report.note = Some("names nothing to look for");
        }
        report
    }
}

/// What is told of a file.
#[derive(Default)]
struct Report {
    file: String,
    format: Option<FeedFormat>,
    read: Counts,
    distinct: Counts,
    accepted: u64,
    refused: BTreeMap<&'static str, u64>,
    refused_total: u64,
    refused_examples: Vec<(u32, String, String)>,
    demoted: BTreeMap<String, u64>,
    demoted_total: u64,
    unparsed: u64,
    unparsed_examples: Vec<(u32, String, &'static str)>,
    skipped: BTreeMap<&'static str, u64>,
    comments: u64,
    blank: u64,
    host_bits: u64,
    declared: Option<Declared>,
    ending: Option<&'static str>,
    v4_addresses: u64,
    published: Option<Time>,
    note: Option<&'static str>,
    /// Why the file is refused: a word and a sentence.
    reason: Option<(&'static str, String)>,
}

impl Report {
    fn unread(file: &str, error: &FeedError) -> Report {
        Report { file: file.to_owned(), reason: Some((error.name(), error.to_string())), ..Report::default() }
    }

    fn of(file: &str, parsed: &Parsed) -> Report {
        let examples = parsed.unparsed.examples.iter();
        Report {
            file: file.to_owned(),
            format: Some(parsed.format),
            unparsed: parsed.unparsed.total,
            unparsed_examples: examples
                .map(|example| (example.line, example.text.to_string(), example.why.name()))
                .collect(),
            skipped: parsed.skipped.iter().map(|(skip, count)| (skip.name(), *count)).collect(),
            comments: parsed.comments,
            blank: parsed.blank,
            host_bits: parsed.host_bits,
            published: parsed.published,
            declared: parsed.declared,
            ending: match parsed.ending {
                Ending::Unmarked => None,
                Ending::Marked => Some("marked"),
                Ending::Missing => Some("missing"),
            },
            ..Report::default()
        }
    }

    fn judged(&mut self, vetted: &Vetted) {
        self.read.clone_from(&vetted.read);
        self.distinct.clone_from(&vetted.distinct);
        self.accepted = u64::try_from(vetted.entries().len()).unwrap_or(u64::MAX);
        self.refused = vetted.refused_by_reason();
        self.refused_total = u64::try_from(vetted.refused.len()).unwrap_or(u64::MAX);
        let refused = vetted.refused.iter().take(EXAMPLES);
        self.refused_examples = refused
            .map(|refused| (refused.line, refused.indicator.to_string(), refused.reason.to_string()))
            .collect();
        self.demoted = vetted.demoted_by.iter().map(|(list, count)| (list.to_string(), *count)).collect();
        self.demoted_total = vetted.demoted;
        self.v4_addresses = vetted.v4_addresses;
        self.reason = vetted.error().map(|error| (error.name(), error.to_string()));
    }

    fn json(&self) -> Value {
        let counts = |counts: &Counts| -> Value {
            counts.iter().map(|(kind, count)| (kind.name().to_owned(), Value::from(*count))).collect()
        };
        let refused = self.refused_examples.iter();
        let unparsed = self.unparsed_examples.iter();
        json!({
            "file": self.file,
            "format": self.format.map(FeedFormat::name),
            "verdict": if self.reason.is_some() { "refused" } else { "accepted" },
            "reason": self.reason.as_ref().map(|(reason, _)| *reason),
            "message": self.reason.as_ref().map(|(_, message)| message.as_str()).or(self.note),
            "read": counts(&self.read),
            "distinct": counts(&self.distinct),
            "accepted": self.accepted,
            "refused": {
                "total": self.refused_total,
                "by_reason": self.refused,
                "examples": refused
                    .map(|(line, text, reason)| json!({"line": line, "indicator": text, "reason": reason}))
                    .collect::<Vec<_>>(),
            },
            "demoted": {"total": self.demoted_total, "by_list": self.demoted},
            "unparsed": self.unparsed,
            "unparsed_examples": unparsed
                .map(|(line, text, why)| json!({"line": line, "text": text, "why": why}))
                .collect::<Vec<_>>(),
            "skipped": self.skipped,
            "comments": self.comments,
            "blank": self.blank,
            "host_bits": self.host_bits,
            "declared": self.declared.map(Declared::number),
            "found": self.declared.map(Declared::found),
            "end_mark": self.ending,
            "v4_addresses": self.v4_addresses,
            "published_ns": self.published.map(|time| time.0),
        })
    }

    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let verdict = match (&self.reason, self.note) {
            (Some((_, message)), _) => format!("refused: {message}"),
            (None, Some(note)) => note.to_owned(),
            (None, None) => "accepted".to_owned(),
        };
        let format = self.format.map_or("?", FeedFormat::name);
        writeln!(out, "{} ({format}): {verdict}", self.file)?;
        for (kind, count) in &self.read {
            let distinct = self.distinct.get(kind).filter(|distinct| *distinct != count);
            match distinct {
                Some(distinct) => writeln!(out, "  read      {kind} {count}, {distinct} of them different")?,
                None => writeln!(out, "  read      {kind} {count}")?,
            }
        }
        for (reason, count) in &self.refused {
            writeln!(out, "  refused   {reason} {count}")?;
        }
        for (line, text, reason) in &self.refused_examples {
            writeln!(out, "            line {line}: {text}: {reason}")?;
        }
        for (list, count) in &self.demoted {
            writeln!(out, "  demoted   {list} {count}")?;
        }
        for (reason, count) in &self.skipped {
            writeln!(out, "  skipped   {reason} {count}")?;
        }
        if self.unparsed > 0 {
            writeln!(out, "  unparsed  {}", self.unparsed)?;
        }
        for (line, text, why) in &self.unparsed_examples {
            writeln!(out, "            line {line}: {text}: {why}")?;
        }
        if let Some(declared) = self.declared {
            writeln!(out, "  declared  {}, found {}", declared.number(), declared.found())?;
        }
        Ok(())
    }
}
