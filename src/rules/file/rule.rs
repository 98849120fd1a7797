//! The keys of a rule.

use super::items::find;
use super::read::Reader;
use super::yaml::{Node, NodeKind};
use super::{MAX_SMALL, MAX_STEPS};
use crate::event::Nanos;
use crate::rules::diagnostics::{Diagnostic, codes};
use crate::rules::lang::{self, Field};
use crate::rules::source::{Span, Spanned, Text};

/// All keys of a rule, Falco's first.
pub(super) const RULE_KEYS: &[&str] = &[
    "rule",
    "desc",
    "condition",
    "output",
    "priority",
    "source",
    "tags",
    "enabled",
    "exceptions",
    "append",
    "override",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
    "id",
    "scope",
    "within",
    "sequence",
    "unordered",
    "until",
    "weight",
    "once",
    "once_per",
    "shadow",
    "action",
    "tests",
];

const STEP_KEYS: &[&str] = &["as", "condition", "optional", "absent", "within", "weight", "count", "match"];
const COUNT_KEYS: &[&str] = &["at_least", "by", "distinct"];
const TEST_KEYS: &[&str] = &["trace", "events", "matches"];
const EXCEPTION_KEYS: &[&str] = &["name", "fields", "comps", "values"];

/// The greatest weight. 100 kills by itself (RULES.md, semantics 7); beyond a multiple of it nothing changes.
const MAX_WEIGHT: u32 = 1000;

/// The greatest `at_least`: what one partial match counts.
const MAX_COUNT: u32 = 1_000_000;

/// Where the steps of a rule must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In one process.
    Process,
    /// In a process, its ancestors and all their descendants.
    Lineage,
    /// Anywhere in the container.
    Container,
}

/// What a match alone may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Report it.
    Report,
    /// Escalate it.
    Escalate,
    /// Kill the container.
    Kill,
}

/// A rule's priority, the most urgent first (syslog's, as Falco has them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are syslog's and say all")]
pub enum Priority {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

/// `count`: a step that needs several events.
#[derive(Clone, Debug)]
pub struct CountSource {
    /// How many.
    pub at_least: Spanned<u32>,
    /// Counted apart for each value of this field.
    pub by: Option<Field>,
    /// Different values of this field are counted, not events.
    pub distinct: Option<Field>,
    /// Where it stands.
    pub span: Span,
}

/// An inline test.
#[derive(Clone, Debug)]
pub struct TestSource {
    /// The name of a recorded trace.
    pub trace: Option<Spanned<String>>,
    /// A script of events.
    pub events: Option<Text>,
    /// How many matches it must give.
    pub matches: Spanned<u32>,
    /// Where it stands.
    pub span: Span,
}

/// The keys of a rule as one item gives them; a later item may change them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleKeys {
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) desc: Option<Text>,
    pub(crate) condition: Option<Text>,
    pub(crate) output: Option<Text>,
    pub(crate) priority: Option<Spanned<Priority>>,
    pub(crate) source: Option<Spanned<String>>,
    pub(crate) tags: Option<Vec<Spanned<String>>>,
    pub(crate) enabled: Option<Spanned<bool>>,
    pub(crate) exceptions: Option<Vec<Exception>>,
    pub(crate) warn_evttypes: Option<Spanned<bool>>,
    pub(crate) skip_if_unknown_filter: Option<Spanned<bool>>,
    pub(crate) scope: Option<Spanned<Scope>>,
    pub(crate) within: Option<Spanned<Nanos>>,
    pub(crate) sequence: Option<Spanned<Vec<StepKeys>>>,
    pub(crate) unordered: Option<Spanned<bool>>,
    pub(crate) until: Option<Text>,
    pub(crate) weight: Option<Spanned<u32>>,
    pub(crate) once: Option<Vec<Field>>,
    pub(crate) once_per: Option<Spanned<Nanos>>,
    pub(crate) shadow: Option<Spanned<bool>>,
    pub(crate) action: Option<Spanned<Action>>,
    pub(crate) tests: Option<Vec<TestSource>>,
}

