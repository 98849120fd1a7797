//! Whether a rule is still the same after a reload.
//!
//! Two rules are the same if what their partial matches depend on is: id, steps with macros and lists put in, `until`,
//! `once`, scope, time, order and output. Weight, priority, description, tags and tests may change meanwhile.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

use super::falco::{RuleSource, StepSource, StepWhat};
use super::lang::Field;

/// A digest of a rule. A collision would let a partial match of one rule go on as another's of the same id, which only
/// the author of both could bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

struct Digest(DefaultHasher);

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Fingerprint {
    pub(crate) fn of(rule: &RuleSource) -> Fingerprint {
        let mut digest = Digest(DefaultHasher::new());
        // Writing to a digest cannot fail.
        let _infallible = write_rule(&mut digest, rule);
        Fingerprint(digest.0.finish())
    }
}

fn write_rule(out: &mut Digest, rule: &RuleSource) -> fmt::Result {
    let scope = rule.scope.as_ref().map(|scope| scope.value);
    let within = rule.within.as_ref().map(|within| within.value);
    let once_per = rule.once_per.as_ref().map(|span| span.value);
    write!(out, "{:?} {scope:?} {within:?} {once_per:?} {}", rule.id.value, rule.unordered)?;
    for step in &rule.steps {
        write_step(out, step)?;
    }
    if let Some(until) = &rule.until {
        write!(out, "\nuntil {until}")?;
    }
    for field in &rule.once {
        write!(out, "\nonce {field}")?;
    }
    write!(out, "\noutput {:?}", rule.output.value)
}

fn write_step(out: &mut Digest, step: &StepSource) -> fmt::Result {
    let alias = step.alias.as_ref().map(|alias| &alias.value);
    let within = step.within.as_ref().map(|within| within.value);
    write!(out, "\nstep {alias:?} {} {} {within:?} ", step.optional, step.absent)?;
    match &step.what {
        StepWhat::Condition(condition) => write!(out, "{condition}")?,
        StepWhat::Match(rules) => rules.iter().try_for_each(|rule| write!(out, "match {:?} ", rule.value))?,
    }
    if let Some(count) = &step.count {
        write!(out, " count {}", count.at_least.value)?;
        let mut field = |what: &str, field: &Option<Field>| match field {
            Some(field) => write!(out, " {what} {field}"),
            None => Ok(()),
        };
        field("by", &count.by)?;
        field("distinct", &count.distinct)?;
    }
    Ok(())
}
