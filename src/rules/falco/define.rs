//! What is defined after all files were read: replaced, appended to and overridden in the order of the items.

use crate::hash::Map;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, closest, codes};
use crate::rules::file::{Change, Exception, Item, RuleItem, RuleKeys};
use crate::rules::source::{Spanned, Text};

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
        if !changes(change) {
            self.lists.set(name, items);
        } else if let Some(list) = self.lists.get_mut(&name.value) {
            if appends(change, "items") {
                list.extend(items);
            } else {
                *list = items;
            }
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
        if !changes(change) {
            self.macros.set(name, condition);
        } else if let Some(text) = self.macros.get_mut(&name.value) {
            if appends(change, "condition") {
                text.append(&condition);
            } else {
                *text = condition;
            }
        } else {
            nothing_to_change("macro", &name, self.macros.did_you_mean(&name.value), diagnostics);
        }
    }

    fn rule(&mut self, item: RuleItem, diagnostics: &mut Diagnostics) {
        let RuleItem { name, keys, change, present } = item;
        // Falco's old way to switch a rule: its name and `enabled`, nothing else.
        let switch = keys.enabled.is_some()
            && present.iter().all(|key| matches!(key.value.as_str(), "rule" | "enabled"));
        if !switch && !changes(&change) {
            let present = present.into_iter().map(|key| key.value).collect();
            self.rules.set(name, RuleDefinition { keys, present });
            return;
        }
        let Some(rule) = self.rules.get_mut(&name.value) else {
            nothing_to_change("rule", &name, self.rules.did_you_mean(&name.value), diagnostics);
            return;
        };
        if switch {
            rule.keys.enabled = keys.enabled;
            return;
        }
        let replaced = |key: &str| change.overrides.iter().any(|it| it.key.value == key && !it.append);
        let appended = |key: &str| appends(&change, key);
        for key in &present {
            let word = key.value.as_str();
            let named = matches!(word, "rule" | "append" | "override");
            let by_append = change.append.is_some() && matches!(word, "condition" | "exceptions");
            if !named && !by_append && !change.overrides.iter().any(|it| it.key.value == word) {
                let message = format!("the item changes a rule, but does not say what happens to `{word}`");
                let help = format!("add `{word}: replace` under `override`");
                diagnostics.push(Diagnostic::error(codes::BAD_OVERRIDE, message, key.span).help(help));
            }
        }
        for it in
            change.overrides.iter().filter(|it| it.append && !APPENDABLE.contains(&it.key.value.as_str()))
        {
            let message = format!("`{}` cannot be appended to", it.key.value);
            diagnostics
                .push(Diagnostic::error(codes::BAD_OVERRIDE, message, it.key.span).help("write `replace`"));
        }
        change_rule(&mut rule.keys, keys, &replaced, &appended);
        rule.present.extend(present.iter().map(|key| key.value.clone()));
    }
}

/// The keys of a rule that `override` can append to.
const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions", "once", "tests"];

/// Takes the replaced keys of `new` and appends the appended ones.
fn change_rule(
    old: &mut RuleKeys,
    new: RuleKeys,
    replaced: &dyn Fn(&str) -> bool,
    appended: &dyn Fn(&str) -> bool,
) {
    macro_rules! replace {
        ($($field:ident $key:literal),* $(,)?) => {$(
            if replaced($key) && new.$field.is_some() {
                old.$field = new.$field.clone();
            }
        )*};
    }
    replace!(
        id "id", desc "desc", condition "condition", output "output", priority "priority", source "source",
        tags "tags", enabled "enabled", exceptions "exceptions", warn_evttypes "warn_evttypes",
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
    append!(append_list: tags "tags", once "once", tests "tests");
    append!(append_exceptions: exceptions "exceptions");
}

fn append_text(text: &mut Text, more: Text) {
    text.append(&more);
}

fn append_list<T>(list: &mut Vec<T>, more: Vec<T>) {
    list.extend(more);
}

/// Values for an exception that is there already are added to it; others are new.
fn append_exceptions(exceptions: &mut Vec<Exception>, more: Vec<Exception>) {
    for exception in more {
        let known = exceptions.iter_mut().find(|known| known.name.value == exception.name.value);
        match known {
            Some(known) if exception.fields.is_none() => known.values.extend(exception.values),
            Some(known) => *known = exception,
            None => exceptions.push(exception),
        }
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
