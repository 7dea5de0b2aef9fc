//! `sprintf`: Go's `fmt.Sprintf` for the verbs that policies use (`topdown/strings.go`, package `fmt`).

use super::super::json::{self, Style};
use super::super::number::Number;
use super::super::value::Value;
use super::strings::check_length;
use super::table::{Args, Stop};

/// What OPA hands to Go's formatter.
enum Arg {
    Int(i64),
    /// Digits of an integer beyond 64 bits.
    Big(String),
    Float(f64),
    Text(String),
}

impl Arg {
    fn new(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self::number(number),
            Value::String(text) => Self::Text(text.to_string()),
            other => {
                let mut text = String::new();
                json::print(other, Style::Rego, &mut text);
                Self::Text(text)
            }
        }
    }

    fn number(number: &Number) -> Self {
        if let Some(int) = number.as_int() {
            return Self::Int(int);
        }
        let text = number.text();
        if !text.contains(['.', 'e', 'E']) {
            return Self::Big(text);
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Self::Float(float),
            _ => Self::Text(text),
        }
    }

    /// `%v`
    fn plain(&self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Big(text) | Self::Text(text) => text.clone(),
            Self::Float(float) => general(*float),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}

/// Go's shortest `%g`: in plain notation for exponents from -4 to 5.
fn general(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// Flags, width and precision of a verb.
#[derive(Clone, Copy, Default)]
struct Layout {
    left: bool,
    plus: bool,
    zeros: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Layout {
    fn is_plain(self) -> bool {
        !self.left && !self.plus && !self.zeros && self.width.is_none() && self.precision.is_none()
    }

    fn pad(self, text: &str) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.left {
            return format!("{text}{}", " ".repeat(missing));
        }
        format!("{}{text}", " ".repeat(missing))
    }

    /// A precision is a least number of digits, and switches zeros off.
    fn integer(self, text: &str) -> String {
        let Some(precision) = self.precision else { return self.number(text) };
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        let digits = if precision == 0 && digits == "0" { "" } else { digits };
        let zeros = "0".repeat(precision.saturating_sub(digits.len()));
        Self { zeros: false, ..self }.number(&format!("{sign}{zeros}{digits}"))
    }

    fn number(self, text: &str) -> String {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None if self.plus => ("+", text),
            None => ("", text),
        };
        if self.zeros && !self.left {
            let missing = self.width.unwrap_or(0).saturating_sub(digits.len()).saturating_sub(sign.len());
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        self.pad(&format!("{sign}{digits}"))
    }
}

const UNSUPPORTED: Stop = Stop::Unsupported("this format of sprintf");
/// Widths beyond this are nobody's wish.
const MAX_WIDTH: usize = 1_000;

pub(super) fn sprintf(args: &Args<'_>) -> Result<Value, Stop> {
    let format = args.text(0)?;
    let mut given = args.get(1)?.as_array().ok_or(Stop::Undefined)?.iter().map(Arg::new);
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (before, verb) = rest.split_at(at);
        out.push_str(before);
        let (layout, after) = layout(verb.get(1..).unwrap_or_default())?;
        let Some(verb) = after.chars().next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            break;
        };
        rest = after.get(verb.len_utf8()..).unwrap_or_default();
        if verb == '%' {
            out.push('%');
            continue;
        }
        match given.next() {
            Some(arg) => out.push_str(&formatted(verb, &arg, layout)?),
            None => out.push_str(&format!("%!{verb}(MISSING)")),
        }
        check_length(out.len())?;
    }
    out.push_str(rest);
    let extra: Vec<String> = given.map(|arg| format!("{}={}", arg.kind(), arg.plain())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    check_length(out.len())?;
    Ok(Value::text(&out))
}

fn layout(text: &str) -> Result<(Layout, &str), Stop> {
    let mut layout = Layout::default();
    let mut rest = text;
    loop {
        match rest.chars().next() {
            Some('-') => layout.left = true,
            Some('+') => layout.plus = true,
            Some('0') => layout.zeros = true,
            Some('#' | ' ' | '*' | '[') => return Err(UNSUPPORTED),
            _ => break,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    let number = |rest: &mut &str| -> Result<Option<usize>, Stop> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        *rest = after;
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().ok().filter(|n| *n <= MAX_WIDTH).map(Some).ok_or(UNSUPPORTED)
    };
    layout.width = number(&mut rest)?;
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        layout.precision = Some(number(&mut rest)?.unwrap_or(0));
    }
    if rest.starts_with(['*', '[']) { Err(UNSUPPORTED) } else { Ok((layout, rest)) }
}

fn formatted(verb: char, arg: &Arg, layout: Layout) -> Result<String, Stop> {
    match (verb, arg) {
        ('v' | 's', Arg::Text(text)) => {
            if layout.zeros || layout.plus {
                return Err(UNSUPPORTED);
            }
            let cut: String = text.chars().take(layout.precision.unwrap_or(usize::MAX)).collect();
            Ok(layout.pad(&cut))
        }
        ('v' | 'd', Arg::Int(_)) => Ok(layout.integer(&arg.plain())),
        ('v' | 'd' | 's', Arg::Big(_)) if layout.precision.is_none() => Ok(layout.number(&arg.plain())),
        ('v', Arg::Float(_)) if layout.precision.is_none() && !layout.zeros => Ok(layout.number(&arg.plain())),
        ('f' | 'F', Arg::Float(float)) => {
            let digits = layout.precision.unwrap_or(6);
            Ok(layout.number(&format!("{float:.digits$}")))
        }
        ('x', Arg::Int(int)) => {
            let sign = if *int < 0 { "-" } else { "" };
            Ok(layout.integer(&format!("{sign}{:x}", int.unsigned_abs())))
        }
        ('x', Arg::Text(text)) if layout.is_plain() => Ok(sigward_verify::hex(text.as_bytes())),
        // Go says what it was given, in the same layout.
        ('d' | 't' | 'f', Arg::Text(_)) | ('s' | 'f' | 't', Arg::Int(_)) | ('s' | 'd' | 't', Arg::Float(_)) => {
            Ok(format!("%!{verb}({}={})", arg.kind(), formatted('v', arg, layout)?))
        }
        _ => Err(UNSUPPORTED),
    }
}
