//! The tree of a policy as it is written.

use super::value::Value;

/// A variable's name. Wildcards are `$1`, `$2`, …; a local variable is its name, `#` and a number; a generated one is `@`
/// and a number.
pub(crate) type Name = std::rc::Rc<str>;

/// A whole policy.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) package: Vec<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) rules: Vec<Rule>,
}

/// `import data.a.b as c`; imports of keywords are gone already.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) path: Term,
    pub(crate) alias: String,
    pub(crate) line: usize,
}

/// One body of a rule, or its default.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) head: Head,
    pub(crate) body: Vec<Expr>,
    /// The `else` branches, in order.
    pub(crate) branches: Vec<Branch>,
    pub(crate) line: usize,
}

/// An `else` branch.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) value: Term,
    pub(crate) body: Vec<Expr>,
    pub(crate) line: usize,
}

/// What a rule makes.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    /// `default name = value`, `default name(args) = value`.
    Default { args: Option<Vec<Term>>, value: Term },
    /// `name = value`
    Complete(Term),
    /// `name[key]`
    Set(Term),
    /// `name[key] = value`
    Object(Term, Term),
    /// `name(args) = value`
    Function(Vec<Term>, Term),
}

/// One statement.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) line: usize,
    pub(crate) negated: bool,
    pub(crate) kind: Kind,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Term(Term),
    /// `a = b`
    Unify(Term, Term),
    /// `a := b`
    Assign(Term, Term),
    Call(Call),
    /// `some x, y`
    Some(Vec<String>),
    /// `some key, value in domain`
    SomeIn {
        key: Option<Term>,
        value: Term,
        domain: Term,
    },
    Every {
        key: Option<Name>,
        value: Name,
        domain: Term,
        body: Vec<Expr>,
    },
}

/// `operator(args)`; infix operators have their built-in's name.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operator: Vec<String>,
    pub(crate) args: Vec<Term>,
}

/// A term.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    Const(Value),
    Var(Name),
    /// Head and path; only `input` and `data` stand without a path.
    Ref(Box<Term>, Vec<Term>),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    Call(Call),
    Comprehension(Box<Comprehension>),
}

/// `[term | body]`, `{term | body}`, `{key: term | body}`.
#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) kind: Collection,
    pub(crate) key: Option<Term>,
    pub(crate) term: Term,
    pub(crate) body: Vec<Expr>,
}

/// What a comprehension makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Collection {
    Array,
    Set,
    Object,
}

impl Term {
    pub(crate) fn var(name: &str) -> Self {
        Self::Var(name.into())
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Const(Value::text(text))
    }
}
