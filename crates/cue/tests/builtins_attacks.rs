//! What a policy or a document could do with functions: each attack ends in "unsupported", before memory is taken.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]

use sigward_cue::builtins::{BuiltinError, CallContext, Host, Member, Schema, Validation, Value, lookup};
use sigward_cue::limits::{MAX_INPUT_DEPTH, MAX_LIST_VALUES, MAX_STEPS, MAX_TEXT_BYTES};
use sigward_cue::number::Number;

struct Budget(u64);

impl Host for Budget {
    fn spend(&mut self, steps: u64) -> Result<(), BuiltinError> {
        self.0 = self.0.checked_sub(steps).ok_or_else(|| BuiltinError::Unsupported("out of steps".into()))?;
        Ok(())
    }

    fn unify(&mut self, _: Schema, _: &Value) -> Result<Option<Value>, BuiltinError> {
        Ok(None)
    }

    fn satisfies(&mut self, _: Schema, _: &Value, _: Validation) -> Result<bool, BuiltinError> {
        Ok(false)
    }

    fn describe(&self, _: Schema) -> String {
        String::new()
    }
}

fn call(function: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    call_within(MAX_STEPS, function, args)
}

fn call_within(steps: u64, function: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    let (package, name) = function.rsplit_once('.').unwrap();
    let Some(Member::Function(builtin)) = lookup(package, name) else { panic!("{function} is missing") };
    let mut host = Budget(steps);
    (builtin.call)(&mut CallContext { host: &mut host, is_validator: false }, args)
}

#[track_caller]
fn refused(function: &str, args: &[Value]) {
    let outcome = call(function, args);
    assert!(matches!(outcome, Err(BuiltinError::Unsupported(_))), "{function}: {outcome:.200?}");
}

fn text(value: &str) -> Value {
    Value::string(value)
}

fn int(value: u64) -> Value {
    Value::Number(Number::int(value))
}

fn long(bytes: usize) -> Value {
    Value::string(&"a".repeat(bytes))
}

fn list_of(value: Value, count: usize) -> Value {
    Value::list(vec![value; count])
}

#[test]
fn a_text_is_repeated_without_end() {
    refused("strings.Repeat", &[text("a"), int(u64::from(u32::MAX))]);
    refused("strings.Repeat", &[text("ab"), int(9_223_372_036_854_775_807)]);
    assert_eq!(call("strings.Repeat", &[text(""), int(9_223_372_036_854_775_807)]), Ok(text("")));
}

#[test]
fn a_replacement_grows_a_text() {
    let grows = [long(1 << 16), text("a"), long(1 << 16)];
    refused("strings.Replace", &[grows[0].clone(), grows[1].clone(), grows[2].clone(), Value::Number(Number::int(-1))]);
    refused("strings.Replace", &[grows[0].clone(), text(""), grows[2].clone(), Value::Number(Number::int(-1))]);
    refused("regexp.ReplaceAll", &[text("a"), grows[0].clone(), grows[2].clone()]);
    refused("regexp.ReplaceAllLiteral", &[text(""), grows[0].clone(), grows[2].clone()]);
}

#[test]
fn one_text_is_joined_many_times() {
    refused("strings.Join", &[list_of(long(1 << 16), 1 << 10), text("")]);
    refused("strings.Join", &[list_of(text(""), 1 << 10), long(1 << 16)]);
}

#[test]
fn a_text_is_cut_into_too_many_pieces() {
    let pieces = usize::try_from(MAX_LIST_VALUES).unwrap() + 1;
    refused("strings.Split", &[long(pieces), text("")]);
    refused("strings.Runes", &[long(pieces)]);
    refused("strings.Fields", &[text(&"a ".repeat(pieces))]);
}

#[test]
fn lists_within_lists_are_repeated() {
    let inner = list_of(int(1), 1_000);
    refused("list.Repeat", &[Value::list(vec![inner.clone()]), int(1_000_000)]);
    refused("list.Repeat", &[Value::list(vec![int(1)]), int(9_223_372_036_854_775_807)]);
    assert_eq!(call("list.Repeat", &[Value::list(vec![]), int(9_223_372_036_854_775_807)]), Ok(Value::list(vec![])));
    let many = list_of(list_of(inner, 40), 40);
    refused("list.Concat", std::slice::from_ref(&many));
    refused("list.FlattenN", &[many, Value::Number(Number::int(-1))]);
}

