//! Tree to text, in one canonical form.
//!
//! One blank between words, parentheses only where they are needed, `=` for `==`, double quotes where quotes were.
//! Reading it back gives the same tree (property test in `lang/tests.rs`).

use core::fmt;

use super::lex::{is_bare, is_bare_argument, quote};
use super::tree::{Argument, Call, Check, Expr, ExprKind, Field, Operand, Term, Value};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Or(members) => separated(f, members, " or "),
            ExprKind::And(members) => {
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" and ")?;
                    }
                    member.grouped(f)?;
                }
                Ok(())
            }
            ExprKind::Not(inner) => {
                f.write_str("not ")?;
                match inner.kind {
                    ExprKind::And(_) => write!(f, "({inner})"),
                    ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_) => {
                        inner.grouped(f)
                    }
                }
            }
            ExprKind::Check(check) => check.fmt(f),
            // A macro may have a keyword's name.
            ExprKind::Macro(name) if matches!(name.as_str(), "and" | "or" | "not") => write!(f, "({name})"),
            ExprKind::Macro(name) => f.write_str(name),
        }
    }
}

impl Expr {
    /// In parentheses if it binds weaker than `and`.
    fn grouped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ExprKind::Or(_) => write!(f, "({self})"),
            ExprKind::And(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_) => {
                fmt::Display::fmt(self, f)
            }
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.operator.value.word())?;
        if let Some(modifier) = self.modifier {
            write!(f, " {}", modifier.word())?;
        }
        match &self.right {
            Some(right) => write!(f, " {right}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Field(field) => field.fmt(f),
            Term::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        brackets(f, self.argument.as_deref())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.word())?;
        separated(f, &self.arguments, ", ")?;
        f.write_str(")")?;
        brackets(f, self.selector.as_deref())
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Term(term) => term.fmt(f),
            Argument::Value(value) => value.fmt(f),
            Argument::List(members, _) => {
                f.write_str("(")?;
                separated(f, members, ", ")?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Value(value) => value.fmt(f),
            Operand::List(list) => {
                f.write_str("(")?;
                separated(f, &list.items, ", ")?;
                f.write_str(")")
            }
            Operand::Named(name) => f.write_str(&name.value),
            Operand::Term(Term::Field(field)) => write!(f, "val({field})"),
            Operand::Term(Term::Call(call)) => call.fmt(f),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted || !is_bare(&self.text) {
            f.write_str(&quote(&self.text))
        } else {
            f.write_str(&self.text)
        }
    }
}

fn brackets(f: &mut fmt::Formatter<'_>, argument: Option<&str>) -> fmt::Result {
    match argument {
        None => Ok(()),
        Some(text) if is_bare_argument(text) => write!(f, "[{text}]"),
        Some(text) => write!(f, "[{}]", quote(text)),
    }
}

fn separated<T: fmt::Display>(f: &mut fmt::Formatter<'_>, members: &[T], between: &str) -> fmt::Result {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        member.fmt(f)?;
    }
    Ok(())
}
