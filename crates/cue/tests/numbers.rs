//! Arithmetic, order and literals of numbers, compared with what CUE v0.15.4 made of them: `data/numbers.jsonl`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]

use serde_json::Value as Json;
use sigward_cue::kind::Kind;
use sigward_cue::number::{Number, NumberFault};

const TABLE: &str = include_str!("data/numbers.jsonl");

#[test]
fn numbers_come_to_what_cue_makes_of_them() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in TABLE.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let found = if row["name"] == "literal" { literal(&row) } else { operation(&row) };
        let expected = match (&row["result"], row.get("error").or_else(|| row.get("compile"))) {
            (Json::Bool(holds), _) => holds.to_string(),
            (_, Some(_)) => "error".to_owned(),
            (result, None) => written(result),
        };
        compared += 1;
        if found != expected {
            wrong.push(format!("{line}\n    found    {found}\n    expected {expected}"));
        }
    }
    println!("{compared} compared");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// `int 12`, as a row has it.
fn written(json: &Json) -> String {
    json.as_object().unwrap().iter().map(|(kind, digits)| format!("{kind} {}", digits.as_str().unwrap())).collect()
}

fn number(json: &Json) -> Number {
    let (kind, digits) = json.as_object().unwrap().iter().next().unwrap();
    let number = Number::parse_decimal(digits.as_str().unwrap()).unwrap();
    if kind == "float" { number.into_float() } else { number }
}

fn told(result: Result<Number, NumberFault>) -> String {
    match result {
        Ok(number) => format!("{} {number}", if number.kind() == Kind::INT { "int" } else { "float" }),
        Err(NumberFault::TooLarge) => "over a limit".to_owned(),
        Err(_) => "error".to_owned(),
    }
}

fn literal(row: &Json) -> String {
    let text = row.get("text").map_or_else(|| row["source"][0].as_str().unwrap(), |text| text.as_str().unwrap());
    match text.strip_prefix('-') {
        Some(digits) => told(Number::parse_literal(digits).map(|number| number.negate())),
        None => told(Number::parse_literal(text)),
    }
}

fn operation(row: &Json) -> String {
    let args: Vec<Number> = row["args"].as_array().unwrap().iter().map(number).collect();
    let [a, b] = args.as_slice() else { return told(Ok(args[0].negate())) };
    match row["name"].as_str().unwrap() {
        "+" => told(a.add(b)),
        "-" => told(a.sub(b)),
        "*" => told(a.mul(b)),
        "/" => told(a.quo(b)),
        "div" => told(a.int_div(b)),
        "mod" => told(a.int_mod(b)),
        "quo" => told(a.int_quo(b)),
        "rem" => told(a.int_rem(b)),
        "<" => (a < b).to_string(),
        "<=" => (a <= b).to_string(),
        "==" => (a == b).to_string(),
        "!=" => (a != b).to_string(),
        ">" => (a > b).to_string(),
        ">=" => (a >= b).to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_huge_exponent_is_refused_before_it_is_written_out() {
    for text in ["1e999999999", "1e-999999999", "1e10001", "1e99999999999999999999", "1e-99999999999999999999"] {
        assert_eq!(Number::parse_decimal(text), Err(NumberFault::TooLarge), "{text}");
        assert_eq!(Number::parse_literal(text), Err(NumberFault::TooLarge), "{text}");
    }
    let large = Number::parse_decimal("1e10000").unwrap();
    let larger = large.mul(&large).unwrap();
    assert_eq!(larger.mul(&large), Err(NumberFault::TooLarge));
}

#[test]
fn too_many_digits_are_refused() {
    let digits = "1".repeat(1_001);
    assert_eq!(Number::parse_decimal(&digits), Err(NumberFault::TooLarge));
    assert_eq!(Number::parse_literal(&format!("0x{digits}")), Err(NumberFault::TooLarge));
    assert!(Number::parse_decimal(&digits[1..]).is_ok());
}
