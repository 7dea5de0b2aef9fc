//! Policies and their verdicts.

use std::rc::Rc;

use crate::compile::{self, Program, Refused};
use crate::eval::error::{Bottom, R, Stop};
use crate::eval::types::{Elem, VertexId};
use crate::eval::{Eval, Validation, Weight};
use crate::json;
use crate::label::Interner;
use crate::limits::MAX_POLICY_BYTES;
use crate::loops;
use crate::references;
use crate::strict::Strictness;
use crate::syntax;

/// A policy, ready for any number of documents.
#[derive(Debug)]
pub struct Policy {
    program: Program,
    /// Why nothing can be accepted, whatever the document.
    doubtful: bool,
}

/// What is asked of the unified value: CUE's options of `Validate`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// Without options, as policy-controller asks: what is incomplete is accepted, a missing field too.
    #[default]
    Default,
    /// `Final()`, as `cosign verify-attestation` asks: required fields must be there.
    Final,
    /// `Concrete(true)`: all values must be known.
    Concrete,
}

/// The verdict on a document. Only [`Outcome::Accept`] accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The document satisfies the policy.
    Accept,
    /// It does not.
    Reject {
        /// Why, in CUE's words.
        message: String,
    },
    /// There is no verdict: a limit was hit, or something is not supported. This denies.
    Unsupported {
        /// Why.
        message: String,
    },
}

/// Why a policy cannot be compiled. The text is CUE's own where CUE refuses the policy too.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// It is not CUE.
    #[error("{message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What was expected and found.
        message: String,
    },
    /// A name is unknown, or an import is not used.
    #[error("{message}")]
    Resolve {
        /// What is wrong.
        message: String,
    },
    /// It contradicts itself, whatever the document.
    #[error("{message}")]
    Evaluate {
        /// What is wrong.
        message: String,
    },
    /// CUE may know it; this does not.
    #[error("{message}")]
    Unsupported {
        /// What.
        message: String,
    },
}

impl CompileError {
    /// Whether CUE might take the policy: it uses what is not supported, or exceeds a limit.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }
}

/// Compiles a policy.
///
/// # Errors
/// See [`Policy::compile`].
pub fn compile(source: &str) -> Result<Policy, CompileError> {
    Policy::compile(source)
}

