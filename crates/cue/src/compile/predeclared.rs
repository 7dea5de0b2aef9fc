//! Names that every file knows, and what is known of expressions before they are evaluated.

use crate::expr::{Core, Expr};
use crate::kind::Kind;
use crate::syntax::ast::Ast;

/// One of the integer and float types with a range.
pub(crate) const RANGES: &[(&str, Option<&str>, Option<&str>)] = &[
    ("rune", Some("0"), Some("1114111")),
    ("int8", Some("-128"), Some("127")),
    ("int16", Some("-32768"), Some("32767")),
    ("int32", Some("-2147483648"), Some("2147483647")),
    ("int64", Some("-9223372036854775808"), Some("9223372036854775807")),
    ("int128", Some("-170141183460469231731687303715884105728"), Some("170141183460469231731687303715884105727")),
    ("uint", Some("0"), None),
    ("uint8", Some("0"), Some("255")),
    ("uint16", Some("0"), Some("65535")),
    ("uint32", Some("0"), Some("4294967295")),
    ("uint64", Some("0"), Some("18446744073709551615")),
    ("uint128", Some("0"), Some("340282366920938463463374607431768211455")),
    (
        "float32",
        Some("-3.40282346638528859811704183484516925440e+38"),
        Some("3.40282346638528859811704183484516925440e+38"),
    ),
    (
        "float64",
        Some("-1.797693134862315708145274237317043567981e+308"),
        Some("1.797693134862315708145274237317043567981e+308"),
    ),
];

/// Whether the value may become concrete: what types and bounds never do.
pub(crate) fn may_be_concrete(expr: &Expr) -> bool {
    !matches!(expr, Expr::Top | Expr::Basic(_) | Expr::Range(_) | Expr::Bound(..))
}

/// What a name means that nothing declares.
pub(super) fn predeclared(name: &str) -> Option<Expr> {
    let name = name.strip_prefix("__").unwrap_or(name);
    let kind = match name {
        "string" => Kind::STRING,
        "bytes" => Kind::BYTES,
        "bool" => Kind::BOOL,
        "int" => Kind::INT,
        "float" => Kind::FLOAT,
        "number" => Kind::NUMBER,
        _ => {
            if name == "no_sharing" {
                return Some(Expr::Nothing);
            }
            if let Some(core) = Core::of(name) {
                return Some(Expr::Core(core));
            }
            return RANGES.iter().find(|(range, ..)| *range == name).map(|(range, ..)| Expr::Range(range));
        }
    };
    Some(Expr::Basic(kind))
}

/// An operand in a message.
pub(super) fn debug_text(ast: &Ast) -> String {
    match ast {
        Ast::Ident(name) => name.clone(),
        Ast::Unary(sign, operand) => format!("{sign}{}", debug_text(operand)),
        Ast::Paren(inner) => format!("({})", debug_text(inner)),
        Ast::Number(text) => text.clone(),
        Ast::String(text) => crate::label::quote(text),
        _ => "expression".to_owned(),
    }
}
