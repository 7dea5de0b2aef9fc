//! Calls of the standard packages for the policies of `generator.rs`.

use crate::generator::{Kind, Maker};

/// A call: `{N}`, `{S}`, `{L}`, `{M}` (a list of strings) and `{T}` are arguments.
const NUMBERS: &[&str] = &[
    "strings.Index({S}, {S})",
    "strings.LastIndex({S}, {S})",
    "strings.Count({S}, {S})",
    "strings.Compare({S}, {S})",
    "strings.ByteAt({S}, {N})",
    "strings.IndexAny({S}, {S})",
    "math.Floor({N})",
    "math.Ceil({N})",
    "math.Round({N})",
    "math.Trunc({N})",
    "math.Abs({N})",
    "math.Pow({N}, {N})",
    "math.Sqrt({N})",
    "math.Pow10({N})",
    "strconv.Atoi({D})",
    "strconv.ParseInt({D}, 10, 64)",
    "strconv.ParseUint({D}, 0, 8)",
    "strconv.ParseFloat({D}, 64)",
    "time.ParseDuration({D})",
    "base64.EncodedLen(null, {N})",
    "base64.DecodedLen(null, {N})",
    "hex.EncodedLen({N})",
    "hex.DecodedLen({N})",
    "json.Unmarshal({D})",
];

const LIST_NUMBERS: &[&str] = &[
    "list.Sum({L})",
    "list.Max({L})",
    "list.Min({L})",
    "list.Avg({L})",
    "list.Product({L})",
    "list.Range(0, {N}, 1)[0]",
    "len(list.Range(0, 3, 1))",
];

const STRINGS: &[&str] = &[
    "strings.ToUpper({S})",
    "strings.ToLower({S})",
    "strings.ToTitle({S})",
    "strings.ToCamel({S})",
    "strings.Join({M}, {S})",
    "strings.Replace({S}, {S}, {S}, {N})",
    "strings.Repeat({S}, {N})",
    "strings.TrimSpace({S})",
    "strings.Trim({S}, {S})",
    "strings.TrimPrefix({S}, {S})",
    "strings.TrimSuffix({S}, {S})",
    "strings.TrimLeft({S}, {S})",
    "strings.SliceRunes({S}, {N}, {N})",
    "strings.ByteSlice({S}, 0, {N})",
    "strings.Split({S}, {S})[0]",
    "strings.SplitN({S}, {S}, {N})[0]",
    "strings.Fields({S})[0]",
    "strconv.Quote({S})",
    "strconv.Unquote({S})",
    "strconv.FormatInt({N}, 10)",
    "strconv.FormatBool({B})",
    "strconv.FormatFloat({N}, 102, 2, 64)",
    "regexp.Find({R}, {S})",
    "regexp.FindAll({R}, {S}, {N})[0]",
    "regexp.FindSubmatch({R}, {S})[0]",
    "regexp.ReplaceAll({R}, {S}, {S})",
    "regexp.ReplaceAllLiteral({R}, {S}, {S})",
    "regexp.FindNamedSubmatch({R}, {S}).x",
    "regexp.QuoteMeta({S})",
    "time.Format({S}, time.RFC3339)",
    "time.Parse(time.RFC3339, {D})",
    "time.Unix({N}, {N})",
    "time.FormatDuration({N})",
    "json.Marshal({A})",
    "json.Compact({D})",
    "json.Indent({D}, \"\", \" \")",
    "json.HTMLEscape({D})",
    "base64.Encode(null, {S})",
    "\"\\(base64.Decode(null, {S}))\"",
    "hex.Encode({S})",
    "\"\\(hex.Decode({D}))\"",
    "hex.Encode(sha256.Sum256({S}))",
    "hex.Encode(sha512.Sum512({S}))",
    "net.SplitHostPort({D})[0]",
    "net.JoinHostPort({S}, {N})",
    "net.IPString({D})",
    "net.PathEscape({S})",
    "net.QueryEscape({S})",
    "net.QueryUnescape({S})",
];

const BOOLS: &[&str] = &[
    "strings.HasPrefix({S}, {S})",
    "strings.HasSuffix({S}, {S})",
    "strings.Contains({S}, {S})",
    "strings.ContainsAny({S}, {S})",
    "strings.MinRunes({S}, {N})",
    "strings.MaxRunes({S}, {N})",
    "list.Contains({L}, {N})",
    "list.Contains({M}, {S})",
    "list.MinItems({L}, {N})",
    "list.MaxItems({L}, {N})",
    "list.UniqueItems({L})",
    "list.IsSorted({L}, list.Ascending)",
    "list.IsSortedStrings({M})",
    "struct.MinFields({T}, {N})",
    "struct.MaxFields({T}, {N})",
    "regexp.Match({R}, {S})",
    "regexp.Valid({R})",
    "math.MultipleOf({N}, {N})",
    "strconv.ParseBool({S})",
    "time.Time({D})",
    "time.Duration({D})",
    "net.IP({D})",
    "net.IPv4({D})",
    "net.LoopbackIP({D})",
    "net.FQDN({S})",
    "net.IPCIDR({D})",
    "net.URL({S})",
    "json.Valid({D})",
    "json.Validate({D}, {A})",
    "list.MatchN({L}, {N}, {A})",
];

