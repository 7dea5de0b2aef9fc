//! Package `net`: addresses, host names and URLs, as Go's `net/netip`, `net` and `net/url` read them.

mod host;
mod ip;
mod url;

use num_bigint::BigInt;

use super::args::{Args, builtin, failure, lossy, text_budget};
use super::quote::{Plain, quote};
use super::text::multiline;
use super::{Builtin, BuiltinError, CallContext, Member, Value};
use crate::kind::Kind;
use crate::number::Number;
use ip::{Address, Prefix};
use url::Mode;

type Result<T> = std::result::Result<T, BuiltinError>;

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("net", "SplitHostPort", [Kind::STRING] => Kind::LIST, |_, args: &Args<'_>| {
        let (host, port) = host::split_port(args.string(0)?).map_err(failure)?;
        Ok(Value::list(vec![Value::string(host), Value::string(port)]))
    }),
    builtin!("net", "JoinHostPort", [Kind::TOP, Kind::TOP] => Kind::STRING, join_host_port),
    builtin!("net", "FQDN", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        host::is_qualified(args.string(0)?).map(Value::Bool)
    }),
    builtin!("net", "ParseIP", [Kind::STRING] => Kind::LIST, |_, args: &Args<'_>| {
        let text = args.string(0)?;
        let address = Address::parse(text)
            .map_err(|_| failure(format!("invalid IP address {}", quote(text, Plain::Printable))))?;
        Ok(bytes(address.octets()))
    }),
    builtin!("net", "IPv4", [Kind::TOP] => Kind::BOOL, |_, args| is(args, |ip| matches!(ip, Address::V4(_)))),
    builtin!("net", "IPv6", [Kind::TOP] => Kind::BOOL, |_, args| is(args, |ip| matches!(ip, Address::V6 { .. }))),
    builtin!("net", "IP", [Kind::TOP] => Kind::BOOL, |_, args| is(args, |_| true)),
    builtin!("net", "IPCIDR", [Kind::TOP] => Kind::BOOL, |_, args: &Args<'_>| {
        // What is neither a string nor bytes passes in CUE: its function reports no error for it.
        prefix(args).map(|_| Value::Bool(true))
    }),
    builtin!("net", "LoopbackIP", [Kind::TOP] => Kind::BOOL, |_, args| is(args, Address::is_loopback)),
    builtin!("net", "MulticastIP", [Kind::TOP] => Kind::BOOL, |_, args| is(args, Address::is_multicast)),
    builtin!("net", "InterfaceLocalMulticastIP", [Kind::TOP] => Kind::BOOL, |_, args| {
        is(args, Address::is_interface_local_multicast)
    }),
    builtin!("net", "LinkLocalMulticastIP", [Kind::TOP] => Kind::BOOL, |_, args| {
        is(args, Address::is_link_local_multicast)
    }),
    builtin!("net", "LinkLocalUnicastIP", [Kind::TOP] => Kind::BOOL, |_, args| {
        is(args, Address::is_link_local_unicast)
    }),
    builtin!("net", "GlobalUnicastIP", [Kind::TOP] => Kind::BOOL, |_, args| is(args, Address::is_global_unicast)),
    builtin!("net", "UnspecifiedIP", [Kind::TOP] => Kind::BOOL, |_, args| is(args, Address::is_unspecified)),
    builtin!("net", "ToIP4", [Kind::TOP] => Kind::LIST, |_, args: &Args<'_>| match valid(args)? {
        Address::V4(octets) => Ok(bytes(&octets)),
        other => Err(failure(format!("cannot convert {} to IPv4", quote(&other.to_string(), Plain::Printable)))),
    }),
    builtin!("net", "ToIP16", [Kind::TOP] => Kind::LIST, |_, args: &Args<'_>| Ok(bytes(&valid(args)?.sixteen()))),
    builtin!("net", "IPString", [Kind::TOP] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(&valid(args)?.to_string()))
    }),
    builtin!("net", "AddIP", [Kind::TOP, Kind::INT] => Kind::STRING, add_ip),
    builtin!("net", "AddIPCIDR", [Kind::TOP, Kind::INT] => Kind::STRING, add_prefix),
    builtin!("net", "PathEscape", [Kind::STRING] => Kind::STRING, |context, args| escape(context, args, Mode::Segment)),
    builtin!("net", "PathUnescape", [Kind::STRING] => Kind::STRING, |_, args| unescape(args, Mode::Segment)),
    builtin!("net", "QueryEscape", [Kind::STRING] => Kind::STRING, |context, args| escape(context, args, Mode::Query)),
    builtin!("net", "QueryUnescape", [Kind::STRING] => Kind::STRING, |_, args| unescape(args, Mode::Query)),
    builtin!("net", "URL", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        url::parse(args.string(0)?).map(|_| Value::Bool(true)).map_err(failure)
    }),
    builtin!("net", "AbsURL", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        match url::parse(args.string(0)?).map_err(failure)? {
            url::Form::Absolute => Ok(Value::Bool(true)),
            url::Form::Relative => Err(failure("URL is not absolute")),
        }
    }),
];