impl Policy {
    /// Compiles a policy, and evaluates it alone: one that contradicts itself is refused here, as `CompileString` does.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        Self::compile_all(&[source])
    }

    /// Compiles several files as one policy: what all of them say must hold. A file cannot refer to what another one
    /// declares.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile_all(sources: &[&str]) -> Result<Self, CompileError> {
        let mut program = Program::default();
        for source in sources {
            if source.len() > MAX_POLICY_BYTES {
                let message = format!("a policy of {} bytes; at most {MAX_POLICY_BYTES} are read", source.len());
                return Err(CompileError::Unsupported { message });
            }
            let file = syntax::parse(source).map_err(|error| {
                let before = source.get(..error.at).unwrap_or(source);
                let line = before.matches('\n').count().saturating_add(1);
                CompileError::Syntax { line, message: error.message }
            })?;
            compile::compile(&file, &mut program).map_err(|refused| match refused {
                Refused::Errors(errors) => CompileError::Resolve { message: list(&errors) },
                Refused::Unsupported(message) => CompileError::Unsupported { message },
            })?;
        }
        let doubtful = loops::has_optional_loop(&program);
        let policy = Self { program, doubtful };
        policy.check_alone()?;
        Ok(policy)
    }

    fn check_alone(&self) -> Result<(), CompileError> {
        let mut eval = Eval::new(Interner::new(&self.program.names));
        let result = self.roots(&mut eval).and_then(|roots| {
            let root = match roots.as_slice() {
                [only] => *only,
                roots => eval.unified(roots)?,
            };
            eval.finalize(root)?;
            Ok(eval.own_error(root))
        });
        let result = sure(self.certain(result), &mut eval, Weight::Always);
        match result {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(CompileError::Evaluate { message: eval.report(&error) }),
            Err(Stop::Error(error)) => Err(CompileError::Evaluate { message: eval.report(&error) }),
            Err(Stop::Unsupported(message)) => Err(CompileError::Unsupported { message }),
        }
    }

    /// No error counts as none only where the policy itself leaves no doubt.
    fn certain<'p, T>(&self, result: R<'p, Option<T>>) -> R<'p, Option<T>> {
        match result {
            Ok(None) if self.doubtful => {
                Err(Stop::Unsupported("a loop of references goes through an optional field, where CUE's verdict depends on the order of evaluation".to_owned()))
            }
            result => result,
        }
    }

    fn roots<'p>(&'p self, eval: &mut Eval<'p>) -> R<'p, Vec<VertexId>> {
        self.program.roots.iter().map(|root| eval.root(Elem::Struct(root), false)).collect()
    }

    /// Unifies the policy with a document and validates the result.
    #[must_use]
    pub fn check(&self, document: &str, mode: Mode) -> Outcome {
        self.check_with(document, mode, Strictness::AsCue)
    }

    /// The same; with [`Strictness::RequireFields`], what the policy constrains must be there too.
    #[must_use]
    pub fn check_with(&self, document: &str, mode: Mode, strictness: Strictness) -> Outcome {
        let mut names = Interner::new(&self.program.names);
        let data = match json::parse(document, &mut names) {
            Ok(data) => data,
            Err(fault) if fault.is_limit() => {
                return Outcome::Unsupported { message: format!("reading the document: {fault}") };
            }
            Err(fault) => return Outcome::Reject { message: format!("reading the document: {fault}") },
        };
        let asked = match mode {
            Mode::Default => Validation::default(),
            Mode::Final => Validation { last: true, ..Validation::default() },
            Mode::Concrete => Validation { concrete: true, ..Validation::default() },
        };
        let mut eval = Eval::new(names);
        let result = self.roots(&mut eval).and_then(|mut roots| {
            roots.push(eval.root(Elem::Expr(&data), true)?);
            let root = eval.unified(&roots)?;
            let found = eval.validate(root, asked)?;
            // `cosign verify-attestation` also asks the value for its own error, of whatever class.
            let own = if mode == Mode::Default { None } else { eval.own_error(root) };
            let refusal = match (found.or(own), strictness) {
                (Some(error), _) => Some(Refusal::Error(error)),
                (None, Strictness::AsCue) => None,
                (None, Strictness::RequireFields) => {
                    let missing = eval.missing(root, &data, &references::referred(&self.program))?;
                    if missing.is_empty() { None } else { Some(Refusal::Missing(missing)) }
                }
            };
            Ok(refusal)
        });
        let result =
            sure(self.certain(result), &mut eval, if mode == Mode::Default { Weight::Always } else { Weight::Last });
        match result {
            Ok(None) => Outcome::Accept,
            Ok(Some(Refusal::Missing(missing))) => Outcome::Reject { message: list(&missing) },
            Ok(Some(Refusal::Error(error))) | Err(Stop::Error(error)) => {
                Outcome::Reject { message: eval.report(&error) }
            }
            Err(Stop::Unsupported(message)) => Outcome::Unsupported { message },
        }
    }
}

/// Why a document is refused.
enum Refusal<'p> {
    Error(Rc<Bottom<'p>>),
    /// Only strict evaluation asks for it.
    Missing(Vec<String>),
}

/// No error counts as none only where there is no doubt.
fn sure<'p, T>(result: R<'p, Option<T>>, eval: &mut Eval<'p>, least: Weight) -> R<'p, Option<T>> {
    if let Ok(None) = result {
        eval.doubt_ranged()?;
    }
    // Work that was only counted may have been cut short.
    eval.spend(0)?;
    match (result, eval.doubts(least)) {
        (Ok(None), Some(doubt)) => Err(Stop::Unsupported(doubt)),
        (result, _) => result,
    }
}

fn list(messages: &[String]) -> String {
    match messages {
        [] => "no errors".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} (and {} more errors)", rest.len()),
    }
}
