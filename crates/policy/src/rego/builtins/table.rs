//! The table of built-in functions, with the types that OPA v1.12.3 declares (`capabilities.json`).

use jiff::Timestamp;

use super::super::number::Number;
use super::super::types::{Type, notation};
use super::super::value::{TooLarge, Value};
use super::{collections, encoding, numbers, sprintf, strings, time};

/// A built-in function.
#[derive(Debug)]
pub(crate) struct Builtin {
    name: &'static str,
    /// Types of the arguments, in the notation of [`notation`].
    pub(crate) args: &'static [&'static str],
    result: &'static str,
    pub(crate) run: fn(&Args<'_>) -> Result<Value, Stop>,
}

impl Builtin {
    pub(crate) fn arg_types(&self) -> Vec<Option<Type>> {
        self.args.iter().map(|a| Some(notation(a))).collect()
    }

    /// Whether its value depends on when it is asked.
    pub(crate) fn reads_clock(&self) -> bool {
        self.name == "time.now_ns"
    }

    pub(crate) fn result_type(&self) -> Type {
        notation(self.result)
    }
}

/// Why a function has no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The arguments have none: OPA's error of a built-in function, which makes an expression undefined.
    Undefined,
    TooLarge,
    /// OPA has a value, and this does not.
    Unsupported(&'static str),
}

impl From<TooLarge> for Stop {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// The arguments, as many as the table says.
pub(crate) struct Args<'a> {
    pub(crate) args: &'a [Value],
    pub(crate) now: Timestamp,
}

impl Args<'_> {
    pub(crate) fn get(&self, n: usize) -> Result<&Value, Stop> {
        self.args.get(n).ok_or(Stop::Undefined)
    }

    pub(crate) fn text(&self, n: usize) -> Result<&str, Stop> {
        self.get(n)?.as_str().ok_or(Stop::Undefined)
    }

    pub(crate) fn number(&self, n: usize) -> Result<&Number, Stop> {
        self.get(n)?.as_number().ok_or(Stop::Undefined)
    }

    /// What OPA's `IntOperand` takes: an integer without point or exponent.
    pub(crate) fn int(&self, n: usize) -> Result<i64, Stop> {
        self.number(n)?.as_int().ok_or(Stop::Undefined)
    }

    /// The elements of an array or a set.
    pub(crate) fn elements(&self, n: usize) -> Result<Vec<&Value>, Stop> {
        match self.get(n)? {
            Value::Array(node) => Ok(node.items.iter().collect()),
            Value::Set(node) => Ok(node.items.iter().collect()),
            _ => Err(Stop::Undefined),
        }
    }
}

/// The built-in function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    TABLE.binary_search_by(|b| b.name.cmp(name)).ok().and_then(|n| TABLE.get(n))
}

/// Whether OPA has a built-in function of that name.
pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some() || UNSUPPORTED.contains(&name)
}