/// The constants.
pub(super) fn constant(name: &str) -> Option<Member> {
    let length = match name {
        "IPv4len" => 4,
        "IPv6len" => 16,
        _ => return None,
    };
    Some(Member::Constant(Value::Number(Number::int(length))))
}

fn bytes(octets: &[u8]) -> Value {
    Value::list(octets.iter().map(|octet| Value::Number(Number::int(*octet))).collect())
}

/// An address in text, or as a list of its bytes. Nothing if it is none.
fn address(value: &Value) -> Option<Address> {
    match value {
        Value::String(text) => Address::parse(text).ok(),
        Value::Bytes(bytes) => Address::parse(std::str::from_utf8(bytes).ok()?).ok(),
        Value::List { items, .. } => {
            let octets: Vec<u8> = items
                .iter()
                .map(|item| match item {
                    Value::Number(number) if number.kind() == Kind::INT => u8::try_from(number.to_i64()?).ok(),
                    _ => None,
                })
                .collect::<Option<_>>()?;
            Address::from_octets(&octets)
        }
        _ => None,
    }
}

fn is(args: &Args<'_>, property: fn(&Address) -> bool) -> Result<Value> {
    Ok(Value::Bool(address(args.value(0)?).is_some_and(|address| property(&address))))
}

fn valid(args: &Args<'_>) -> Result<Address> {
    let value = args.value(0)?;
    address(value).ok_or_else(|| invalid(value))
}

fn invalid(value: &Value) -> BuiltinError {
    let shown = match value {
        Value::String(text) => text.to_string(),
        other => multiline(other),
    };
    failure(format!("invalid IP {}", quote(&shown, Plain::Printable)))
}

/// A prefix in text; nothing for values of other kinds.
fn prefix(args: &Args<'_>) -> Result<Option<Prefix>> {
    match args.value(0)? {
        Value::String(text) => Prefix::parse(text).map(Some).map_err(failure),
        Value::Bytes(bytes) => Prefix::parse(&lossy(bytes)).map(Some).map_err(failure),
        _ => Ok(None),
    }
}

/// Where CUE runs into a nil pointer, and recovers.
fn nil_pointer() -> BuiltinError {
    failure("runtime error: invalid memory address or nil pointer dereference")
}

fn add_ip(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let offset = args.big_int(1)?;
    match prefix(args) {
        Ok(None) => Err(nil_pointer()),
        Ok(Some(prefix)) => added(&prefix.address, &offset, Some(prefix.bits)),
        Err(_) => added(&valid(args)?, &offset, None),
    }
}

fn add_prefix(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let offset = args.big_int(1)?;
    let prefix = prefix(args)?.ok_or_else(nil_pointer)?;
    let host_bits = prefix.address.bit_length().saturating_sub(prefix.bits);
    added(&prefix.address, &(offset << host_bits), Some(prefix.bits))
}

fn added(address: &Address, offset: &BigInt, bits: Option<u32>) -> Result<Value> {
    let sum = address.add(offset).map_err(failure)?;
    Ok(Value::string(&match bits {
        Some(bits) => format!("{sum}/{bits}"),
        None => sum.to_string(),
    }))
}

fn join_host_port(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (host, port) = (args.value(0)?, args.value(1)?);
    let wrong =
        |value: &Value, kind: &str| failure(format!("cannot use value {value} (type {}) as {kind}", value.kind()));
    let host = match host {
        Value::List { .. } => match address(host) {
            Some(address) => address.to_string(),
            None => return Err(failure(format!("invalid host {}", multiline(host)))),
        },
        Value::Bytes(bytes) => lossy(bytes),
        Value::String(text) => text.to_string(),
        other => return Err(wrong(other, "string")),
    };
    let port = match port {
        Value::String(text) => text.to_string(),
        Value::Bytes(bytes) => lossy(bytes),
        Value::Number(number) if number.kind() == Kind::INT => match number.to_i64() {
            Some(port) => port.to_string(),
            None => {
                let why = if number.is_negative() { "value was rounded up" } else { "value was rounded down" };
                return Err(failure(why));
            }
        },
        other => return Err(wrong(other, "int")),
    };
    Ok(Value::string(&if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }))
}

fn escape(context: &mut CallContext<'_>, args: &Args<'_>, mode: Mode) -> Result<Value> {
    let text = args.string(0)?;
    text_budget(context, text.len().saturating_mul(3))?;
    Ok(Value::string(&url::escape(text, mode)))
}

fn unescape(args: &Args<'_>, mode: Mode) -> Result<Value> {
    let bytes = url::unescape(args.string(0)?.as_bytes(), mode).map_err(failure)?;
    Ok(Value::string(&lossy(&bytes)))
}