/// A step of a sequence, its condition not yet parsed.
#[derive(Clone, Debug)]
pub(crate) struct StepKeys {
    pub(crate) alias: Option<Spanned<String>>,
    pub(crate) condition: Option<Text>,
    pub(crate) matches: Option<Vec<Spanned<String>>>,
    pub(crate) optional: bool,
    pub(crate) absent: bool,
    pub(crate) within: Option<Spanned<Nanos>>,
    pub(crate) weight: Option<Spanned<u32>>,
    pub(crate) count: Option<CountSource>,
    pub(crate) span: Span,
}

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) name: Spanned<String>,
    /// Absent where an item only adds values to an exception that an earlier one defined.
    pub(crate) fields: Option<OneOrMany>,
    pub(crate) comps: Option<OneOrMany>,
    pub(crate) values: Vec<ExceptionValue>,
}

/// A name or a list of names.
#[derive(Clone, Debug)]
pub(crate) enum OneOrMany {
    One(Text),
    Many(Vec<Text>, Span),
}

/// An entry of an exception's `values`, or a part of one.
#[derive(Clone, Debug)]
pub(crate) enum ExceptionValue {
    One(Text),
    Many(Vec<ExceptionValue>, Span),
}

impl Reader<'_> {
    /// The keys of a rule.
    pub(super) fn rule_keys(&mut self, keys: &[(Spanned<String>, Node)]) -> RuleKeys {
        let mut rule = RuleKeys::default();
        for (key, node) in keys {
            match key.value.as_str() {
                "id" => rule.id = self.id("id", node),
                "desc" => rule.desc = self.text("desc", node),
                "condition" => rule.condition = self.text("condition", node),
                "output" => rule.output = self.text("output", node),
                "priority" => rule.priority = self.priority(node),
                // An empty one is none.
                "source" if matches!(&node.kind, NodeKind::Null) => {}
                "source" if matches!(&node.kind, NodeKind::Text(text) if text.value.trim().is_empty()) => {}
                "source" => rule.source = self.name("source", node),
                "tags" => rule.tags = self.names("tags", node, MAX_SMALL),
                "enabled" => rule.enabled = self.flag("enabled", node),
                "exceptions" => rule.exceptions = self.exceptions(node),
                "warn_evttypes" => rule.warn_evttypes = self.flag("warn_evttypes", node),
                "skip-if-unknown-filter" => {
                    rule.skip_if_unknown_filter = self.flag("skip-if-unknown-filter", node);
                }
                "scope" => rule.scope = self.choice("scope", node, SCOPES),
                "within" => rule.within = self.duration("within", node),
                "sequence" => rule.sequence = self.sequence(node),
                "unordered" => rule.unordered = self.flag("unordered", node),
                "until" => rule.until = self.text("until", node),
                "weight" => rule.weight = self.integer("weight", node, 0..=MAX_WEIGHT),
                "once" => rule.once = self.fields("once", node),
                "once_per" => rule.once_per = self.duration("once_per", node),
                "shadow" => rule.shadow = self.flag("shadow", node),
                "action" => rule.action = self.choice("action", node, ACTIONS),
                "tests" => rule.tests = self.tests(node),
                // `rule`, `append` and `override` are read elsewhere, unknown keys were reported. Falco's
                // `capture` and `capture_duration` record packets on its host: there is nothing to record here.
                _ => {}
            }
        }
        rule
    }

    /// A priority by its name. Falco knows no other way to write it; syslog's number is at least understood.
    fn priority(&mut self, node: &Node) -> Option<Spanned<Priority>> {
        let number = match &node.kind {
            NodeKind::Text(text) => text.value.trim().parse::<u8>().ok(),
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => None,
        };
        let Some((number, word)) =
            number.and_then(|number| Some((number, *SEVERITIES.get(usize::from(number))?)))
        else {
            return self.choice("priority", node, PRIORITIES);
        };
        let message = format!("`priority` cannot be `{number}`");
        let help = format!("write its name: syslog's {number} is {word}");
        self.error(Diagnostic::error(codes::BAD_VALUE, message, node.span).help(help));
        None
    }

    /// An id: small letters, digits, dots, dashes and underscores.
    fn id(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        let name = self.name(what, node)?;
        let fits =
            name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
        if !fits {
            let message = format!("`{what}` cannot be `{}`", name.value.escape_debug());
            let help = "write small letters, digits, `-`, `_` and `.`";
            self.error(Diagnostic::error(codes::BAD_VALUE, message, name.span).help(help));
        }
        fits.then_some(name)
    }

    fn fields(&mut self, what: &str, node: &Node) -> Option<Vec<Field>> {
        let texts = self.texts(what, node, MAX_SMALL)?;
        Some(texts.iter().filter_map(|text| self.field_in(text)).collect())
    }

    fn sequence(&mut self, node: &Node) -> Option<Spanned<Vec<StepKeys>>> {
        let steps = self.list("sequence", node)?;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            let message = format!("`sequence` has {} steps, not 1 to {MAX_STEPS}", steps.len());
            self.error(Diagnostic::error(codes::TOO_MANY, message, node.span));
            return None;
        }
        Some(Spanned::new(steps.iter().filter_map(|step| self.step(step)).collect(), node.span))
    }

    fn step(&mut self, node: &Node) -> Option<StepKeys> {
        let NodeKind::Map(keys) = &node.kind else {
            self.wrong_form("sequence", "a list of maps with `condition` or `match`", node);
            return None;
        };
        self.nothing_but(keys, "step", STEP_KEYS);
        let optional = find(keys, "optional").and_then(|node| self.flag("optional", node));
        let absent = find(keys, "absent").and_then(|node| self.flag("absent", node));
        Some(StepKeys {
            alias: find(keys, "as").and_then(|node| self.id("as", node)),
            condition: find(keys, "condition").and_then(|node| self.text("condition", node)),
            matches: find(keys, "match").and_then(|node| self.names("match", node, MAX_SMALL)),
            optional: optional.is_some_and(|flag| flag.value),
            absent: absent.is_some_and(|flag| flag.value),
            within: find(keys, "within").and_then(|node| self.duration("within", node)),
            weight: find(keys, "weight").and_then(|node| self.integer("weight", node, 0..=MAX_WEIGHT)),
            count: find(keys, "count").and_then(|node| self.count(node)),
            span: node.span,
        })
    }

    fn count(&mut self, node: &Node) -> Option<CountSource> {
        let NodeKind::Map(keys) = &node.kind else {
            self.wrong_form("count", "a map with `at_least`", node);
            return None;
        };
        self.nothing_but(keys, "count", COUNT_KEYS);
        let by = find(keys, "by").and_then(|node| self.field("by", node));
        let distinct = find(keys, "distinct").and_then(|node| self.field("distinct", node));
        let Some(at_least) = find(keys, "at_least") else {
            self.missing_key("`count`", "at_least", node.span);
            return None;
        };
        let at_least = self.integer("at_least", at_least, 1..=MAX_COUNT)?;
        Some(CountSource { at_least, by, distinct, span: node.span })
    }

    fn tests(&mut self, node: &Node) -> Option<Vec<TestSource>> {
        let tests = self.list("tests", node)?;
        Some(tests.iter().filter_map(|test| self.test(test)).collect())
    }

    fn test(&mut self, node: &Node) -> Option<TestSource> {
        let NodeKind::Map(keys) = &node.kind else {
            self.wrong_form("tests", "a list of maps with `matches` and `trace` or `events`", node);
            return None;
        };
        self.nothing_but(keys, "test", TEST_KEYS);
        let trace = find(keys, "trace").and_then(|node| self.name("trace", node));
        let events = find(keys, "events").and_then(|node| self.text("events", node));
        if trace.is_some() == events.is_some() {
            let message = "a test needs either `trace` or `events`";
            self.error(Diagnostic::error(codes::CONFLICTING_KEYS, message, node.span));
            return None;
        }
        let Some(matches) = find(keys, "matches") else {
            self.missing_key("the test", "matches", node.span);
            return None;
        };
        let matches = self.integer("matches", matches, 0..=MAX_COUNT)?;
        Some(TestSource { trace, events, matches, span: node.span })
    }

    fn exceptions(&mut self, node: &Node) -> Option<Vec<Exception>> {
        let exceptions = self.list("exceptions", node)?;
        Some(exceptions.iter().filter_map(|exception| self.exception(exception)).collect())
    }

    fn exception(&mut self, node: &Node) -> Option<Exception> {
        let NodeKind::Map(keys) = &node.kind else {
            self.wrong_form("exceptions", "a list of maps with `name` and `fields`", node);
            return None;
        };
        self.only_known(keys, "exception", EXCEPTION_KEYS);
        let Some(name) = find(keys, "name") else {
            self.missing_key("the exception", "name", node.span);
            return None;
        };
        let name = self.name("name", name)?;
        let fields = find(keys, "fields").and_then(|node| self.one_or_many("fields", node));
        let comps = find(keys, "comps").and_then(|node| self.one_or_many("comps", node));
        self.operators(comps.as_ref());
        let values = match find(keys, "values").map(|node| (node, self.exception_value(node))) {
            Some((_, Some(ExceptionValue::Many(values, _)))) => values,
            Some((node, Some(ExceptionValue::One(_)))) => {
                self.wrong_form("values", "a list", node);
                Vec::new()
            }
            Some((_, None)) | None => Vec::new(),
        };
        Some(Exception { name, fields, comps, values })
    }

    /// Reports the words of `comps` that are no operators.
    fn operators(&mut self, comps: Option<&OneOrMany>) {
        for comp in comps.into_iter().flat_map(OneOrMany::texts) {
            if lang::parse_comparison(&comp.value).is_none() {
                let message = format!("`{}` is not an operator with a right side", comp.value.escape_debug());
                self.error(Diagnostic::error(codes::BAD_EXCEPTION, message, comp.whole()));
            }
        }
    }

    fn one_or_many(&mut self, what: &str, node: &Node) -> Option<OneOrMany> {
        if let NodeKind::List(_) = node.kind {
            return self.texts(what, node, MAX_SMALL).map(|texts| OneOrMany::Many(texts, node.span));
        }
        self.text(what, node).map(OneOrMany::One)
    }

    fn exception_value(&mut self, node: &Node) -> Option<ExceptionValue> {
        match &node.kind {
            NodeKind::Null => None,
            NodeKind::Text(text) => Some(ExceptionValue::One(text.clone())),
            NodeKind::List(items) => Some(ExceptionValue::Many(
                items.iter().filter_map(|item| self.exception_value(item)).collect(),
                node.span,
            )),
            NodeKind::Map(_) => {
                self.wrong_form("values", "a list of texts and lists", node);
                None
            }
        }
    }
}

