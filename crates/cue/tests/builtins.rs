//! Calls of the standard packages, compared with what CUE v0.15.4 made of them: `data/builtins/*.jsonl`, one call a line.
//! What the evaluator decides before a function is called (kinds, number of arguments, constraints as arguments) is left
//! to its own tests.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use sigward_cue::builtins::{Builtin, BuiltinError, CallContext, Host, Member, Schema, Validation, Value, lookup};
use sigward_cue::kind::Kind;
use sigward_cue::number::Number;

/// A host with a budget and no evaluator.
struct Budget(u64);

impl Host for Budget {
    fn spend(&mut self, steps: u64) -> Result<(), BuiltinError> {
        self.0 = self.0.checked_sub(steps).ok_or_else(|| BuiltinError::Unsupported("out of steps".into()))?;
        Ok(())
    }

    fn unify(&mut self, _: Schema, _: &Value) -> Result<Option<Value>, BuiltinError> {
        Err(BuiltinError::Unsupported("no evaluator here".into()))
    }

    fn satisfies(&mut self, _: Schema, _: &Value, _: Validation) -> Result<bool, BuiltinError> {
        Err(BuiltinError::Unsupported("no evaluator here".into()))
    }

    fn describe(&self, _: Schema) -> String {
        String::new()
    }
}

/// What a call came to, in the words of the table.
#[derive(Debug, PartialEq)]
enum Outcome {
    Result(Value),
    Error(String),
    Incomplete,
    Unsupported(String),
}

#[test]
fn calls_come_to_what_cue_makes_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/builtins");
    let mut wrong = Vec::new();
    let mut unsupported: BTreeMap<String, usize> = BTreeMap::new();
    let (mut compared, mut left) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let row: Json = serde_json::from_str(line).unwrap();
            let (Some(expected), Some(found)) = (expected(&row), found(&row)) else {
                left += 1;
                continue;
            };
            compared += 1;
            match found {
                Outcome::Unsupported(why) => {
                    *unsupported.entry(format!("{}: {why}", row["name"].as_str().unwrap())).or_default() += 1;
                }
                found if !same(&found, &expected) => {
                    wrong.push(format!("{line}\n    found    {found:?}\n    expected {expected:?}"));
                }
                _ => {}
            }
        }
    }
    println!("{compared} calls compared, {left} left to the evaluator");
    for (why, count) in &unsupported {
        println!("unsupported, {count} times: {why}");
    }
    assert!(wrong.is_empty(), "{} calls differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Equal in value, kind, printing and order.
fn same(found: &Outcome, expected: &Outcome) -> bool {
    match (found, expected) {
        (Outcome::Result(found), Outcome::Result(expected)) => identical(found, expected),
        // How a struct with optional fields is printed is the evaluator's.
        (Outcome::Error(found), Outcome::Error(expected)) => {
            let told = |text: &str| match text.split_once(" (does not satisfy ") {
                Some((_, told)) => told.to_owned(),
                // Nor is the path before it.
                None => text.trim_start_matches("r: ").to_owned(),
            };
            told(found) == told(expected)
        }
        _ => found == expected,
    }
}

fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.kind() == b.kind() && a.to_string() == b.to_string(),
        (Value::List { items: a, .. }, Value::List { items: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
        }
        (Value::Struct { fields: a, .. }, Value::Struct { fields: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|((n, a), (m, b))| n == m && identical(a, b))
        }
        _ => a == b,
    }
}

/// What CUE said; nothing where the row says something else than a result.
fn expected(row: &Json) -> Option<Outcome> {
    if let Some(errors) = row.get("error") {
        let texts: Vec<&str> = errors.as_array()?.iter().filter_map(Json::as_str).collect();
        return Some(Outcome::Error(texts.join("\n")));
    }
    // How many optional fields a closed struct may still get is not told to functions: it is refused where CUE waits.
    if row.get("incomplete").is_some() && row["name"] == "MinFields" && row["args"][0].get("closed").is_some() {
        return None;
    }
    if row.get("incomplete").is_some() {
        return Some(Outcome::Incomplete);
    }
    Some(Outcome::Result(value(row.get("result")?)?))
}

