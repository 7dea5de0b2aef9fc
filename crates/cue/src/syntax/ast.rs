//! The syntax tree, names not yet resolved.

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Ast {
    Ident(String),
    Bottom,
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    String(String),
    Bytes(Vec<u8>),
    /// Texts and expressions in turn, a text first and last.
    Interpolation {
        bytes: bool,
        texts: Vec<Vec<u8>>,
        parts: Vec<Ast>,
    },
    Struct(Vec<Decl>),
    List {
        elements: Vec<Element>,
        ellipsis: Option<Option<Box<Ast>>>,
    },
    Selector(Box<Ast>, Selector),
    Index(Box<Ast>, Box<Ast>),
    Slice(Box<Ast>, Option<Box<Ast>>, Option<Box<Ast>>),
    Call(Box<Ast>, Vec<Ast>),
    Unary(&'static str, Box<Ast>),
    Binary(&'static str, Box<Ast>, Box<Ast>),
    Or(Vec<Ast>),
    Paren(Box<Ast>),
    Alias(String, Box<Ast>),
}

#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Ident(String),
    String(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Element {
    Value(Ast),
    Comprehension(Comprehension),
}

#[derive(Clone, Debug)]
pub(crate) enum Label {
    /// A name, which can be referred to.
    Ident(String),
    /// A text in quotes, or a keyword.
    String(String),
    /// `(expression)` or an interpolation.
    Dynamic(Ast),
    /// `[expression]`
    Pattern(Ast),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Constraint {
    None,
    Optional,
    Required,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Where it begins in the source, in bytes.
    pub(crate) at: usize,
    /// `X` in `X=label: value`.
    pub(crate) alias: Option<String>,
    pub(crate) label: Label,
    pub(crate) constraint: Constraint,
    pub(crate) value: Ast,
}

#[derive(Clone, Debug)]
pub(crate) enum Decl {
    Field(Field),
    Let(String, Ast),
    Ellipsis,
    Comprehension(Comprehension),
    Embed(Ast),
}

#[derive(Clone, Debug)]
pub(crate) enum Clause {
    For { key: Option<String>, value: String, source: Ast },
    If(Ast),
    Let(String, Ast),
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) value: Vec<Decl>,
}

#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) name: Option<String>,
    pub(crate) path: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// The first attribute before all else that changes what the file means.
    pub(crate) directive: Option<String>,
    pub(crate) package: Option<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) decls: Vec<Decl>,
}
