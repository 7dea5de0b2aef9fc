//! Rego as OPA v1.12.3 evaluates it in v0 mode, for what policy-controller and cosign ask of it.
//!
//! A policy is parsed, its names are resolved, nested calls are taken apart, statements are put in an order that binds each
//! variable before it is needed, types are checked, and what is left is evaluated. These are the steps of OPA's compiler
//! (`ast/compile.go`), and each is here because verdicts depend on it: `not f(input.x)` is undefined where `input.x` is,
//! since the reference is evaluated before the negation; a policy that OPA refuses when it loads it must not hold here.
//!
//! What is not supported is never guessed: such a policy has no verdict, and denies.

mod builtins;
mod check;
mod eval;
mod flatten;
mod json;
mod lexer;
pub mod lint;
mod number;
mod order;
mod parser;
mod plan;
mod resolve;
mod rules;
mod syntax;
mod types;
mod value;

use jiff::Timestamp;

use eval::{Evaluation, Fault};
use plan::Plan;
use value::Value;

/// What is asked of a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegoQuery {
    /// `data.sigstore.isCompliant`: policy-controller (`ValidateJSONWithModuleInput` of cosign's `pkg/cosign/rego`).
    IsCompliant,
    /// `data.signature.allow`: `cosign verify-attestation --policy x.rego` (`ValidateJSON` there).
    SignatureAllow,
}

/// A policy, ready for any number of evaluations.
#[derive(Debug)]
pub struct RegoPolicy {
    plan: Plan,
    query: RegoQuery,
}

/// The verdict of a policy over a document. Only [`RegoOutcome::Accept`] accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegoOutcome {
    /// The policy holds.
    Accept {
        /// What it warns of, in cosign's words. policy-controller counts a warning as a failure.
        warning: Option<String>,
    },
    /// The policy does not hold, or OPA fails on it.
    Reject {
        /// Why, in cosign's or OPA's words.
        message: String,
    },
    /// There is no verdict: a limit was hit, or something is not supported. This denies.
    Unsupported {
        /// Why.
        message: String,
    },
}

/// Why a policy cannot be loaded. Its text is OPA's where OPA refuses the policy too.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// It is not Rego in v0 syntax.
    #[error("1 error occurred: sigstore.rego:{line}: rego_parse_error: {message}")]
    Parse {
        /// Where.
        line: usize,
        /// What was found and expected.
        message: String,
    },
    /// It breaks a rule of the compiler.
    #[error("1 error occurred: sigstore.rego:{line}: rego_compile_error: {message}")]
    Compile {
        /// Where.
        line: usize,
        /// Which rule.
        message: String,
    },
    /// A function is undefined or called wrongly, or types can never fit.
    #[error("1 error occurred: sigstore.rego:{line}: rego_type_error: {message}")]
    Type {
        /// Where.
        line: usize,
        /// What does not fit.
        message: String,
    },
    /// Nothing binds a variable.
    #[error("1 error occurred: sigstore.rego:{line}: rego_unsafe_var_error: var {name} is unsafe")]
    Unsafe {
        /// Where.
        line: usize,
        /// The variable.
        name: String,
    },
    /// A rule needs itself.
    #[error("1 error occurred: sigstore.rego:{line}: rego_recursion_error: rule data.{name} is recursive")]
    Recursion {
        /// Where.
        line: usize,
        /// The rule.
        name: String,
    },
    /// OPA may know it; this does not.
    #[error("sigstore.rego:{line}: not supported: {what}")]
    Unsupported {
        /// Where.
        line: usize,
        /// What.
        what: String,
    },
    /// A budget is used up.
    #[error("the policy has more than {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

impl CompileError {
    /// Whether OPA might load the policy: it uses what is not supported, or exceeds a limit.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. } | Self::Limit { .. })
    }
}

impl RegoPolicy {
    /// Loads a policy and checks it as OPA's compiler does, so that a policy that loads fails later only for what its
    /// input makes of it.
    ///
    /// # Errors
    /// [`CompileError`], which names the line and what is wrong there.
    pub fn compile(source: &str, query: RegoQuery) -> Result<Self, CompileError> {
        let mut program = resolve::resolve(parser::parse(source)?)?;
        let mut generator = flatten::Generator::default();
        flatten::flatten(&mut program, &mut generator);
        order::order(&mut program, &mut generator)?;
        let sorted = order::sort_rules(&program)?;
        check::check(&program, &sorted)?;
        Ok(Self { plan: plan::plan(&program)?, query })
    }

