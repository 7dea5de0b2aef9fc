//! Errors as values: their class decides what becomes of them, their text is made when it is asked for.

use std::rc::Rc;

use super::Eval;
use super::messages::Messages;
use super::types::{Elem, Value, VertexId};
use crate::expr::Expr;
use crate::label::Label;

/// The class of an error, the gravest first. Only the first four reject; the others may go away with more information.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Code {
    Eval,
    /// `error("…")`
    User,
    /// `_|_`
    LegacyUser,
    StructuralCycle,
    Incomplete,
    Cycle,
}

impl Code {
    pub(crate) fn is_incomplete(self) -> bool {
        self >= Self::Incomplete
    }
}

/// A piece of a message.
#[derive(Clone, Debug)]
pub(crate) enum Piece<'p> {
    Text(String),
    Node(Elem<'p>),
    /// An expression as it was written: hidden names without their package.
    Source(&'p Expr),
    Label(Label),
}

/// One error.
#[derive(Debug)]
pub(crate) struct Message<'p> {
    /// Where it was found.
    pub(super) at: VertexId,
    /// The path by which validation came there, which counts more.
    pub(super) path: Option<String>,
    pub(super) pieces: Vec<Piece<'p>>,
    pub(super) wrapped: Vec<Rc<Message<'p>>>,
}

/// An error value.
#[derive(Clone, Debug)]
pub(crate) struct Bottom<'p> {
    pub(super) code: Code,
    pub(super) messages: Messages<'p>,
    /// A field that is not allowed.
    pub(super) close_check: bool,
    /// It is that of a field.
    pub(super) child_error: bool,
    /// Fields have errors too.
    pub(super) has_recursive: bool,
}

/// Why evaluation of an expression stops.
#[derive(Clone, Debug)]
pub(crate) enum Stop<'p> {
    /// There is an error instead of a value.
    Error(Rc<Bottom<'p>>),
    /// There is no verdict.
    Unsupported(String),
}

pub(crate) type R<'p, T> = Result<T, Stop<'p>>;

impl<'p> From<Rc<Bottom<'p>>> for Stop<'p> {
    fn from(bottom: Rc<Bottom<'p>>) -> Self {
        Self::Error(bottom)
    }
}

impl<'p> Bottom<'p> {
    pub(super) fn new(code: Code, at: VertexId, pieces: Vec<Piece<'p>>) -> Rc<Self> {
        Self::wrapping(code, at, pieces, Vec::new())
    }

    pub(super) fn wrapping(
        code: Code,
        at: VertexId,
        pieces: Vec<Piece<'p>>,
        wrapped: Vec<Rc<Message<'p>>>,
    ) -> Rc<Self> {
        let message = Rc::new(Message { at, path: None, pieces, wrapped });
        Rc::new(Self {
            code,
            messages: vec![message].into(),
            close_check: false,
            child_error: false,
            has_recursive: false,
        })
    }

    /// Whether it says that a value is out of a bound, and nothing else.
    pub(super) fn is_out_of_bound(&self) -> bool {
        let [message] = &*self.messages else { return false };
        message.pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.starts_with(" (out of bound")))
    }

    /// The same once more, as an error of its own.
    pub(super) fn again(&self) -> Rc<Self> {
        let copy = |message: &Rc<Message<'p>>| {
            let Message { at, path, pieces, wrapped } = &**message;
            Rc::new(Message { at: *at, path: path.clone(), pieces: pieces.clone(), wrapped: wrapped.clone() })
        };
        let messages: Vec<_> = self.messages.iter().map(copy).collect();
        Rc::new(Self { messages: messages.into(), ..self.clone() })
    }

    /// Whether more information may take it away.
    pub(super) fn is_incomplete(&self) -> bool {
        self.code.is_incomplete()
    }
}

/// Both errors as one: the graver class wins, and an incomplete one is dropped beside a real one.
pub(super) fn combine<'p>(a: Option<Rc<Bottom<'p>>>, b: Option<Rc<Bottom<'p>>>) -> Option<Rc<Bottom<'p>>> {
    let (a, b) = match (a, b) {
        (None, other) | (other, None) => return other,
        (Some(a), Some(b)) => (a, b),
    };
    if Rc::ptr_eq(&a, &b) {
        return Some(Rc::new(Bottom {
            code: a.code,
            messages: a.messages.clone(),
            close_check: false,
            child_error: false,
            has_recursive: false,
        }));
    }
    let (a, b) = if a.code > b.code { (b, a) } else { (a, b) };
    if a.code != b.code && b.is_incomplete() {
        return Some(a);
    }
    let (code, close_check) = (a.code, a.close_check || b.close_check);
    // A list that only this one has grows where it is.
    let mut messages = Rc::try_unwrap(a).map_or_else(|a| a.messages.clone(), |a| a.messages);
    for message in b.messages.iter() {
        messages.add(message);
    }
    Some(Rc::new(Bottom { code, messages, close_check, child_error: false, has_recursive: false }))
}

