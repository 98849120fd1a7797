//! `sluicebox rules parse`: conditions, one a line, each with its canonical form or with what is wrong with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::{Value, json};
use sluicebox::rules::Text;
use sluicebox::rules::lang::{self, Expr, MAX_CONDITION, ParseError};

use super::super::Outcome;
use super::Format;

const EXAMPLES: &str = "\
Examples:
  $ echo 'proc.name in (a,b) and(not evt.type=open)' | sluicebox rules parse -
  ok proc.name in (a, b) and not evt.type = open
  $ echo 'a and and b' | sluicebox rules parse -
  error -:1:7: E0104 expected a check, a macro or `(`, found `and`
";

/// Parse conditions, one a line: `ok` and the canonical form, or `error`, where and why
///
/// Only the grammar is asked, which is Falco's: names of fields, macros and lists may be any. Each line is one
/// condition and gives one line, so that line 7 of the output is about line 7 of the input. An empty line is an
/// empty condition, which is an error as it is in a rule; there are no comments. A condition of several lines is
/// written on one, since a line break is a blank in it. LF and CRLF end a line; the last one needs neither.
///
/// Exit status: 0 all are conditions, 1 one is not, 2 something could not be read.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Typed {
    /// How it is printed: lines, or an object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Files of conditions; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Clean;
    for path in &typed.paths {
        let name = path.display().to_string();
        let cannot_read = |error: io::Error| anyhow!("rules: cannot read {name}: {error}");
        let mut lines = Lines { from: open(path).map_err(cannot_read)?, line: Vec::new(), number: 0 };
        while lines.advance().map_err(cannot_read)? {
            let parsed = parse(&lines.line);
            let place = Place { file: &name, line: lines.number };
            match typed.format {
                Format::Text => writeln!(out, "{}", as_text(&parsed, &place))?,
                Format::Json => writeln!(out, "{}", as_json(&parsed, &place))?,
            }
            if parsed.is_err() {
                outcome = Outcome::Found;
            }
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path)?))
    })
}

/// What is read of a line: a condition of the greatest length with its CRLF, so that what fills it without an end is
/// too long.
const MOST_READ: u64 = MAX_CONDITION as u64 + 2;

/// The lines of a file, of which no more is kept than a condition may have.
struct Lines {
    from: Box<dyn BufRead>,
    /// The current one, without its end. Longer than [`MAX_CONDITION`] if the line is, but then perhaps not all of it.
    line: Vec<u8>,
    /// Its number, from 1.
    number: u64,
}

impl Lines {
    /// Goes to the next line; says whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let read = self.from.by_ref().take(MOST_READ).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(false);
        }
        self.number = self.number.saturating_add(1);
        if self.line.ends_with(b"\n") {
            self.line.pop();
            if self.line.ends_with(b"\r") {
                self.line.pop();
            }
        } else if read as u64 == MOST_READ {
            self.from.skip_until(b'\n')?;
        }
        Ok(true)
    }
}

/// Where a condition stands.
struct Place<'a> {
    file: &'a str,
    line: u64,
}

/// Why a line is no condition.
struct Refused {
    /// The place in characters, from 1.
    column: usize,
    /// The stable code; text that is not even UTF-8 has none.
    code: Option<&'static str>,
    message: String,
    help: Option<String>,
}

fn parse(line: &[u8]) -> Result<Expr, Refused> {
    let text = match str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(line.get(..error.valid_up_to()).unwrap_or(&[]));
            return Err(Refused {
                column: before.chars().count().saturating_add(1),
                code: None,
                message: "no UTF-8 text".to_owned(),
                help: None,
            });
        }
    };
    lang::parse(&Text::nowhere(text)).map_err(|error| {
        let ParseError { start, ref help, .. } = error;
        let before = line.get(..start).unwrap_or(line);
        Refused {
            column: String::from_utf8_lossy(before).chars().count().saturating_add(1),
            code: Some(error.code().as_str()),
            message: error.to_string(),
            help: help.clone(),
        }
    })
}

/// One line, whatever the condition holds.
fn as_text(parsed: &Result<Expr, Refused>, place: &Place<'_>) -> String {
    let refused = match parsed {
        Ok(condition) => return format!("ok {condition}"),
        Err(refused) => refused,
    };
    let code = refused.code.map_or(String::new(), |code| format!("{code} "));
    let help = refused.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
    let said = format!("{code}{}{help}", refused.message);
    let escaped: String = said
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    format!("error {}:{}:{}: {escaped}", place.file, place.line, refused.column)
}

fn as_json(parsed: &Result<Expr, Refused>, place: &Place<'_>) -> Value {
    match parsed {
        Ok(condition) => json!({
            "file": place.file,
            "line": place.line,
            "ok": true,
            "canonical": condition.to_string(),
        }),
        Err(refused) => json!({
            "file": place.file,
            "line": place.line,
            "ok": false,
            "column": refused.column,
            "code": refused.code,
            "error": refused.message,
            "help": refused.help,
        }),
    }
}