const LISTS: &[&str] = &[
    "list.Concat([{L}, {L}])",
    "list.FlattenN({L}, {N})",
    "list.Range(0, {N}, 1)",
    "list.Repeat({L}, {N})",
    "list.Reverse({L})",
    "list.Slice({L}, 0, {N})",
    "list.Take({L}, {N})",
    "list.Drop({L}, {N})",
    "list.Sort({L}, list.Ascending)",
    "list.Sort({L}, list.Descending)",
    "list.Sort({L}, {x: number, y: number, less: x < y})",
    "list.SortStable({L}, list.Ascending)",
    "list.SortStrings({M})",
    "strings.Split({S}, {S})",
    "strings.Fields({S})",
    "strings.Runes({S})",
    "regexp.FindSubmatch({R}, {S})",
    "regexp.FindAll({R}, {S}, {N})",
    "json.Unmarshal({D})",
    "net.ToIP4({D})",
];

/// What constrains a value, its first argument left out.
const VALIDATORS: &[&str] = &[
    "strings.MinRunes({N})",
    "strings.MaxRunes({N})",
    "strings.HasPrefix({S})",
    "strings.HasSuffix({S})",
    "strings.Contains({S})",
    "list.MinItems({N})",
    "list.MaxItems({N})",
    "list.UniqueItems()",
    "list.UniqueItems",
    "list.MatchN({N}, {A})",
    "struct.MinFields({N})",
    "struct.MaxFields({N})",
    "math.MultipleOf({N})",
    "regexp.Valid",
    "time.Time",
    "time.Time()",
    "time.Format(time.RFC3339)",
    "time.Duration",
    "net.IP",
    "net.IPv4()",
    "net.FQDN",
    "json.Validate({A})",
    "json.Valid",
    "matchN({N}, [{A}, {A}])",
    "matchN(>=1, [{A}, {A}])",
    "matchN(0, [{A}])",
    "matchIf({A}, {A}, {A})",
    "and([{A}, {A}])",
    "or([{A}, {A}])",
    "or({L})",
    "and({L})",
];

const PACKAGES: &[&str] = &[
    "strings",
    "list",
    "struct",
    "regexp",
    "math",
    "strconv",
    "time",
    "net",
    "encoding/json",
    "encoding/base64",
    "encoding/hex",
    "crypto/sha256",
    "crypto/sha512",
];

impl Maker<'_> {
    pub(crate) fn number_call(&mut self, depth: usize) -> String {
        self.some_call(NUMBERS, depth)
    }

    pub(crate) fn list_number(&mut self, depth: usize) -> String {
        self.some_call(LIST_NUMBERS, depth)
    }

    pub(crate) fn string_call(&mut self, depth: usize) -> String {
        self.some_call(STRINGS, depth)
    }

    pub(crate) fn bool_call(&mut self, depth: usize) -> String {
        self.some_call(BOOLS, depth)
    }

    pub(crate) fn list_call(&mut self, depth: usize) -> String {
        self.some_call(LISTS, depth)
    }

    pub(crate) fn validator(&mut self, depth: usize) -> String {
        self.some_call(VALIDATORS, depth)
    }

    fn some_call(&mut self, calls: &[&str], depth: usize) -> String {
        let template = self.random.pick(calls).to_owned();
        for path in PACKAGES {
            let name = path.rsplit('/').next().unwrap_or(path);
            if template.contains(&format!("{name}.")) {
                self.imports.insert(path);
            }
        }
        let mut out = String::new();
        let mut rest = template.as_str();
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let argument = after.get(1..3).and_then(|mark| mark.strip_suffix('}').map(|m| m.to_owned()));
            match argument.and_then(|mark| self.argument(&mark, depth)) {
                Some(text) => {
                    out.push_str(&text);
                    rest = &after[3..];
                }
                None => {
                    out.push('{');
                    rest = &after[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn argument(&mut self, mark: &str, depth: usize) -> Option<String> {
        let plain = self.random.chance(35);
        Some(match mark {
            "N" if plain => self.random.pick(&["0", "1", "2", "3", "1.5", "-1"]).to_owned(),
            "N" => self.expr(Kind::Number, depth + 1),
            "S" if plain => {
                self.random.pick(&["\"a\"", "\"b\"", "\"a b\"", "\"\"", "\"abcabc\"", "\"é\"", "'a'"]).to_owned()
            }
            "S" => self.expr(Kind::String, depth + 1),
            "B" => self.expr(Kind::Bool, depth + 1),
            "T" => self.expr(Kind::Struct, depth + 1),
            "L" => self.expr(Kind::List, depth + 1),
            "M" if plain => self.random.pick(&["[\"a\", \"b\"]", "[\"b\", \"a\", \"a\"]", "[string]"]).to_owned(),
            "M" => format!("[{}, {}]", self.expr(Kind::String, depth + 1), self.expr(Kind::String, depth + 1)),
            "A" => self.expr(Kind::Any, depth + 1),
            "R" if plain => self.expr(Kind::String, depth + 1),
            "R" => self
                .random
                .pick(&["\"a\"", "\"^[a-c]+$\"", "\"(?P<x>b)\"", "\"(\"", "\"a|b\"", "\"\\\\d+\""])
                .to_owned(),
            "D" if plain => self.expr(Kind::String, depth + 1),
            "D" => self
                .random
                .pick(&[
                    "\"1\"",
                    "\"12\"",
                    "\"1.5\"",
                    "\"0x1f\"",
                    "\"1h30m\"",
                    "\"2024-01-02T03:04:05Z\"",
                    "\"127.0.0.1\"",
                    "\"::1\"",
                    "\"a:80\"",
                    "\"[1, 2]\"",
                    "#\"{\"a\": 1}\"#",
                    "\"{\"",
                    "\"6162\"",
                    "\"10.0.0.0/8\"",
                ])
                .to_owned(),
            _ => return None,
        })
    }
}
