//! What is defined after all files were read: replaced, appended to and overridden in the order of the items.

use crate::hash::Map;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, closest, codes};
use crate::rules::file::{Change, Exception, Item, RuleItem, RuleKeys};
use crate::rules::source::{Spanned, Text};

/// The event source of a rule that names none (Falco's default).
pub(super) const DEFAULT_SOURCE: &str = "syscall";

/// Things with names, in the order in which the names were first used.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    names: Map<String, usize>,
    entries: Vec<(Spanned<String>, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { names: Map::default(), entries: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Defines `name`, or replaces what it was.
    pub(super) fn set(&mut self, name: Spanned<String>, value: T) {
        match self.index(&name.value).and_then(|index| self.entries.get_mut(index)) {
            Some(entry) => *entry = (name, value),
            None => {
                self.names.insert(name.value.clone(), self.entries.len());
                self.entries.push((name, value));
            }
        }
    }

    /// The position of a name.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// What a name stands for, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let index = self.index(name)?;
        self.entries.get_mut(index).map(|(_, value)| value)
    }

    /// The thing at a position.
    pub(super) fn at(&self, index: usize) -> Option<&(Spanned<String>, T)> {
        self.entries.get(index)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Spanned<String>, T)> {
        self.entries.iter()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them, taken out.
    pub(super) fn into_values(self) -> Vec<(Spanned<String>, T)> {
        self.entries
    }

    /// The known name that is nearest to an unknown one, as a mend.
    pub(super) fn did_you_mean(&self, name: &str) -> Option<String> {
        let near = closest(name, self.entries.iter().map(|(known, _)| known.value.as_str()))?;
        Some(format!("did you mean `{near}`?"))
    }
}

/// A rule so far.
#[derive(Clone, Debug)]
pub(super) struct RuleDefinition {
    pub(super) keys: RuleKeys,
    /// The keys that it was given, those with a bad value included: they were reported, and are not missing.
    pub(super) present: Vec<String>,
    /// Whether something is wrong with an item that made it what it is.
    pub(super) is_broken: bool,
}

/// Everything that was defined so far.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) lists: Table<Vec<Text>>,
    pub(super) macros: Table<Text>,
    pub(super) rules: Table<RuleDefinition>,
}

impl Definitions {
    /// Adds an item of a file.
    pub(super) fn apply(&mut self, item: Item, diagnostics: &mut Diagnostics) {
        match item {
            Item::List { name, items, change } => self.list(name, items, &change, diagnostics),
            Item::Macro { name, condition, change } => self.macro_(name, condition, &change, diagnostics),
            Item::Rule(rule) => self.rule(*rule, diagnostics),
        }
    }

    fn list(
        &mut self,
        name: Spanned<String>,
        items: Option<Vec<Text>>,
        change: &Change,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(items) = items else {
            missing("the list", "items", &name, diagnostics);
            return;
        };
        contradiction(change, diagnostics);
        // All that a list has is replaced: there is no difference to a new one.
        if !appends(change, "items") {
            self.lists.set(name, items);
        } else if let Some(list) = self.lists.get_mut(&name.value) {
            list.extend(items);
        } else {
            nothing_to_change("list", &name, self.lists.did_you_mean(&name.value), diagnostics);
        }
    }

    fn macro_(
        &mut self,
        name: Spanned<String>,
        condition: Option<Text>,
        change: &Change,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(condition) = condition else {
            missing("the macro", "condition", &name, diagnostics);
            return;
        };
        contradiction(change, diagnostics);
        if !appends(change, "condition") {
            self.macros.set(name, condition);
        } else if let Some(text) = self.macros.get_mut(&name.value) {
            text.append(&condition);
        } else {
            nothing_to_change("macro", &name, self.macros.did_you_mean(&name.value), diagnostics);
        }
    }

