//! The tree of a condition, as it was written: spans everywhere, values still text, names not yet looked up.
//!
//! INVARIANT: `Or` and `And` have at least two members and never hold their own kind, `Not` never holds a `Not`;
//! the constructors keep it so, and `print` relies on it (property test in `lang/tests.rs`).

use std::sync::Arc;

use crate::rules::source::{Span, Spanned};

/// A condition or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it was written. What came out of a macro has its place in the macro.
    pub span: Span,
}

/// The forms of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// One of several holds.
    Or(Vec<Expr>),
    /// All of several hold.
    And(Vec<Expr>),
    /// The opposite holds.
    Not(Box<Expr>),
    /// A field is compared.
    Check(Box<Check>),
    /// A macro's name. None is left after the rules were resolved.
    Macro(String),
}

/// A comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is compared.
    pub left: Term,
    /// How.
    pub operator: Spanned<Operator>,
    /// Whether one or all of a list must compare so.
    pub modifier: Option<Modifier>,
    /// With what; absent for `exists` only.
    pub right: Option<Operand>,
}

/// Something that has a value during an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A field.
    Field(Field),
    /// A transformer around terms.
    Call(Call),
}

/// `proc.aname[2]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `proc.aname`.
    pub name: String,
    /// `2`, without brackets and quotes.
    pub argument: Option<String>,
    /// Where it was written.
    pub span: Span,
}

/// `tolower(proc.name)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which transformer.
    pub function: Function,
    /// What it is given.
    pub arguments: Vec<Argument>,
    /// What stands in brackets behind it: the option of `getopt(…)[t]`.
    pub selector: Option<String>,
    /// Where it was written.
    pub span: Span,
}

/// What a transformer may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A field or another transformer.
    Term(Term),
    /// A quoted text or a number.
    Value(Value),
    /// A parenthesised list of these, never of lists.
    List(Vec<Argument>, Span),
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// One value.
    Value(Value),
    /// A parenthesised list.
    List(List),
    /// A list by name. None is left after the rules were resolved.
    Named(Spanned<String>),
    /// `val(field)` (then a field) or a transformer.
    Term(Term),
}

/// A value as it was written; the field's type decides what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    /// The text, without quotes and with its escapes undone.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Where it was written: for an item of a named list, in that list.
    pub span: Span,
}

/// The values of a list.
///
/// Shared: a list that a thousand rules name is in memory once, and the compiler may tell it by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The values in their order.
    pub items: Arc<[Value]>,
    /// Where the list (or its name) was written.
    pub span: Span,
}

/// `oneof`, `anyof` (the same) and `allof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Modifier {
    /// Exactly as Falco has it: another word for `anyof`.
    OneOf,
    /// True if it compares so with one of the list.
    AnyOf,
    /// True if it compares so with all of the list.
    AllOf,
}

/// What kind of right side an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Takes {
    /// None: `exists`.
    Nothing,
    /// A number, a duration, a size or a term.
    Number,
    /// A text or a term; with a modifier, a list.
    Text,
    /// A list or a term.
    List,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident: $what:literal { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            #[doc = concat!("All ", $what, ", in the order in which they are tried.")]
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// How it is written.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// The operators. No word comes before a longer one that starts with it.
    Operator: "operators" {
        /// The field has a value.
        Exists = "exists",
        /// Less or equal.
        Le = "<=",
        /// Less.
        Lt = "<",
        /// Greater or equal.
        Ge = ">=",
        /// Greater.
        Gt = ">",
        /// Equal; `==` is the same.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// Matches a shell pattern.
        Glob = "glob",
        /// Matches a shell pattern, without regard to case.
        IGlob = "iglob",
        /// Has a part.
        Contains = "contains",
        /// Has a part, without regard to case.
        IContains = "icontains",
        /// Has these bytes, written in hexadecimal.
        BContains = "bcontains",
        /// Starts with a text.
        StartsWith = "startswith",
        /// Starts with these bytes, written in hexadecimal.
        BStartsWith = "bstartswith",
        /// Ends with a text.
        EndsWith = "endswith",
        /// Matches a regular expression.
        Regex = "regex",
        /// The set has a member in common with a list.
        Intersects = "intersects",
        /// Is a member of a list.
        In = "in",
        /// Is one of these paths or lies below one.
        PMatch = "pmatch",
    }
}