/// What we say; nothing if the evaluator would not come to call the function.
fn found(row: &Json) -> Option<Outcome> {
    let (package, name) = (row["package"].as_str()?, row["name"].as_str()?);
    let args: Vec<Value> = row.get("args")?.as_array()?.iter().map(value).collect::<Option<_>>()?;
    let member = lookup(package, name).unwrap_or_else(|| panic!("{package}.{name} is missing"));
    let builtin = match member {
        Member::Constant(value) => return Some(Outcome::Result(value)),
        Member::Source(_) => return None,
        Member::Function(builtin) => builtin,
    };
    let fits = builtin.parameters.len() == args.len()
        && builtin.parameters.iter().zip(&args).all(|(parameter, arg)| {
            !parameter.schema && parameter.kind.meets(arg.kind()) && !matches!(arg, Value::Incomplete { .. })
        });
    if !fits {
        return None;
    }
    let is_validator = row.get("validator").is_some();
    let mut host = Budget(100_000_000);
    let outcome = (builtin.call)(&mut CallContext { host: &mut host, is_validator }, &args);
    Some(told(builtin, &args, is_validator, outcome))
}

/// The evaluator's part: how a call's outcome becomes a value or an error at the field `r`.
fn told(builtin: &Builtin, args: &[Value], validator: bool, outcome: Result<Value, BuiltinError>) -> Outcome {
    let function = format!("{}.{}", builtin.package, builtin.name);
    let why = match outcome {
        Ok(Value::Bool(true)) if validator => return Outcome::Result(args[0].clone()),
        Ok(Value::Bool(false)) if validator => None,
        Ok(value) => return Outcome::Result(value),
        Err(BuiltinError::Unsupported(why)) => return Outcome::Unsupported(why),
        Err(BuiltinError::Incomplete(_)) => return Outcome::Incomplete,
        Err(BuiltinError::Invalid(_)) if !validator => return Outcome::Result(Value::Bool(false)),
        Err(BuiltinError::Invalid(why) | BuiltinError::Eval(why)) => Some(why),
        Err(BuiltinError::Call(why)) => Some(format!("error in call to {function}: {why}")),
    };
    if !validator {
        return Outcome::Error(format!("r: {}", why.unwrap_or_default()));
    }
    let rest: Vec<String> = args[1..].iter().map(Value::to_string).collect();
    let rest = if args.len() > 1 { format!("({})", rest.join(", ")) } else { String::new() };
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Outcome::Error(format!("r: invalid value {} (does not satisfy {function}{rest}){why}", args[0]))
}

/// A value of the table; nothing if it is an error.
fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::string(text),
        Json::Array(items) => Value::list(items.iter().map(value).collect::<Option<_>>()?),
        Json::Object(object) => {
            let (tag, content) = object.iter().next()?;
            match (tag.as_str(), content) {
                ("int" | "float", Json::String(digits)) => {
                    let number = Number::parse_decimal(digits).ok()?;
                    Value::Number(if tag == "int" { number } else { number.into_float() })
                }
                ("bytes", Json::String(digits)) => Value::Bytes(bytes(digits).into()),
                ("list", Json::Array(items)) => {
                    Value::List { items: items.iter().map(value).collect::<Option<_>>()?, open: true }
                }
                ("struct" | "closed", Json::Array(fields)) => Value::Struct {
                    fields: fields
                        .iter()
                        .map(|field| Some((field[0].as_str()?.into(), value(&field[1])?)))
                        .collect::<Option<_>>()?,
                    closed: tag == "closed",
                    spare: (tag == "closed").then_some(0),
                },
                // The evaluator passes the default.
                ("incomplete" | "text", _) if object["text"].as_str()?.contains('*') => return None,
                ("incomplete" | "text", _) => Value::Incomplete {
                    kind: kind(object["incomplete"].as_str()?),
                    text: object["text"].as_str()?.into(),
                    origin: None,
                },
                _ => return None,
            }
        }
        Json::Number(_) => return None,
    })
}

fn kind(name: &str) -> Kind {
    name.trim_matches(['(', ')']).split('|').fold(Kind::BOTTOM, |kinds, name| {
        kinds
            | match name {
                "null" => Kind::NULL,
                "bool" => Kind::BOOL,
                "int" => Kind::INT,
                "float" => Kind::FLOAT,
                "string" => Kind::STRING,
                "bytes" => Kind::BYTES,
                "list" => Kind::LIST,
                "struct" => Kind::STRUCT,
                "number" => Kind::NUMBER,
                _ => Kind::TOP,
            }
    })
}

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}
