//! The standard packages: functions and constants over plain values. The evaluator stands behind [`Host`].

mod args;
mod base64;
mod float;
mod hex;
mod json;
mod letters;
mod list;
mod math;
mod net;
pub(crate) mod printable;
mod quote;
pub(crate) mod re2;
mod regexp;
mod sha2;
mod sort;
mod strconv;
mod strings;
mod structs;
pub(crate) mod text;
mod time;

use std::sync::Arc;

use crate::kind::Kind;
use crate::number::Number;

/// An evaluated value, as functions see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list; `open` if it ends in `...`.
    List {
        /// The elements.
        items: Vec<Value>,
        /// Whether more may follow.
        open: bool,
    },
    /// The regular fields of a struct, in order.
    Struct {
        /// Names and values.
        fields: Vec<(Arc<str>, Value)>,
        /// Whether the struct is closed.
        closed: bool,
        /// How many fields it may yet get, if that is known: it names them, and neither has a pattern nor is open.
        spare: Option<usize>,
    },
    /// A value inside of a list or struct that is not concrete.
    Incomplete {
        /// What it may be.
        kind: Kind,
        /// How CUE prints it.
        text: Arc<str>,
        /// The value itself, for functions that copy elements.
        origin: Option<Schema>,
    },
    /// A constraint, unevaluated: for a parameter with [`Parameter::schema`].
    Schema(Schema),
}

/// A value of the evaluator that a function cannot look into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schema(pub(crate) usize);

impl Value {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::NULL,
            Self::Bool(_) => Kind::BOOL,
            Self::Number(number) => number.kind(),
            Self::String(_) => Kind::STRING,
            Self::Bytes(_) => Kind::BYTES,
            Self::List { .. } => Kind::LIST,
            Self::Struct { .. } => Kind::STRUCT,
            Self::Incomplete { kind, .. } => *kind,
            Self::Schema(_) => Kind::TOP,
        }
    }

    /// A closed list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List { items, open: false }
    }

    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self::String(text.into())
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BuiltinError {
    /// The function failed on these arguments; printed as `error in call to P.F: MESSAGE`.
    Call(String),
    /// An error of the evaluator, printed as it is.
    Eval(String),
    /// There is not enough information yet; the argument may become more concrete.
    Incomplete(String),
    /// A validator that does not hold, with why (`len(list) < MinItems(2) (1 < 2)`). Outside of a validation the call is
    /// `false`.
    Invalid(String),
    /// Not supported, or over a limit: there is no verdict.
    Unsupported(String),
}

/// What a function may ask of the evaluator.
pub trait Host {
    /// Counts steps of work: one for each element looked at, or 64 bytes of text made.
    ///
    /// # Errors
    /// [`BuiltinError::Unsupported`] when the budget is used up.
    fn spend(&mut self, steps: u64) -> Result<(), BuiltinError>;

    /// Unifies a constraint with a value. Nothing if it fails; the result is plain.
    ///
    /// # Errors
    /// [`BuiltinError::Unsupported`], [`BuiltinError::Incomplete`].
    fn unify(&mut self, schema: Schema, with: &Value) -> Result<Option<Value>, BuiltinError>;

    /// Whether a value, unified with a constraint, is without an error of its own, and [`Validation::Final`] without any.
    ///
    /// # Errors
    /// [`BuiltinError::Unsupported`].
    fn satisfies(&mut self, schema: Schema, value: &Value, asked: Validation) -> Result<bool, BuiltinError>;

    /// A constraint as messages show it.
    fn describe(&self, schema: Schema) -> String;
}

/// How [`Host::satisfies`] asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validation {
    /// `Err()`: for the error of the value itself, of whatever class.
    Own,
    /// `Validate(Final())`: for errors of all that is in it; required fields must be there.
    Final,
}

/// A call in progress.
pub struct CallContext<'a> {
    /// The evaluator.
    pub host: &'a mut dyn Host,
    /// Whether the call validates a value (its first argument), rather than computing one.
    pub is_validator: bool,
}

