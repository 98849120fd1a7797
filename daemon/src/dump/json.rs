//! A record for programs: header, context and every field under its name, in the order of their declaration.
//!
//! Numbers are numbers, flags included. Text is escaped as everywhere (backslashes doubled, control characters and
//! bytes that are no UTF-8 as `\x..`), so that it can be turned back; digests are hexadecimal.

use std::fmt::{self, Write};

use sluicebox::event::{Record, Value, Visitor};

use super::{Decoded, hex, put};

/// Bytes of an undecodable packet that are shown: enough to see what it is.
const SHOWN: usize = 64;

pub(super) fn line(line: &mut String, decoded: &Decoded<'_>) {
    put!(line, "{{\"record\":{},\"bytes\":{}", decoded.record, decoded.packet.len());
    match &decoded.message {
        Ok(message) => {
            let header = message.header;
            put!(
                line,
                ",\"header_size\":{},\"message_type\":{},\"dropped_count\":{}",
                header.size,
                header.message_type.0,
                header.dropped
            );
            match &message.event {
                Some(event) => {
                    put!(
                        line,
                        ",\"unknown_fields\":{},\"event\":\"{}\"",
                        message.unknown_fields,
                        event.kind.name()
                    );
                    if let Some(context) = &event.context {
                        line.push_str(",\"context\":");
                        object(line, context);
                    }
                    line.push_str(",\"fields\":");
                    object(line, event.kind.record());
                }
                None => line.push_str(",\"event\":null"),
            }
        }
        Err(error) => {
            if let Some(message_type) = error.message_type() {
                put!(line, ",\"message_type\":{}", message_type.0);
            }
            line.push_str(",\"error\":");
            string(line, format_args!("{error}"));
            line.push_str(",\"begin\":\"");
            hex(line, decoded.packet.get(..SHOWN).unwrap_or(decoded.packet));
            line.push('"');
        }
    }
    line.push('}');
}

fn object(line: &mut String, record: &dyn Record) {
    line.push('{');
    record.visit(&mut Fields { line, first: true });
    line.push('}');
}

/// Prints fields as members of an object.
struct Fields<'a> {
    line: &'a mut String,
    first: bool,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        let comma = if self.first { "" } else { "," };
        self.first = false;
        put!(self.line, "{comma}\"{name}\":");
    }
}

impl Visitor for Fields<'_> {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        self.name(name);
        match value {
            Value::Bool(value) => put!(self.line, "{value}"),
            Value::Signed(value) => put!(self.line, "{value}"),
            Value::Unsigned(value) | Value::Hex(value) => put!(self.line, "{value}"),
            Value::Text(text) => string(self.line, format_args!("{text}")),
            Value::Bytes(bytes) => {
                self.line.push('"');
                hex(self.line, bytes);
                self.line.push('"');
            }
            Value::Texts(texts) => {
                self.line.push('[');
                for (at, text) in texts.iter().enumerate() {
                    if at > 0 {
                        self.line.push(',');
                    }
                    string(self.line, format_args!("{text}"));
                }
                self.line.push(']');
            }
            Value::Addr(addr) => string(self.line, format_args!("{addr}")),
            Value::Name(name) => string(self.line, format_args!("{name}")),
        }
    }

    fn record(&mut self, name: &'static str, record: &dyn Record) {
        self.name(name);
        object(self.line, record);
    }
}

/// Appends `text` as a JSON string.
fn string(line: &mut String, text: fmt::Arguments<'_>) {
    line.push('"');
    put!(Escaped(line), "{text}");
    line.push('"');
}

/// Escapes what JSON wants escaped on its way into the line.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                c if c.is_control() => write!(self.0, "\\u{:04x}", u32::from(c))?,
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}