words! {
    /// The transformers.
    Function: "transformers" {
        /// In lower case.
        ToLower = "tolower",
        /// In upper case.
        ToUpper = "toupper",
        /// Decoded from Base64.
        B64 = "b64",
        /// The last component of a path.
        Basename = "basename",
        /// The length.
        Len = "len",
        /// Several with a separator between them.
        Join = "join",
        /// Several without a separator.
        Concat = "concat",
        /// The value of an option in an argument vector.
        Getopt = "getopt",
    }
}

impl Operator {
    /// What it takes on its right.
    #[must_use]
    pub const fn takes(self) -> Takes {
        match self {
            Operator::Exists => Takes::Nothing,
            Operator::Le | Operator::Lt | Operator::Ge | Operator::Gt => Takes::Number,
            Operator::Eq
            | Operator::Ne
            | Operator::Glob
            | Operator::IGlob
            | Operator::Contains
            | Operator::IContains
            | Operator::BContains
            | Operator::StartsWith
            | Operator::BStartsWith
            | Operator::EndsWith
            | Operator::Regex => Takes::Text,
            Operator::Intersects | Operator::In | Operator::PMatch => Takes::List,
        }
    }

    /// The operator with exactly this name, `==` included.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Operator> {
        if word == "==" {
            return Some(Operator::Eq);
        }
        Operator::ALL.iter().copied().find(|operator| operator.word() == word)
    }
}

impl Modifier {
    /// All of them.
    pub const ALL: &[Modifier] = &[Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf];

    /// How it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Modifier::OneOf => "oneof",
            Modifier::AnyOf => "anyof",
            Modifier::AllOf => "allof",
        }
    }
}

impl Term {
    /// Where it was written.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Term::Field(field) => field.span,
            Term::Call(call) => call.span,
        }
    }
}

impl Operand {
    /// Where it was written.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Operand::Value(value) => value.span,
            Operand::List(list) => list.span,
            Operand::Named(name) => name.span,
            Operand::Term(term) => term.span(),
        }
    }
}

impl Expr {
    /// A comparison.
    #[must_use]
    pub fn check(check: Check, span: Span) -> Expr {
        Expr { kind: ExprKind::Check(Box::new(check)), span }
    }

    /// One of `members`; the member itself if it is the only one. `None` if there is none.
    #[must_use]
    pub fn or(members: Vec<Expr>, span: Span) -> Option<Expr> {
        gather(members, span, ExprKind::Or, |kind| match kind {
            ExprKind::Or(inner) => Ok(inner),
            other @ (ExprKind::And(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_)) => {
                Err(other)
            }
        })
    }

    /// All of `members`; the member itself if it is the only one. `None` if there is none.
    #[must_use]
    pub fn and(members: Vec<Expr>, span: Span) -> Option<Expr> {
        gather(members, span, ExprKind::And, |kind| match kind {
            ExprKind::And(inner) => Ok(inner),
            other @ (ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_)) => {
                Err(other)
            }
        })
    }

    /// The opposite of `inner`; what `inner` denies if it is a `Not` itself.
    #[must_use]
    pub fn negate(inner: Expr, span: Span) -> Expr {
        match inner.kind {
            ExprKind::Not(denied) => *denied,
            kind @ (ExprKind::Or(_) | ExprKind::And(_) | ExprKind::Check(_) | ExprKind::Macro(_)) => {
                Expr { kind: ExprKind::Not(Box::new(Expr { kind, span: inner.span })), span }
            }
        }
    }

    /// The comparisons in it, in the order in which they were written.
    #[must_use]
    pub fn checks(&self) -> Vec<&Check> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                ExprKind::Or(members) | ExprKind::And(members) => open.extend(members.iter().rev()),
                ExprKind::Not(inner) => open.push(inner),
                ExprKind::Check(check) => found.push(&**check),
                ExprKind::Macro(_) => {}
            }
        }
        found
    }
}

/// Joins `members` into one, taking members of the same kind apart.
fn gather(
    members: Vec<Expr>,
    span: Span,
    join: fn(Vec<Expr>) -> ExprKind,
    open: fn(ExprKind) -> Result<Vec<Expr>, ExprKind>,
) -> Option<Expr> {
    let mut flat = Vec::with_capacity(members.len());
    for member in members {
        match open(member.kind) {
            Ok(inner) => flat.extend(inner),
            Err(kind) => flat.push(Expr { kind, span: member.span }),
        }
    }
    if flat.len() > 1 { Some(Expr { kind: join(flat), span }) } else { flat.pop() }
}