const fn row(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    run: fn(&Args<'_>) -> Result<Value, Stop>,
) -> Builtin {
    Builtin { name, args, result, run }
}

/// Sorted by name.
static TABLE: &[Builtin] = &[
    row("abs", &["num"], "num", numbers::abs),
    row("all", &["<any>|[any]"], "bool", collections::all),
    row("and", &["<any>", "<any>"], "<any>", collections::and),
    row("any", &["<any>|[any]"], "bool", collections::any),
    row("array.concat", &["[any]", "[any]"], "[any]", collections::array_concat),
    row("array.reverse", &["[any]"], "[any]", collections::array_reverse),
    row("array.slice", &["[any]", "num", "num"], "[any]", collections::array_slice),
    row("base64.decode", &["str"], "str", encoding::base64_decode),
    row("base64.encode", &["str"], "str", encoding::base64_encode),
    row("base64.is_valid", &["str"], "bool", encoding::base64_is_valid),
    row("base64url.decode", &["str"], "str", encoding::base64url_decode),
    row("base64url.encode", &["str"], "str", encoding::base64url_encode),
    row("base64url.encode_no_pad", &["str"], "str", encoding::base64url_encode_no_pad),
    row("ceil", &["num"], "num", numbers::ceil),
    row("concat", &["str", "<str>|[str]"], "str", strings::concat),
    row("contains", &["str", "str"], "bool", strings::contains),
    row("count", &["<any>|[any]|str|{any:any}"], "num", collections::count),
    row("div", &["num", "num"], "num", numbers::div),
    row("endswith", &["str", "str"], "bool", strings::endswith),
    row("equal", &["any", "any"], "bool", collections::equal),
    row("floor", &["num"], "num", numbers::floor),
    row("format_int", &["num", "num"], "str", numbers::format_int),
    row("gt", &["any", "any"], "bool", collections::gt),
    row("gte", &["any", "any"], "bool", collections::gte),
    row("hex.decode", &["str"], "str", encoding::hex_decode),
    row("hex.encode", &["str"], "str", encoding::hex_encode),
    row("indexof", &["str", "str"], "num", strings::indexof),
    row("indexof_n", &["str", "str"], "[num]", strings::indexof_n),
    row("internal.member_2", &["any", "any"], "bool", collections::member_2),
    row("internal.member_3", &["any", "any", "any"], "bool", collections::member_3),
    row("intersection", &["<<any>>"], "<any>", collections::intersection),
    row("is_array", &["any"], "bool", collections::is_array),
    row("is_boolean", &["any"], "bool", collections::is_boolean),
    row("is_null", &["any"], "bool", collections::is_null),
    row("is_number", &["any"], "bool", collections::is_number),
    row("is_object", &["any"], "bool", collections::is_object),
    row("is_set", &["any"], "bool", collections::is_set),
    row("is_string", &["any"], "bool", collections::is_string),
    row("json.is_valid", &["str"], "bool", encoding::json_is_valid),
    row("json.marshal", &["any"], "str", encoding::json_marshal),
    row("json.unmarshal", &["str"], "any", encoding::json_unmarshal),
    row("lower", &["str"], "str", strings::lower),
    row("lt", &["any", "any"], "bool", collections::lt),
    row("lte", &["any", "any"], "bool", collections::lte),
    row("max", &["<any>|[any]"], "any", collections::max),
    row("min", &["<any>|[any]"], "any", collections::min),
    row("minus", &["<any>|num", "<any>|num"], "<any>|num", numbers::minus),
    row("mul", &["num", "num"], "num", numbers::mul),
    row("neq", &["any", "any"], "bool", collections::neq),
    row("numbers.range", &["num", "num"], "[num]", numbers::numbers_range),
    row("object.filter", &["{any:any}", "<any>|[any]|{any:any}"], "any", collections::object_filter),
    row("object.get", &["{any:any}", "any", "any"], "any", collections::object_get),
    row("object.keys", &["{any:any}"], "<any>", collections::object_keys),
    row("object.remove", &["{any:any}", "<any>|[any]|{any:any}"], "any", collections::object_remove),
    row("object.union", &["{any:any}", "{any:any}"], "any", collections::object_union),
    row("object.union_n", &["[{any:any}]"], "any", collections::object_union_n),
    row("or", &["<any>", "<any>"], "<any>", collections::or),
    row("plus", &["num", "num"], "num", numbers::plus),
    row("product", &["<num>|[num]"], "num", numbers::product),
    row("re_match", &["str", "str"], "bool", strings::regex_match),
    row("regex.is_valid", &["str"], "bool", strings::regex_is_valid),
    row("regex.match", &["str", "str"], "bool", strings::regex_match),
    row("rem", &["num", "num"], "num", numbers::rem),
    row("replace", &["str", "str", "str"], "str", strings::replace),
    row("round", &["num"], "num", numbers::round),
    row("sort", &["<any>|[any]"], "[any]", collections::sort),
    row("split", &["str", "str"], "[str]", strings::split),
    row("sprintf", &["str", "[any]"], "str", sprintf::sprintf),
    row("startswith", &["str", "str"], "bool", strings::startswith),
    row("strings.any_prefix_match", &["<str>|[str]|str", "<str>|[str]|str"], "bool", strings::any_prefix_match),
    row("strings.any_suffix_match", &["<str>|[str]|str", "<str>|[str]|str"], "bool", strings::any_suffix_match),
    row("strings.count", &["str", "str"], "num", strings::strings_count),
    row("strings.replace_n", &["{str:str}", "str"], "str", strings::replace_n),
    row("strings.reverse", &["str"], "str", strings::reverse),
    row("substring", &["str", "num", "num"], "str", strings::substring),
    row("sum", &["<num>|[num]"], "num", numbers::sum),
    row("time.add_date", &["num", "num", "num", "num"], "num", time::add_date),
    row("time.clock", &["(num,str)|num"], "(num,num,num)", time::clock),
    row("time.date", &["(num,str)|num"], "(num,num,num)", time::date),
    row("time.now_ns", &[], "num", time::now_ns),
    row("time.parse_duration_ns", &["str"], "num", time::parse_duration_ns),
    row("time.parse_rfc3339_ns", &["str"], "num", time::parse_rfc3339_ns),
    row("time.weekday", &["(num,str)|num"], "str", time::weekday),
    row("to_number", &["bool|null|num|str"], "num", numbers::to_number),
    row("trim", &["str", "str"], "str", strings::trim),
    row("trim_left", &["str", "str"], "str", strings::trim_left),
    row("trim_prefix", &["str", "str"], "str", strings::trim_prefix),
    row("trim_right", &["str", "str"], "str", strings::trim_right),
    row("trim_space", &["str"], "str", strings::trim_space),
    row("trim_suffix", &["str", "str"], "str", strings::trim_suffix),
    row("type_name", &["any"], "str", collections::type_name),
    row("union", &["<<any>>"], "<any>", collections::union),
    row("upper", &["str"], "str", strings::upper),
];

/// What OPA has beside these. A policy that calls one is not supported; a name in neither list is undefined, as in OPA.
pub(crate) const UNSUPPORTED: &[&str] = &[
    "bits.and",
    "bits.lsh",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "cast_array",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "cast_set",
    "cast_string",
    "crypto.hmac.equal",
    "crypto.hmac.md5",
    "crypto.hmac.sha1",
    "crypto.hmac.sha256",
    "crypto.hmac.sha512",
    "crypto.md5",
    "crypto.parse_private_keys",
    "crypto.sha1",
    "crypto.sha256",
    "crypto.x509.parse_and_verify_certificates",
    "crypto.x509.parse_and_verify_certificates_with_options",
    "crypto.x509.parse_certificate_request",
    "crypto.x509.parse_certificates",
    "crypto.x509.parse_keypair",
    "crypto.x509.parse_rsa_private_key",
    "glob.match",
    "glob.quote_meta",
    "graph.reachable",
    "graph.reachable_paths",
    "graphql.is_valid",
    "graphql.parse",
    "graphql.parse_and_verify",
    "graphql.parse_query",
    "graphql.parse_schema",
    "graphql.schema_is_valid",
    "http.send",
    "io.jwt.decode",
    "io.jwt.decode_verify",
    "io.jwt.encode_sign",
    "io.jwt.encode_sign_raw",
    "io.jwt.verify_eddsa",
    "io.jwt.verify_es256",
    "io.jwt.verify_es384",
    "io.jwt.verify_es512",
    "io.jwt.verify_hs256",
    "io.jwt.verify_hs384",
    "io.jwt.verify_hs512",
    "io.jwt.verify_ps256",
    "io.jwt.verify_ps384",
    "io.jwt.verify_ps512",
    "io.jwt.verify_rs256",
    "io.jwt.verify_rs384",
    "io.jwt.verify_rs512",
    "json.filter",
    "json.marshal_with_options",
    "json.match_schema",
    "json.patch",
    "json.remove",
    "json.verify_schema",
    "net.cidr_contains",
    "net.cidr_contains_matches",
    "net.cidr_expand",
    "net.cidr_intersects",
    "net.cidr_is_valid",
    "net.cidr_merge",
    "net.cidr_overlap",
    "net.lookup_ip_addr",
    "numbers.range_step",
    "object.subset",
    "opa.runtime",
    "providers.aws.sign_req",
    "rand.intn",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.globs_match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "rego.metadata.chain",
    "rego.metadata.rule",
    "rego.parse_module",
    "semver.compare",
    "semver.is_valid",
    "set_diff",
    "strings.render_template",
    "time.diff",
    "time.format",
    "time.parse_ns",
    "trace",
    "units.parse",
    "units.parse_bytes",
    "urlquery.decode",
    "urlquery.decode_object",
    "urlquery.encode",
    "urlquery.encode_object",
    "uuid.parse",
    "uuid.rfc4122",
    "walk",
    "yaml.is_valid",
    "yaml.marshal",
    "yaml.unmarshal",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_readable() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        assert!(UNSUPPORTED.iter().all(|name| find(name).is_none()));
        for builtin in TABLE {
            // A slip of the notation would read as `any`.
            for text in builtin.args.iter().chain([&builtin.result]) {
                assert_eq!(notation(text) == notation("any"), *text == "any", "{}: {text}", builtin.name);
            }
        }
    }

    /// A policy must not reach a network, a clock, an environment or chance.
    #[test]
    fn what_reaches_outside_or_depends_on_chance_is_unsupported() {
        for name in ["http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122", "trace"] {
            assert!(UNSUPPORTED.contains(&name), "{name}");
        }
    }
}