/// A message in pieces: `{}` stands for the next argument.
pub(super) fn pieces<'p>(template: &str, nodes: Vec<Piece<'p>>) -> Vec<Piece<'p>> {
    let mut out = Vec::with_capacity(nodes.len().saturating_mul(2).saturating_add(1));
    let mut nodes = nodes.into_iter();
    for (n, text) in template.split("{}").enumerate() {
        if n > 0 {
            out.extend(nodes.next());
        }
        if !text.is_empty() {
            out.push(Piece::Text(text.to_owned()));
        }
    }
    out
}

impl<'p> From<Elem<'p>> for Piece<'p> {
    fn from(elem: Elem<'p>) -> Self {
        Self::Node(elem)
    }
}

impl<'p> From<Value<'p>> for Piece<'p> {
    fn from(value: Value<'p>) -> Self {
        Self::Node(Elem::Value(value))
    }
}

impl From<&str> for Piece<'_> {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Piece<'_> {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Label> for Piece<'_> {
    fn from(label: Label) -> Self {
        Self::Label(label)
    }
}

impl<'p> Eval<'p> {
    /// An error found at the vertex that is looked at.
    pub(super) fn error(&self, code: Code, template: &str, nodes: Vec<Piece<'p>>) -> Rc<Bottom<'p>> {
        Bottom::new(code, self.at, pieces(template, nodes))
    }

    /// The same, to return.
    pub(super) fn fail<T>(&self, code: Code, template: &str, nodes: Vec<Piece<'p>>) -> R<'p, T> {
        Err(Stop::Error(self.error(code, template, nodes)))
    }

    /// Adds an error to a vertex.
    pub(super) fn add_error(&mut self, v: VertexId, error: Rc<Bottom<'p>>) {
        // What is an error of a field elsewhere is one of its own here.
        let error = if error.child_error || error.has_recursive {
            Rc::new(Bottom { child_error: false, has_recursive: false, ..(*error).clone() })
        } else {
            error
        };
        self.doubt_late_error(v, &error);
        let node = &mut self.vertices[v].node;
        node.errors = combine(node.errors.take(), Some(error));
    }

    /// Each message of an error, with a text before it: CUE wraps a list one by one, and keeps the paths.
    pub(super) fn wrap_each(&self, error: &Bottom<'p>, text: &str) -> Rc<Bottom<'p>> {
        let wrap = |message: &Rc<Message<'p>>| {
            let path = message.path.clone().unwrap_or_else(|| self.path(message.at));
            let (pieces, wrapped) = (vec![text.into()], vec![Rc::clone(message)]);
            Rc::new(Message { at: self.at, path: Some(path), pieces, wrapped })
        };
        let messages: Vec<_> = error.messages.iter().map(wrap).collect();
        Rc::new(Bottom {
            code: error.code,
            messages: messages.into(),
            close_check: false,
            child_error: false,
            has_recursive: false,
        })
    }

    /// The graver of two errors, or both.
    pub(super) fn either(a: Option<Rc<Bottom<'p>>>, b: Option<Rc<Bottom<'p>>>) -> Stop<'p> {
        match combine(a, b) {
            Some(error) => Stop::Error(error),
            None => Stop::Unsupported("an error that is none".to_owned()),
        }
    }

    /// What went wrong, if it is an error and not a limit.
    pub(super) fn caught<T>(result: R<'p, T>) -> R<'p, Result<T, Rc<Bottom<'p>>>> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Error(error)) => Ok(Err(error)),
            Err(stop) => Err(stop),
        }
    }

    /// The path of a vertex, as messages have it.
    pub(super) fn path(&self, v: VertexId) -> String {
        let mut labels = Vec::new();
        let mut at = v;
        while at != super::types::NO_VERTEX {
            let vertex = &self.vertices[at];
            if let (Some(label), true) = (vertex.label, vertex.parent != super::types::NO_VERTEX) {
                labels.push(self.names.step(label).to_string());
            }
            at = vertex.parent;
        }
        labels.reverse();
        labels.join(".")
    }

    /// The text of one error, its path first.
    pub(super) fn text(&self, message: &Message<'p>) -> String {
        let path = message.path.clone().unwrap_or_else(|| self.path(message.at));
        let mut out = if path.is_empty() { String::new() } else { format!("{path}: ") };
        self.message_text(message, &mut out);
        out
    }

    fn message_text(&self, message: &Message<'p>, out: &mut String) {
        let start = out.len();
        for piece in &message.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Label(label) => out.push_str(&self.names.step(*label).to_string()),
                Piece::Node(elem) => self.print_elem(elem, out),
                Piece::Source(expr) => self.print_source(expr, out),
            }
        }
        let Some(first) = message.wrapped.first() else { return };
        if out.len() > start {
            out.push_str(": ");
        }
        if message.wrapped.len() == 1 {
            self.message_text(first, out);
        } else {
            let more = message.wrapped.len().saturating_sub(1);
            self.message_text(first, out);
            out.push_str(&format!(" (and {more} more errors)"));
        }
    }

    /// All messages of an error as CUE prints a list of them: the first, and how many more.
    pub(super) fn summary(&self, messages: &[Rc<Message<'p>>]) -> String {
        match messages {
            [] => "no errors".to_owned(),
            [only] => self.text(only),
            [first, rest @ ..] => format!("{} (and {} more errors)", self.text(first), rest.len()),
        }
    }
}
