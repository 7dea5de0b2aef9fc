//! What evaluation makes of a file, as a tree: with definitions, hidden and optional fields, alternatives, and the class
//! of each error. For comparison with CUE, and for tools that explain policies.

use std::collections::BTreeMap;

use crate::compile::{self, Program, Refused};
use crate::eval::Eval;
use crate::eval::error::Stop;
use crate::eval::types::Elem;
use crate::inspect::InspectError;
use crate::label::Interner;
use crate::syntax;

/// Values within values that are described.
pub(crate) const MAX_TREE_DEPTH: usize = 40;

/// Values that are described.
pub(crate) const MAX_TREE_NODES: usize = 50_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its error, if it is one. A struct with an error in a field has one too, and fields.
    pub error: Option<Fault>,
    /// What it is itself.
    pub base: Base,
    /// Its fields by name: regular fields, definitions, hidden ones; `name?` and `name!` where they only constrain.
    pub fields: BTreeMap<String, Node>,
}

/// What a value is, without its fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// An error.
    Error,
    /// A struct.
    Struct,
    /// A list.
    List(Vec<Node>),
    /// Alternatives: the defaults, and the others.
    Alternatives {
        /// Those marked with `*`.
        defaults: Vec<Node>,
        /// The rest.
        others: Vec<Node>,
    },
    /// Anything else, as CUE prints it: one text for each of what `&` joins, sorted.
    Scalar(Vec<String>),
    /// It lies too deep to be described.
    TooDeep,
}

/// An error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Its class.
    pub class: FaultClass,
    /// Its messages, each with the path where it was found.
    pub messages: Vec<String>,
}

/// Classes of errors. Incomplete ones and reference cycles may go away with more data; `Validate()` accepts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultClass {
    /// A conflict, or an operation that fails.
    Eval,
    /// `error("…")` or `_|_`.
    User,
    /// A struct within itself without end.
    StructuralCycle,
    /// Something is not known yet.
    Incomplete,
    /// A value that depends on itself.
    Cycle,
}

/// Evaluates a file.
///
/// # Errors
/// [`InspectError`].
pub fn tree(source: &str) -> Result<Node, InspectError> {
    let file = syntax::parse(source).map_err(|error| InspectError::Compile(vec![error.message]))?;
    let mut program = Program::default();
    compile::compile(&file, &mut program).map_err(|refused| match refused {
        Refused::Errors(errors) => InspectError::Compile(errors),
        Refused::Unsupported(what) => InspectError::Unsupported(what),
    })?;
    let mut eval = Eval::new(Interner::new(&program.names));
    let mut nodes = 0;
    let result = match program.roots.first() {
        None => return Err(InspectError::Compile(vec!["no file".to_owned()])),
        Some(root) => eval.root(Elem::Struct(root), false).and_then(|root| eval.describe(root, 0, &mut nodes)),
    };
    result.map_err(|stop| match stop {
        Stop::Unsupported(message) => InspectError::Unsupported(message),
        Stop::Error(error) => InspectError::Compile(eval.texts(&error)),
    })
}