impl OneOrMany {
    /// All of them.
    pub(crate) fn texts(&self) -> &[Text] {
        match self {
            OneOrMany::One(text) => core::slice::from_ref(text),
            OneOrMany::Many(texts, _) => texts,
        }
    }
}

const SCOPES: &[(&str, Scope)] =
    &[("process", Scope::Process), ("lineage", Scope::Lineage), ("container", Scope::Container)];

const ACTIONS: &[(&str, Action)] =
    &[("report", Action::Report), ("kill", Action::Kill), ("escalate", Action::Escalate)];

/// Syslog's names for its severities, by number (RFC 5424, 6.2.1), as Falco writes them.
const SEVERITIES: &[&str] =
    &["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFORMATIONAL", "DEBUG"];

/// Falco's words for the priorities; it takes them in any case.
const PRIORITIES: &[(&str, Priority)] = &[
    ("EMERGENCY", Priority::Emergency),
    ("ALERT", Priority::Alert),
    ("CRITICAL", Priority::Critical),
    ("ERROR", Priority::Error),
    ("WARNING", Priority::Warning),
    ("NOTICE", Priority::Notice),
    ("INFO", Priority::Informational),
    ("INFORMATIONAL", Priority::Informational),
    ("DEBUG", Priority::Debug),
];

/// The word for a value in a table of words: the first that stands for it.
fn word_for<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}

impl Scope {
    /// As rule files have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word_for(SCOPES, &self)
    }
}

impl Action {
    /// As rule files have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word_for(ACTIONS, &self)
    }
}

impl Priority {
    /// As rule files have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word_for(PRIORITIES, &self)
    }
}
