//! A condition as a tree that can say what fails: which checks would have to come out otherwise, and on which value.
//!
//! For explanations only: it evaluates everything. Its checks are those of the compiled condition, so that the two
//! cannot disagree on one.

use crate::rules::diagnostics::Diagnostics;
use crate::rules::fields::{OwnedValue, Scene};
use crate::rules::lang::{Expr, ExprKind};
use crate::rules::ruleset::Rule;

use super::condition::{ConditionCompiler, Lists};
use super::predicate::Predicate;

/// A condition that can say what fails.
#[derive(Debug)]
pub(crate) struct Probe {
    root: Node,
}

#[derive(Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Check(Leaf),
}

#[derive(Debug)]
struct Leaf {
    text: String,
    predicate: Predicate,
}

/// A check that would have to come out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The check as it was written, its macros and lists resolved.
    pub check: String,
    /// Whether it would have to hold; else it would have to fail.
    pub wanted: bool,
    /// What its left side has; nothing if it has no value.
    pub got: Option<String>,
    /// What its right side has, where that is a value as well.
    pub against: Option<String>,
}

/// Checks that would have to come out otherwise, the fewest that are enough.
type Gaps<'p> = Vec<(&'p Leaf, bool)>;

impl Probe {
    /// Prepares a condition of `rule`, whose steps have these names.
    pub(crate) fn new(condition: &Expr, rule: &Rule, step_names: &[Option<String>]) -> Probe {
        // The rule was compiled without an error, so there is nothing to be said of it here.
        let (mut diagnostics, mut lists) = (Diagnostics::default(), Lists::default());
        let mut compiler = ConditionCompiler {
            rule: &rule.name,
            step_names,
            kept: rule.kept.clone(),
            used: Vec::new(),
            lists: &mut lists,
            diagnostics: &mut diagnostics,
        };
        Probe { root: Node::of(condition, &mut compiler) }
    }

    /// What would have to be otherwise for the condition to hold; nothing if it holds.
    pub(crate) fn gaps(&self, scene: &Scene<'_>, kept: &[Option<OwnedValue>]) -> Vec<Gap> {
        let gaps = self.root.gaps(true, scene, kept).into_iter();
        gaps.map(|(leaf, wanted)| {
            let (got, against) = leaf.predicate.values(scene, kept);
            Gap { check: leaf.text.clone(), wanted, got, against }
        })
        .collect()
    }
}

impl Node {
    fn of(expr: &Expr, compiler: &mut ConditionCompiler<'_>) -> Node {
        match &expr.kind {
            ExprKind::And(members) => {
                Node::All(members.iter().map(|member| Node::of(member, compiler)).collect())
            }
            ExprKind::Or(members) => {
                Node::Any(members.iter().map(|member| Node::of(member, compiler)).collect())
            }
            ExprKind::Not(inner) => Node::Not(Box::new(Node::of(inner, compiler))),
            ExprKind::Check(_) | ExprKind::Macro(_) => {
                Node::Check(Leaf { text: expr.to_string(), predicate: compiler.condition(expr) })
            }
        }
    }

    /// The fewest checks that would have to come out otherwise for the node to be `wanted`.
    ///
    /// Recurses over a condition, whose depth is bounded (`falco::MAX_EXPANDED_DEPTH`).
    fn gaps(&self, wanted: bool, scene: &Scene<'_>, kept: &[Option<OwnedValue>]) -> Gaps<'_> {
        match (self, wanted) {
            (Node::All(members), true) | (Node::Any(members), false) => {
                members.iter().flat_map(|member| member.gaps(wanted, scene, kept)).collect()
            }
            (Node::All(members), false) | (Node::Any(members), true) => {
                let each = members.iter().map(|member| member.gaps(wanted, scene, kept));
                each.min_by_key(Vec::len).unwrap_or_default()
            }
            (Node::Not(inner), _) => inner.gaps(!wanted, scene, kept),
            (Node::Check(leaf), _) if leaf.predicate.holds(scene, kept) == wanted => Vec::new(),
            (Node::Check(leaf), _) => vec![(leaf, wanted)],
        }
    }
}