impl std::fmt::Debug for CallContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallContext").field("is_validator", &self.is_validator).finish_non_exhaustive()
    }
}

/// A parameter of a function. The evaluator has checked the kind of each argument when a function is called; all
/// arguments are concrete, except what is inside of lists and structs.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Kinds that are accepted.
    pub kind: Kind,
    /// The value of an argument that is left out.
    pub default: Option<Value>,
    /// The argument is passed as it is, as [`Value::Schema`].
    pub schema: bool,
}

impl Parameter {
    /// A plain parameter.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        Self { kind, default: None, schema: false }
    }

    /// A parameter that takes a constraint.
    #[must_use]
    pub const fn schema() -> Self {
        Self { kind: Kind::TOP, default: None, schema: true }
    }
}

/// A function. One whose result is a boolean may be called with its first argument left out: it is then a validator.
#[derive(Debug)]
pub struct Builtin {
    /// The import path of its package.
    pub package: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// The kind of its result.
    pub result: Kind,
    /// Arguments may be not concrete.
    pub non_concrete: bool,
    /// What it does.
    pub call: fn(&mut CallContext<'_>, &[Value]) -> Result<Value, BuiltinError>,
}

/// A member of a package.
#[derive(Clone, Debug)]
pub enum Member {
    /// A function.
    Function(&'static Builtin),
    /// A constant.
    Constant(Value),
    /// What the package defines in CUE itself: the source of an expression.
    Source(&'static str),
}

/// Whether there is a package of this import path.
#[must_use]
pub fn is_package(path: &str) -> bool {
    package(path).is_some()
}

/// Whether CUE v0.15.4 has a package that is not here: digests that can be forged, formats that policies do not read,
/// and the packages of its command line.
#[must_use]
pub fn is_unsupported(path: &str) -> bool {
    matches!(
        path,
        "crypto/ed25519"
            | "crypto/hmac"
            | "crypto/md5"
            | "crypto/sha1"
            | "encoding/csv"
            | "encoding/toml"
            | "encoding/yaml"
            | "html"
            | "math/bits"
            | "path"
            | "text/tabwriter"
            | "text/template"
            | "tool"
            | "tool/cli"
            | "tool/exec"
            | "tool/file"
            | "tool/http"
            | "tool/os"
            | "uuid"
    )
}

/// A member of a package.
#[must_use]
pub fn lookup(path: &str, name: &str) -> Option<Member> {
    let package = package(path)?;
    if let Some(builtin) = package.functions.iter().find(|builtin| builtin.name == name) {
        return Some(Member::Function(builtin));
    }
    (package.constant)(name)
}

/// A constant of a package, by its name.
type Constant = fn(&str) -> Option<Member>;

/// A standard package.
struct Package {
    functions: &'static [Builtin],
    constant: Constant,
}

fn package(path: &str) -> Option<Package> {
    let with = |functions, constant: Constant| Some(Package { functions, constant });
    let functions = match path {
        "crypto/sha256" => return with(sha2::SHA256, sha2::sha256_constant),
        "crypto/sha512" => return with(sha2::SHA512, sha2::sha512_constant),
        "list" => return with(list::FUNCTIONS, list::comparer),
        "math" => return with(math::FUNCTIONS, math::constant),
        "net" => return with(net::FUNCTIONS, net::constant),
        "strconv" => return with(strconv::FUNCTIONS, strconv::constant),
        "time" => return with(time::FUNCTIONS, time::constant),
        "encoding/base64" => base64::FUNCTIONS,
        "encoding/hex" => hex::FUNCTIONS,
        "encoding/json" => json::FUNCTIONS,
        "regexp" => regexp::FUNCTIONS,
        "strings" => strings::FUNCTIONS,
        "struct" => structs::FUNCTIONS,
        _ => return None,
    };
    with(functions, |_| None)
}