    fn rule(&mut self, item: RuleItem, diagnostics: &mut Diagnostics) {
        let RuleItem { name, keys, change, present, is_broken } = item;
        // Falco's old way to switch a rule: its name and `enabled`, nothing that a rule is made of.
        let switch = !changes(&change)
            && keys.enabled.is_some()
            && !present.iter().any(|key| MADE_OF.contains(&key.value.as_str()));
        let known = self.rules.get_mut(&name.value);
        // A rule that names no source is for system calls; a change that names none is for any.
        let defines = !switch && !changes(&change);
        let source = keys.source.as_ref().map(|source| (source.value.as_str(), source.span));
        if let Some(known) = &known
            && let Some((now, place)) = source.or_else(|| defines.then_some((DEFAULT_SOURCE, name.span)))
            && known.source() != now
        {
            let message =
                format!("the rule `{}` was for `{}` events, not for `{now}`", name.value, known.source());
            let help = "give it another name";
            diagnostics.push(Diagnostic::error(codes::BAD_OVERRIDE, message, place).help(help));
        }
        if defines {
            let present = present.into_iter().map(|key| key.value).collect();
            self.rules.set(name, RuleDefinition { keys, present, is_broken });
            return;
        }
        let Some(rule) = known else {
            nothing_to_change("rule", &name, self.rules.did_you_mean(&name.value), diagnostics);
            return;
        };
        rule.is_broken |= is_broken;
        if switch {
            no_effect(&present, &["rule", "source", "enabled"], "only switches a rule", diagnostics);
            rule.keys.enabled = keys.enabled;
            return;
        }
        let raised = diagnostics.raised();
        contradiction(&change, diagnostics);
        if change.overrides.is_empty() {
            let used = ["rule", "source", "append", "condition", "exceptions"];
            no_effect(&present, &used, "appends conditions and exceptions", diagnostics);
            if keys.condition.is_none() && keys.exceptions.is_none() {
                let message = format!("the item appends nothing to the rule `{}`", name.value);
                let help = "add `condition:` or `exceptions:`";
                diagnostics.push(Diagnostic::error(codes::MISSING_KEY, message, name.span).help(help));
            }
        } else {
            check_overrides(&change, &present, diagnostics);
        }
        change_rule(&mut rule.keys, keys, &change, diagnostics);
        rule.present.extend(present.iter().map(|key| key.value.clone()));
        rule.is_broken |= diagnostics.raised() > raised;
    }
}

impl RuleDefinition {
    /// The event source that it is for.
    pub(super) fn source(&self) -> &str {
        self.keys.source.as_ref().map_or(DEFAULT_SOURCE, |source| &source.value)
    }
}

/// An item with one of these defines a rule; without any it can only switch one.
const MADE_OF: &[&str] = &["condition", "output", "desc", "priority", "sequence"];

/// `append: true` and `override` in one item.
fn contradiction(change: &Change, diagnostics: &mut Diagnostics) {
    if let (Some(append), Some(first)) = (change.append, change.overrides.first()) {
        let message = "the item has `append` and `override`";
        diagnostics.push(
            Diagnostic::error(codes::CONFLICTING_KEYS, message, append)
                .related(first.key.span, "`override` is here")
                .help("remove `append: true`"),
        );
    }
}

/// Warns of keys that are known and do nothing in an item like this.
fn no_effect(present: &[Spanned<String>], used: &[&str], what: &str, diagnostics: &mut Diagnostics) {
    for key in present.iter().filter(|key| !used.contains(&key.value.as_str())) {
        let message = format!("`{}` has no effect: the item {what}", key.value);
        let help = format!("add `{}: replace` under `override` to change it", key.value);
        diagnostics.push(Diagnostic::warning(codes::NO_EFFECT, message, key.span).help(help));
    }
}

/// Says what is wrong with `override` for what the item has, and the reverse.
fn check_overrides(change: &Change, present: &[Spanned<String>], diagnostics: &mut Diagnostics) {
    for key in present {
        let word = key.value.as_str();
        let named = matches!(word, "rule" | "source" | "append" | "override");
        if !named && !change.overrides.iter().any(|it| it.key.value == word) {
            let message = format!("the item changes a rule, but does not say what happens to `{word}`");
            let help = format!("add `{word}: replace` under `override`");
            diagnostics.push(Diagnostic::error(codes::BAD_OVERRIDE, message, key.span).help(help));
        }
    }
    for it in change.overrides.iter().filter(|it| it.append) {
        if !APPENDABLE.contains(&it.key.value.as_str()) {
            let message = format!("`{}` cannot be appended to", it.key.value);
            diagnostics
                .push(Diagnostic::error(codes::BAD_OVERRIDE, message, it.key.span).help("write `replace`"));
        }
    }
}