#[test]
fn a_range_has_no_end() {
    refused("list.Range", &[int(0), int(u64::MAX), int(1)]);
    let tiny = Value::Number(Number::parse_decimal("1e-30").unwrap());
    refused("list.Range", &[int(0), int(1), tiny]);
    // At 34 digits the step is rounded away: CUE never ends.
    let still = Value::Number(Number::parse_decimal("1e-40").unwrap());
    refused("list.Range", &[int(1), int(2), still]);
}

#[test]
fn many_elements_are_compared_with_each_other() {
    let many = Value::list((0..20_000_u64).map(int).collect());
    let outcome = call_within(MAX_STEPS / 100, "list.UniqueItems", &[many]);
    assert!(matches!(outcome, Err(BuiltinError::Unsupported(_))));
}

#[test]
fn numbers_are_too_large_to_be_written_out() {
    refused("math.Pow10", &[int(2_147_483_647)]);
    refused("math.Pow", &[int(10), int(10_000_000_000)]);
    refused("math.Exp", &[int(1_000_000)]);
    refused("strconv.ParseInt", &[long(2_000), int(16), int(0)]);
    refused("strconv.FormatFloat", &[int(1), int(102), int(1_000_000_000), int(64)]);
    let tiny = Value::Number(Number::parse_decimal("1e-10000").unwrap());
    let huge = Value::Number(Number::parse_decimal("1e10000").unwrap());
    refused("list.Product", &[Value::list(vec![huge.clone(), huge.clone(), huge.clone()])]);
    refused("list.Product", &[Value::list(vec![tiny.clone(), tiny.clone(), tiny])]);
    assert!(call("math.Floor", &[huge]).is_ok());
}

#[test]
fn json_nests_or_grows() {
    let deep = "[".repeat(MAX_INPUT_DEPTH + 1);
    for function in ["Valid", "Compact", "Unmarshal"] {
        refused(&format!("encoding/json.{function}"), &[text(&deep)]);
    }
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    refused("encoding/json.Indent", &[text(&nested), text(""), long(1 << 20)]);
    refused("encoding/json.Unmarshal", &[text("1e999999999")]);
    refused("encoding/json.Unmarshal", &[text(r#"{"a": 1, "b": 2, "a": 3}"#)]);
    refused("encoding/json.Marshal", &[list_of(long(1 << 16), 1 << 10)]);
}

#[test]
fn escapes_and_encodings_grow_a_text() {
    let most = MAX_TEXT_BYTES;
    refused("encoding/hex.Encode", &[long(most)]);
    refused("encoding/hex.Dump", &[long(most / 2)]);
    refused("encoding/base64.Encode", &[Value::Null, long(most)]);
    refused("strconv.Quote", &[long(most)]);
    refused("net.PathEscape", &[long(most)]);
    refused("time.FormatString", &[long(most), text("2021-01-01T00:00:00Z")]);
}

#[test]
fn a_regular_expression_takes_too_long() {
    let nested = text(r"(?:(?:a?){20}){20}(?:a){20}b");
    refused("regexp.Match", &[nested, long(1 << 20)]);
    refused("regexp.Match", &[text(&r"\pL{900}".repeat(20)), text("a")]);
    refused("regexp.Match", &[long(1 << 17), text("a")]);
    // Each of very many matches begins a new search.
    let outcome = call("regexp.FindAll", &[text("a?"), long(1 << 18), Value::Number(Number::int(-1))]);
    assert!(matches!(outcome, Err(BuiltinError::Unsupported(_))));
}

#[test]
fn digests_that_can_be_forged_are_no_package() {
    for package in ["crypto/md5", "crypto/sha1"] {
        assert!(lookup(package, "Sum").is_none());
        assert!(sigward_cue::builtins::is_unsupported(package));
    }
}
