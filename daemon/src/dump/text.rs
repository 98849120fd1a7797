//! A record for reading: when, who, the call with its arguments, how it ended.

use std::fmt::{self, Write};

use sluicebox::event::{Context, Event, Nanos, Record, Text, Value, Visitor};

use super::{Decoded, hex, put};

pub(super) fn line(line: &mut String, decoded: &Decoded<'_>, since_begin: Option<Nanos>) {
    match since_begin {
        Some(Nanos(nanos)) => {
            let micros = nanos.checked_div(1000).unwrap_or(0);
            let sign = if micros < 0 { '-' } else { ' ' };
            let (secs, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
            put!(line, "{sign}{secs}.{rest:06} ");
        }
        None => line.push_str(" ?.?????? "),
    }
    match &decoded.message {
        Ok(message) => match &message.event {
            Some(event) => print_event(line, event),
            None => put!(
                line,
                "unknown message of type {} ({} bytes)",
                message.header.message_type,
                decoded.packet.len()
            ),
        },
        Err(error) => put!(line, "undecodable ({} bytes): {error}", decoded.packet.len()),
    }
}

fn print_event(line: &mut String, event: &Event<'_>) {
    match &event.context {
        Some(context) => print_who(line, context),
        None => line.push_str("?/? "),
    }
    put!(line, "{}(", event.kind.name());
    let mut arguments = Arguments { line, first: true, depth: 0 };
    event.kind.record().visit(&mut arguments);
    line.push(')');
    let Some(call) = event.kind.call() else { return };
    match call.exit {
        None => line.push_str(" ..."),
        Some(exit) if exit.succeeded() => put!(line, " = {}", exit.result),
        Some(exit) => put!(line, " = -1 {}", exit.errno),
    }
}

fn print_who(line: &mut String, context: &Context<'_>) {
    put!(line, "{}/{} ", context.tgid.0, context.tid.0);
    if !context.comm.is_empty() {
        put!(line, "{} ", context.comm);
    }
}

/// Prints fields as `name=value`, but for the call itself, which is the line's frame.
struct Arguments<'a> {
    line: &'a mut String,
    first: bool,
    depth: u32,
}

impl Arguments<'_> {
    fn name(&mut self, name: &str) {
        if !self.first {
            self.line.push_str(", ");
        }
        self.first = false;
        put!(self.line, "{name}=");
    }
}

impl Visitor for Arguments<'_> {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        if matches!(value, Value::Text(text) if text.is_empty())
            || matches!(value, Value::Texts(texts) if texts.is_empty())
        {
            // Not said.
            return;
        }
        self.name(name);
        match value {
            Value::Bool(value) => put!(self.line, "{value}"),
            Value::Signed(value) => put!(self.line, "{value}"),
            Value::Unsigned(value) => put!(self.line, "{value}"),
            Value::Hex(value) => put!(self.line, "{value:#x}"),
            Value::Text(text) => quoted(self.line, text),
            Value::Bytes(bytes) => hex(self.line, bytes),
            Value::Texts(texts) => {
                self.line.push('[');
                for (at, text) in texts.iter().enumerate() {
                    self.line.push_str(if at == 0 { "" } else { ", " });
                    quoted(self.line, text);
                }
                self.line.push(']');
            }
            Value::Addr(addr) => put!(self.line, "{addr}"),
            Value::Name(name) => self.line.push_str(name),
        }
    }

    fn record(&mut self, name: &'static str, record: &dyn Record) {
        if self.depth == 0 && name == "call" {
            return;
        }
        self.name(name);
        self.line.push('{');
        let mut inner = Arguments { line: self.line, first: true, depth: self.depth.saturating_add(1) };
        record.visit(&mut inner);
        self.line.push('}');
    }
}

/// Appends `text` between quotes that it cannot end: it must not pass for other fields.
fn quoted(line: &mut String, text: Text<'_>) {
    line.push('"');
    put!(Quoted(line), "{text}");
    line.push('"');
}

/// Escapes quotes on their way into the line; the rest is escaped already.
struct Quoted<'a>(&'a mut String);

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, part) in text.split('"').enumerate() {
            self.0.push_str(if at == 0 { "" } else { "\\\"" });
            self.0.push_str(part);
        }
        Ok(())
    }
}