/// The keys of a rule that `override` can append to.
const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions", "once", "tests"];

/// Takes the replaced keys of `new` and appends the appended ones.
fn change_rule(old: &mut RuleKeys, new: RuleKeys, change: &Change, diagnostics: &mut Diagnostics) {
    let replaced = |key: &str| change.overrides.iter().any(|it| it.key.value == key && !it.append);
    let appended = |key: &str| appends(change, key);
    macro_rules! replace {
        ($($field:ident $key:literal),* $(,)?) => {$(
            if replaced($key) && new.$field.is_some() {
                old.$field = new.$field.clone();
            }
        )*};
    }
    replace!(
        id "id", desc "desc", condition "condition", output "output", priority "priority", tags "tags",
        enabled "enabled", exceptions "exceptions", warn_evttypes "warn_evttypes",
        skip_if_unknown_filter "skip-if-unknown-filter", scope "scope", within "within", sequence "sequence",
        unordered "unordered", until "until", weight "weight", once "once", once_per "once_per", shadow "shadow", action "action",
        tests "tests",
    );
    macro_rules! append {
        ($how:ident: $($field:ident $key:literal),* $(,)?) => {$(
            if appended($key) && let Some(more) = new.$field {
                match &mut old.$field {
                    Some(value) => $how(value, more),
                    none => *none = Some(more),
                }
            }
        )*};
    }
    append!(append_text: desc "desc", condition "condition", output "output");
    append!(append_list: once "once", tests "tests");
    append!(append_tags: tags "tags");
    if appended("exceptions")
        && let Some(more) = new.exceptions
    {
        append_exceptions(old.exceptions.get_or_insert_default(), more, diagnostics);
    }
}

fn append_text(text: &mut Text, more: Text) {
    text.append(&more);
}

fn append_list<T>(list: &mut Vec<T>, more: Vec<T>) {
    list.extend(more);
}

fn append_tags(tags: &mut Vec<Spanned<String>>, more: Vec<Spanned<String>>) {
    for tag in more {
        if !tags.iter().any(|known| known.value == tag.value) {
            tags.push(tag);
        }
    }
}

/// Values for an exception that is there already are added to it; others are new.
fn append_exceptions(exceptions: &mut Vec<Exception>, more: Vec<Exception>, diagnostics: &mut Diagnostics) {
    for exception in more {
        let known = exceptions.iter_mut().find(|known| known.name.value == exception.name.value);
        let Some(known) = known else {
            exceptions.push(exception);
            continue;
        };
        if exception.fields.is_some() || exception.comps.is_some() {
            let message = format!("the exception `{}` is there already", exception.name.value);
            diagnostics.push(
                Diagnostic::error(codes::BAD_EXCEPTION, message, exception.name.span)
                    .related(known.name.span, "first here")
                    .help("append `values` alone to it, or give the new one another name"),
            );
        }
        known.values.extend(exception.values);
    }
}

/// Whether an item changes an earlier one.
fn changes(change: &Change) -> bool {
    change.append.is_some() || !change.overrides.is_empty()
}

/// Whether an item appends to `key`.
fn appends(change: &Change, key: &str) -> bool {
    match change.overrides.iter().find(|it| it.key.value == key) {
        Some(it) => it.append,
        None => change.append.is_some() && matches!(key, "items" | "condition" | "exceptions"),
    }
}

fn missing(what: &str, key: &str, name: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let message = format!("{what} `{}` has no `{key}`", name.value);
    diagnostics.push(Diagnostic::error(codes::MISSING_KEY, message, name.span).help(format!("add `{key}:`")));
}

fn nothing_to_change(
    what: &str,
    name: &Spanned<String>,
    near: Option<String>,
    diagnostics: &mut Diagnostics,
) {
    let message = format!("the {what} `{}` changes one that is not defined yet", name.value);
    diagnostics.push(
        Diagnostic::error(codes::NOTHING_TO_CHANGE, message, name.span)
            .help("define it before, or load the file that does first")
            .maybe_help(near),
    );
}
