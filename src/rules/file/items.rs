//! Items by kind, and the keys that all kinds have.

use super::read::Reader;
use super::yaml::{Node, NodeKind};
use super::{Change, Item, MAX_LIST, Override, RuleItem, rule};
use crate::rules::diagnostics::{Diagnostic, closest, codes};
use crate::rules::source::Spanned;

/// The keys that say what an item is.
const KINDS: &[&str] = &["list", "macro", "rule", "required_engine_version", "required_plugin_versions"];

const LIST_KEYS: &[&str] = &["list", "items", "append", "override"];
/// The keys of a rule that `override` cannot change.
const UNCHANGEABLE: &[&str] = &["rule", "source", "append", "override"];

const MACRO_KEYS: &[&str] = &["macro", "condition", "append", "override"];

/// The version of Falco's rule engine whose language this is (falcosecurity/falco, `userspace/engine`, July 2026).
const ENGINE: (u32, u32, u32) = (0, 58, 0);

/// The keys of a map.
type Keys<'n> = &'n [(Spanned<String>, Node)];

impl Reader<'_> {
    /// An item of a file; `None` if it only states what it needs, or is beyond use.
    pub(super) fn file_item(&mut self, node: &Node) -> Option<Item> {
        let keys = match &node.kind {
            NodeKind::Map(keys) => keys,
            // A dash with nothing behind it.
            NodeKind::Null => return None,
            NodeKind::Text(_) | NodeKind::List(_) => {
                self.wrong_form("item", "a map with `list`, `macro` or `rule`", node);
                return None;
            }
        };
        let mut kinds = keys.iter().filter(|(key, _)| KINDS.contains(&key.value.as_str()));
        let Some((kind, name)) = kinds.next() else {
            let place = keys.first().map_or(node.span, |(key, _)| key.span);
            let near = keys.iter().find_map(|(key, _)| closest(&key.value, KINDS.iter().copied()));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "start it with `- list:`, `- macro:` or `- rule:`".to_owned(),
            };
            let message = "the item is no list, macro or rule: it is passed over";
            self.error(Diagnostic::warning(codes::PASSED_OVER, message, place).help(help));
            return None;
        };
        if let Some((second, _)) = kinds.next() {
            let message = format!("the item is a {} and a {}", kind.value, second.value);
            self.error(
                Diagnostic::error(codes::UNKNOWN_ITEM, message, second.span)
                    .help("start a new item with `-` in front of it"),
            );
            return None;
        }
        match kind.value.as_str() {
            "list" => self.list_item(name, keys),
            "macro" => self.macro_item(name, keys),
            "rule" => self.rule_item(name, keys),
            "required_engine_version" => {
                self.only_known(keys, &kind.value, &[kind.value.as_str()]);
                self.required_engine(name);
                None
            }
            _ => {
                self.only_known(keys, &kind.value, &[kind.value.as_str()]);
                self.required_plugins(name);
                None
            }
        }
    }

    /// What Falco's engine must be able to do. Each field and operator is checked for itself, so that a later version
    /// is no error; but a file that asks for one may mean what nobody here knows yet.
    fn required_engine(&mut self, node: &Node) {
        let Some(version) = self.name("required_engine_version", node) else { return };
        // What follows a third number (`-rc1`) says nothing of the language.
        let core = version.value.split(['-', '+']).next().unwrap_or("");
        let numbers: Option<Vec<u32>> = core.split('.').map(|number| number.parse().ok()).collect();
        // A plain number is the minor version of before 2023.
        let wanted = match numbers.as_deref() {
            Some([minor]) => (0, *minor, 0),
            Some([major, minor, patch]) => (*major, *minor, *patch),
            Some(_) | None => {
                let message = format!("`{}` is not a version", version.value);
                self.error(
                    Diagnostic::error(codes::BAD_VALUE, message, version.span)
                        .help("write three numbers, such as `0.57.0`"),
                );
                return;
            }
        };
        if wanted > ENGINE {
            let (major, minor, patch) = ENGINE;
            let message = format!("the file asks for Falco's engine {}", version.value);
            self.error(Diagnostic::warning(codes::REQUIRES_MORE, message, version.span).help(format!(
                "the language is that of {major}.{minor}.{patch}; what it does not know is an error"
            )));
        }
    }

    /// Plugins with their versions. What the one for containers gives is here or known to be missing; the others
    /// bring events of other sources, and rules for those are left out one by one.
    fn required_plugins(&mut self, node: &Node) {
        for plugin in self.list("required_plugin_versions", node).unwrap_or_default() {
            let NodeKind::Map(keys) = &plugin.kind else {
                self.wrong_form("plugin", "a map with `name` and `version`", plugin);
                continue;
            };
            self.only_known(keys, "plugin", &["name", "version", "alternatives"]);
            for key in ["name", "version"] {
                match find(keys, key) {
                    Some(value) => drop(self.name(key, value)),
                    None => self.missing_key("plugin", key, plugin.span),
                }
            }
            for other in find(keys, "alternatives")
                .and_then(|list| self.list("alternatives", list))
                .unwrap_or_default()
            {
                let NodeKind::Map(keys) = &other.kind else {
                    self.wrong_form("alternative", "a map with `name` and `version`", other);
                    continue;
                };
                self.only_known(keys, "alternative", &["name", "version"]);
            }
        }
    }

    fn list_item(&mut self, name: &Node, keys: Keys<'_>) -> Option<Item> {
        self.only_known(keys, "list", LIST_KEYS);
        // A list with a bad value stays defined, so that its uses are not reported as well.
        let items = find(keys, "items")
            .filter(|node| !matches!(node.kind, NodeKind::Null))
            .map(|node| self.texts("items", node, MAX_LIST).unwrap_or_default());
        let change = self.change(keys, &["items"]);
        Some(Item::List { name: self.name("list", name)?, items, change })
    }

    fn macro_item(&mut self, name: &Node, keys: Keys<'_>) -> Option<Item> {
        self.only_known(keys, "macro", MACRO_KEYS);
        let condition = find(keys, "condition").and_then(|node| self.text("condition", node));
        let change = self.change(keys, &["condition"]);
        Some(Item::Macro { name: self.name("macro", name)?, condition, change })
    }

    fn rule_item(&mut self, name: &Node, keys: Keys<'_>) -> Option<Item> {
        let raised = self.diagnostics.raised();
        self.only_known(keys, "rule", rule::RULE_KEYS);
        let change = self.change(keys, rule::RULE_KEYS);
        let given = keys.iter().filter(|(key, value)| {
            !matches!(value.kind, NodeKind::Null) && rule::RULE_KEYS.contains(&key.value.as_str())
        });
        let present = given.map(|(key, _)| key.clone()).collect();
        let name = self.name("rule", name);
        let keys = self.rule_keys(keys);
        let is_broken = self.diagnostics.raised() > raised;
        Some(Item::Rule(Box::new(RuleItem { name: name?, keys, change, present, is_broken })))
    }

    /// `append` and `override`.
    fn change(&mut self, keys: Keys<'_>, known: &[&str]) -> Change {
        let append = find(keys, "append")
            .and_then(|node| self.flag("append", node))
            .filter(|append| append.value)
            .map(|append| append.span);
        let mut overrides = Vec::new();
        let node = find(keys, "override").filter(|node| !matches!(node.kind, NodeKind::Null));
        match node.map(|node| (node, &node.kind)) {
            None => {}
            Some((_, NodeKind::Map(entries))) => {
                for (key, how) in entries {
                    if !known.contains(&key.value.as_str()) {
                        self.unknown_key("override", key, known);
                    } else if UNCHANGEABLE.contains(&key.value.as_str()) {
                        let message = format!("`{}` cannot be changed by `override`", key.value);
                        self.error(Diagnostic::error(codes::BAD_OVERRIDE, message, key.span));
                    } else if find(keys, &key.value).is_none() {
                        let message =
                            format!("`override` names `{}`, which the item does not have", key.value);
                        let help = format!("add `{}:`", key.value);
                        self.error(Diagnostic::error(codes::BAD_OVERRIDE, message, key.span).help(help));
                    } else if let Some(append) =
                        self.choice(&key.value, how, &[("append", true), ("replace", false)])
                    {
                        overrides.push(Override { key: key.clone(), append: append.value });
                    }
                }
            }
            Some((node, NodeKind::Null | NodeKind::Text(_) | NodeKind::List(_))) => {
                self.wrong_form("override", "a map of keys, each `append` or `replace`", node);
            }
        }
        Change { append, overrides }
    }

    /// Warns of the keys that are not `known`.
    pub(super) fn only_known(&mut self, keys: Keys<'_>, inside: &str, known: &[&str]) {
        for (key, _) in keys {
            if !known.contains(&key.value.as_str()) {
                self.passed_over(inside, key, known);
            }
        }
    }

    /// Refuses the keys that are not `known`.
    pub(super) fn nothing_but(&mut self, keys: Keys<'_>, inside: &str, known: &[&str]) {
        for (key, _) in keys {
            if !known.contains(&key.value.as_str()) {
                self.unknown_key(inside, key, known);
            }
        }
    }
}

/// The value of a key, if it is there.
pub(super) fn find<'n>(keys: Keys<'n>, name: &str) -> Option<&'n Node> {
    keys.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
}
