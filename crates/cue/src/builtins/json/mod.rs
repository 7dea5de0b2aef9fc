//! Package `encoding/json`: Go's scanner and writer, and values read strictly, never by the parser of CUE.

mod read;
mod scan;
mod write;

use super::args::{Args, builtin, failure, lossy, text_budget};
use super::{Builtin, BuiltinError, CallContext, Parameter, Value};
use crate::kind::Kind;
use scan::{Fault, Token};

type Result<T> = std::result::Result<T, BuiltinError>;

const TEXT: Kind = Kind::BYTES.or(Kind::STRING);

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("encoding/json", "Valid", [TEXT] => Kind::BOOL, |context, args: &Args<'_>| {
        match scan::tokens(context, args.bytes(0)?)? {
            Ok(_) => Ok(Value::Bool(true)),
            Err(_) => Ok(Value::Bool(false)),
        }
    }),
    builtin!("encoding/json", "Compact", [TEXT] => Kind::STRING, |context, args: &Args<'_>| {
        let compact: Vec<u8> = scanned(context, args)?.iter().flat_map(|token| token.text).copied().collect();
        Ok(text(&compact))
    }),
    builtin!("encoding/json", "Indent", [TEXT, Kind::STRING, Kind::STRING] => Kind::STRING, indent),
    builtin!("encoding/json", "HTMLEscape", [TEXT] => Kind::STRING, |context, args: &Args<'_>| {
        let bytes = args.bytes(0)?;
        text_budget(context, bytes.len().saturating_mul(6))?;
        Ok(Value::string(&write::html_escaped(&lossy(bytes))))
    }),
    builtin!("encoding/json", "Marshal", [Kind::TOP] => Kind::STRING, |context, args: &Args<'_>| {
        Ok(Value::string(&write::written(context, args.value(0)?)?))
    }),
    builtin!("encoding/json", "MarshalStream", [Kind::TOP] => Kind::STRING, |context: &mut CallContext<'_>, args: &Args<'_>| {
        let list = args.value(0)?;
        let Value::List { items, .. } = list else { return Err(super::list::not_a_list(list)) };
        let mut lines = String::new();
        for item in items {
            lines.push_str(&write::written(context, item)?);
            lines.push('\n');
            text_budget(context, lines.len())?;
        }
        Ok(Value::string(&lines))
    }),
    builtin!("encoding/json", "UnmarshalStream", [TEXT] => Kind::TOP, |_, _: &Args<'_>| {
        Err(BuiltinError::Unsupported("encoding/json.UnmarshalStream is not supported".into()))
    }),
    builtin!("encoding/json", "Unmarshal", [TEXT] => Kind::TOP, |context, args: &Args<'_>| {
        unmarshal(context, args)
    }),
    Builtin {
        package: "encoding/json",
        name: "Validate",
        parameters: &[
            Parameter { kind: TEXT, default: None, schema: false },
            Parameter { kind: Kind::TOP, default: None, schema: true },
        ],
        result: Kind::BOOL,
        non_concrete: true,
        call: |context, values| validate(context, &Args { function: "encoding/json.Validate", values }),
    },
];

fn scanned<'a>(context: &mut CallContext<'_>, args: &Args<'a>) -> Result<Vec<Token<'a>>> {
    scan::tokens(context, args.bytes(0)?)?.map_err(|Fault(why)| failure(why))
}

fn unmarshal(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let bytes = args.bytes(0)?;
    let tokens = scan::tokens(context, bytes)?.map_err(|_| failure("json: invalid JSON"))?;
    if std::str::from_utf8(bytes).is_err() {
        return Err(failure("json: could not parse JSON: illegal UTF-8 encoding"));
    }
    read::value(context, &tokens)
}

fn validate(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    super::args::charge(context, args.values)?;
    let value = unmarshal(context, args)?;
    let Value::Schema(schema) = args.value(1)? else {
        return Err(BuiltinError::Unsupported("encoding/json.Validate with a plain value".into()));
    };
    match context.host.unify(*schema, &value)? {
        Some(_) => Ok(Value::Bool(true)),
        None => Err(failure(format!("{value} does not satisfy the constraint"))),
    }
}

/// A text that may not be UTF-8, as CUE takes it into a string.
fn text(bytes: &[u8]) -> Value {
    Value::string(&lossy(bytes))
}

fn indent(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let tokens = scanned(context, args)?;
    let (prefix, indent) = (args.string(1)?, args.string(2)?);
    let mut out = Vec::new();
    let mut depth = 0_usize;
    let mut opened = false;
    for token in &tokens {
        let line = 1 + prefix.len() + indent.len().saturating_mul(depth + 1);
        text_budget(context, out.len().saturating_add(line).saturating_add(token.text.len()))?;
        let closes = matches!(token.text, b"}" | b"]");
        if opened && !closes {
            depth += 1;
            new_line(&mut out, prefix, indent, depth);
        }
        if closes && !opened {
            depth = depth.saturating_sub(1);
            new_line(&mut out, prefix, indent, depth);
        }
        opened = matches!(token.text, b"{" | b"[");
        out.extend_from_slice(token.text);
        match token.text {
            b"," => new_line(&mut out, prefix, indent, depth),
            b":" => out.push(b' '),
            _ => {}
        }
    }
    // Go keeps white space at the end.
    let source = args.bytes(0)?;
    let kept = source.iter().rev().take_while(|c| scan::is_space(**c)).count();
    out.extend_from_slice(source.get(source.len().saturating_sub(kept)..).unwrap_or_default());
    Ok(text(&out))
}

fn new_line(out: &mut Vec<u8>, prefix: &str, indent: &str, depth: usize) {
    out.push(b'\n');
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(indent.repeat(depth).as_bytes());
}
