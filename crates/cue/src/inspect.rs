//! What evaluation makes of a file, path by path: for comparison with CUE, and for tools that explain policies.

use std::collections::BTreeMap;

use crate::builtins;
use crate::compile::{self, Program, Refused};
use crate::eval::error::{R, Stop};
use crate::eval::types::{Elem, VertexId};
use crate::eval::{Eval, Shape, Validation};
use crate::label::Interner;
use crate::syntax;

/// Paths deeper than this are left out.
const MAX_DEPTH: usize = 8;
/// More paths than this are left out.
const MAX_PATHS: usize = 400;

/// A file, evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// Errors that `Validate()` tells.
    pub validate: Vec<String>,
    /// Errors that `Validate(Final)` tells.
    pub validate_final: Vec<String>,
    /// Whether `Validate(Concrete)` finds nothing.
    pub concrete: bool,
    /// What is at each path.
    pub paths: BTreeMap<String, Inspected>,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Inspected {
    /// A concrete value.
    Value(builtins::Value),
    /// Alternatives with one default, which is concrete.
    Default(builtins::Value),
    /// Not concrete: the kinds that it may have.
    Kind(String),
    /// More information is needed.
    Incomplete,
    /// An error.
    Error,
    /// A struct without fields.
    EmptyStruct,
    /// A list without elements.
    EmptyList,
}

/// Why a file cannot be inspected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InspectError {
    /// It cannot be compiled.
    #[error("{}", .0.join("; "))]
    Compile(Vec<String>),
    /// A limit was hit, or something is not supported.
    #[error("{0}")]
    Unsupported(String),
}

/// Evaluates a file.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(source: &str) -> Result<Inspection, InspectError> {
    let file = syntax::parse(source).map_err(|error| InspectError::Compile(vec![error.message]))?;
    let mut program = Program::default();
    compile::compile(&file, &mut program).map_err(|refused| match refused {
        Refused::Errors(errors) => InspectError::Compile(errors),
        Refused::Unsupported(what) => InspectError::Unsupported(what),
    })?;
    let mut eval = Eval::new(Interner::new(&program.names));
    let Some(root) = program.roots.first() else { return Ok(Inspection::default()) };
    match run(&mut eval, Elem::Struct(root)) {
        Ok(inspection) => Ok(inspection),
        Err(Stop::Unsupported(message)) => Err(InspectError::Unsupported(message)),
        Err(Stop::Error(error)) => Err(InspectError::Compile(eval.texts(&error))),
    }
}

fn run<'p>(eval: &mut Eval<'p>, file: Elem<'p>) -> R<'p, Inspection> {
    let root = eval.root(file, false)?;
    let mut errors = |asked: Validation| -> R<'p, Vec<String>> {
        Ok(eval.validate(root, asked)?.map(|bottom| eval.texts(&bottom)).unwrap_or_default())
    };
    let validate = errors(Validation::default())?;
    let validate_final = errors(Validation { last: true, ..Validation::default() })?;
    let concrete = errors(Validation { concrete: true, ..Validation::default() })?.is_empty();
    let mut paths = BTreeMap::new();
    walk(eval, root, String::new(), 0, &mut paths)?;
    Ok(Inspection { validate, validate_final, concrete, paths })
}

fn walk<'p>(
    eval: &mut Eval<'p>,
    v: VertexId,
    path: String,
    depth: usize,
    out: &mut BTreeMap<String, Inspected>,
) -> R<'p, ()> {
    if depth > MAX_DEPTH || out.len() > MAX_PATHS {
        return Ok(());
    }
    let found = match eval.shape(v)? {
        Shape::Error => Inspected::Error,
        Shape::Incomplete => Inspected::Incomplete,
        Shape::Kind(kind) => Inspected::Kind(kind.to_string()),
        Shape::Value(value) => Inspected::Value(value),
        Shape::Default(value) => Inspected::Default(value),
        Shape::Struct(fields) if fields.is_empty() => Inspected::EmptyStruct,
        Shape::List(elements) if elements.is_empty() => Inspected::EmptyList,
        Shape::Struct(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                walk(eval, field, path, depth.saturating_add(1), out)?;
            }
            return Ok(());
        }
        Shape::List(elements) => {
            for (n, element) in elements.into_iter().enumerate() {
                walk(eval, element, format!("{path}[{n}]"), depth.saturating_add(1), out)?;
            }
            return Ok(());
        }
    };
    out.insert(path, found);
    Ok(())
}