    /// Whether a verdict may depend on the time: such a verdict holds for no later moment.
    #[must_use]
    pub fn uses_clock(&self) -> bool {
        self.plan.uses_clock
    }

    /// Evaluates the policy over a JSON document. `now` is what `time.now_ns()` says.
    #[must_use]
    pub fn evaluate(&self, input: &str, now: Timestamp) -> RegoOutcome {
        let input = match json::parse(input) {
            Ok(input) => input,
            Err(fault) if fault.is_limit() => {
                return RegoOutcome::Unsupported { message: format!("reading the input: {fault}") };
            }
            Err(fault) => return RegoOutcome::Reject { message: format!("reading the input: {fault}") },
        };
        match self.value(&input, now) {
            Ok(value) => match self.query {
                RegoQuery::IsCompliant => is_compliant(value.as_ref()),
                RegoQuery::SignatureAllow => signature_allow(value.as_ref()),
            },
            Err(fault @ Fault::Conflict { .. }) => RegoOutcome::Reject { message: fault.to_string() },
            Err(fault) => RegoOutcome::Unsupported { message: fault.to_string() },
        }
    }

    fn value(&self, input: &Value, now: Timestamp) -> Result<Option<Value>, Fault> {
        let (package, rule) = match self.query {
            RegoQuery::IsCompliant => ("sigstore", "isCompliant"),
            RegoQuery::SignatureAllow => ("signature", "allow"),
        };
        // Another package leaves the query undefined.
        match self.plan.by_name.get(rule) {
            Some(n) if self.plan.package == [package] => Evaluation::new(&self.plan, input, now).rule(*n),
            _ => Ok(None),
        }
    }
}

const COMPLIANT: &str = "isCompliant = data.sigstore.isCompliant";

/// A bool, or a list of `{result, error, warning}` whose first `result` counts.
fn is_compliant(value: Option<&Value>) -> RegoOutcome {
    let not_compliant = format!("policy is not compliant for query '{COMPLIANT}'");
    let items: Vec<&Value> = match value {
        Some(Value::Bool(true)) => return RegoOutcome::Accept { warning: None },
        Some(Value::Array(node)) => node.items.iter().collect(),
        Some(Value::Set(node)) => node.items.iter().collect(),
        _ => return RegoOutcome::Reject { message: not_compliant },
    };
    let mut message = format!("policy is not compliant for query \"{COMPLIANT}\"");
    for item in items {
        match Response::read(item) {
            Ok(Response { result: true, warning, .. }) => {
                let warning = (!warning.is_empty()).then(|| format!("warning: {warning}"));
                return RegoOutcome::Accept { warning };
            }
            Ok(response) => message = format!("{not_compliant} with errors: {}", response.error),
            Err(fault) => {
                return RegoOutcome::Reject { message: format!("{not_compliant} due to parsing errors: {fault}") };
            }
        }
    }
    RegoOutcome::Reject { message }
}

/// cosign's `CosignRuleResult`.
#[derive(Default)]
struct Response {
    result: bool,
    error: String,
    warning: String,
}

impl Response {
    /// Members as Go's `encoding/json` reads them, save that their names must be written exactly so. An item that is no
    /// object ends cosign's process; here it is an error.
    fn read(item: &Value) -> Result<Self, String> {
        let Some(members) = item.as_object() else {
            return Err(format!("an object expected, {} found", item.kind()));
        };
        let wrong = |field: &str, wanted: &str, found: &Value| {
            let found = if matches!(found, Value::Bool(_)) { "bool" } else { found.kind() };
            Err(format!(
                "json: cannot unmarshal {found} into Go struct field CosignRuleResult.{field} of type {wanted}"
            ))
        };
        let text = |field: &str| match members.get(&Value::text(field)) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.to_string()),
            Some(other) => wrong(field, "string", other),
        };
        let error = text("error")?;
        let result = match members.get(&Value::text("result")) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(result)) => *result,
            Some(other) => return wrong("result", "bool", other).map(|_| Self::default()),
        };
        Ok(Self { result, error, warning: text("warning")? })
    }
}

/// Exactly `true`.
fn signature_allow(value: Option<&Value>) -> RegoOutcome {
    let message = match value {
        Some(Value::Bool(true)) => return RegoOutcome::Accept { warning: None },
        Some(value) => {
            let mut text = String::new();
            json::print(value, json::Style::Rego, &mut text);
            format!("expression value, {text}, is not true")
        }
        None => "result is undefined for query 'data.signature.allow'".to_owned(),
    };
    RegoOutcome::Reject { message }
}
