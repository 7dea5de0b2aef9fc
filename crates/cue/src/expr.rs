//! Expressions, all names resolved: what is evaluated. A reference says how many scopes up its field is.

use std::ops::Range;
use std::sync::Arc;

use crate::kind::Kind;
use crate::label::Label;
use crate::number::Number;

/// Operators. `And` and `Or` are expressions of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Quo,
    IntQuo,
    IntRem,
    IntDiv,
    IntMod,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Match,
    NotMatch,
    BoolAnd,
    BoolOr,
    Not,
}

impl Op {
    pub(crate) fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "+" => Self::Add,
            "-" => Self::Sub,
            "*" => Self::Mul,
            "/" => Self::Quo,
            "quo" => Self::IntQuo,
            "rem" => Self::IntRem,
            "div" => Self::IntDiv,
            "mod" => Self::IntMod,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "=~" => Self::Match,
            "!~" => Self::NotMatch,
            "&&" => Self::BoolAnd,
            "||" => Self::BoolOr,
            "!" => Self::Not,
            _ => return None,
        })
    }

    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Quo => "/",
            Self::IntQuo => "quo",
            Self::IntRem => "rem",
            Self::IntDiv => "div",
            Self::IntMod => "mod",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
            Self::BoolAnd => "&&",
            Self::BoolOr => "||",
            Self::Not => "!",
        }
    }
}

/// Functions of the language itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Core {
    Len,
    Close,
    And,
    Or,
    Div,
    Mod,
    Quo,
    Rem,
    Error,
    MatchN,
    MatchIf,
}

impl Core {
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "len" => Self::Len,
            "close" => Self::Close,
            "and" => Self::And,
            "or" => Self::Or,
            "div" => Self::Div,
            "mod" => Self::Mod,
            "quo" => Self::Quo,
            "rem" => Self::Rem,
            "error" => Self::Error,
            "matchN" => Self::MatchN,
            "matchIf" => Self::MatchIf,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Len => "len",
            Self::Close => "close",
            Self::And => "and",
            Self::Or => "or",
            Self::Div => "div",
            Self::Mod => "mod",
            Self::Quo => "quo",
            Self::Rem => "rem",
            Self::Error => "error",
            Self::MatchN => "matchN",
            Self::MatchIf => "matchIf",
        }
    }
}

/// Whether a field is there, or only constrains one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum ArcType {
    Member,
    Required,
    Optional,
    /// A comprehension may yet make it.
    Pending,
    NotPresent,
}

impl ArcType {
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Member => "",
            Self::Required => "!",
            Self::Optional => "?",
            Self::Pending => "*",
            Self::NotPresent => "-",
        }
    }
}

/// An expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    /// A text of the document, where it stands there: most are never looked at.
    Excerpt(Excerpt),
    Bytes(Arc<[u8]>),
    Top,
    Basic(Kind),
    /// `_|_`
    Bottom,
    /// `__no_sharing`, which says nothing.
    Nothing,
    /// `int8`, `uint`, …
    Range(&'static str),
    Core(Core),
    Bound(Op, Box<Expr>),
    /// A field of the struct that is `up` scopes above.
    Field {
        up: usize,
        label: Label,
    },
    Let {
        up: usize,
        label: Label,
    },
    /// The value that `X=` stands before.
    Value {
        up: usize,
        name: Label,
    },
    /// The name that a pattern has matched.
    LabelName {
        up: usize,
        name: Arc<str>,
    },
    /// A field whose name is computed.
    Dynamic {
        up: usize,
        label: Box<Expr>,
    },
    Import(Arc<str>),
    Selector(Box<Expr>, Label),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    /// Texts are every second part, beginning with the first.
    Interpolation {
        bytes: bool,
        parts: Vec<Expr>,
    },
    Unary(Op, Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or {
        has_defaults: bool,
        values: Vec<(Expr, bool)>,
    },
    Call(Box<Expr>, Vec<Expr>),
    Struct(StructLit),
    List(ListLit),
}

#[derive(Debug)]
pub(crate) struct Excerpt {
    document: Arc<str>,
    start: u32,
    length: u32,
}

impl Excerpt {
    /// Nothing if it is not within the document.
    pub(crate) fn new(document: &Arc<str>, range: Range<usize>) -> Option<Self> {
        document.get(range.clone())?;
        let (start, length) = (u32::try_from(range.start).ok()?, u32::try_from(range.len()).ok()?);
        Some(Self { document: Arc::clone(document), start, length })
    }

    pub(crate) fn text(&self) -> &str {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(self.length).unwrap_or(usize::MAX));
        self.document.get(start..end).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(crate) struct StructLit {
    pub(crate) decls: Vec<Decl>,
    /// The file itself.
    pub(crate) is_file: bool,
    pub(crate) has_embedding: bool,
}

#[derive(Debug)]
pub(crate) struct ListLit {
    pub(crate) elements: Vec<Element>,
    pub(crate) ellipsis: Option<Option<Box<Expr>>>,
}

#[derive(Debug)]
pub(crate) enum Element {
    Value(Expr),
    Comprehension(Box<Comprehension>),
}

/// What is rare is boxed: a document has a declaration for each of its values.
#[derive(Debug)]
pub(crate) enum Decl {
    Field { label: Label, arc: ArcType, value: Expr },
    Let { label: Label, value: Expr, multi: bool },
    Pattern { filter: Box<Expr>, value: Box<Expr> },
    Dynamic { key: Box<Expr>, arc: ArcType, value: Box<Expr> },
    Ellipsis,
    Comprehension(Box<Comprehension>),
    Embed(Expr),
}

#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) value: StructLit,
}

#[derive(Debug)]
pub(crate) enum Clause {
    For { key: Option<Label>, value: Option<Label>, source: Expr },
    If(Expr),
    Let { label: Label, value: Expr },
}

impl StructLit {
    pub(crate) fn new(decls: Vec<Decl>, is_file: bool) -> Self {
        let has_embedding = decls.iter().any(|d| matches!(d, Decl::Comprehension(_) | Decl::Embed(_)));
        Self { decls, is_file, has_embedding }
    }
}
