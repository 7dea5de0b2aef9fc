//! Addresses, with the errors of Go's `net/netip`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use num_bigint::{BigInt, Sign};

use super::super::quote::{Plain, quote};

/// An address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Address {
    /// Of version 4.
    V4([u8; 4]),
    /// Of version 6.
    V6 {
        octets: [u8; 16],
        /// Empty if it has none.
        zone: String,
    },
}

/// An address and the length of a network's prefix.
pub(super) struct Prefix {
    pub(super) address: Address,
    pub(super) bits: u32,
}

impl Address {
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        if let Ok(octets) = octets.try_into() {
            return Some(Self::V4(octets));
        }
        Some(Self::V6 { octets: octets.try_into().ok()?, zone: String::new() })
    }

    /// Reads an address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.bytes().find(|c| matches!(c, b'.' | b':' | b'%')) {
            Some(b'.') => four(text, text).map(Self::V4),
            Some(b':') => six(text),
            Some(_) => Err(wrong(text, "missing IPv6 address", None)),
            None => Err(wrong(text, "unable to parse IP", None)),
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::V4(octets) => octets,
            Self::V6 { octets, .. } => octets,
        }
    }

    pub(super) fn bit_length(&self) -> u32 {
        match self {
            Self::V4(_) => 32,
            Self::V6 { .. } => 128,
        }
    }

    /// As 16 bytes, an address of version 4 mapped.
    pub(super) fn sixteen(&self) -> [u8; 16] {
        match self {
            Self::V4(octets) => Ipv4Addr::from(*octets).to_ipv6_mapped().octets(),
            Self::V6 { octets, .. } => *octets,
        }
    }

    /// The address of version 4, also where it is mapped.
    fn four(&self) -> Option<Ipv4Addr> {
        match self {
            Self::V4(octets) => Some(Ipv4Addr::from(*octets)),
            Self::V6 { octets, .. } => Ipv6Addr::from(*octets).to_ipv4_mapped(),
        }
    }

    fn six(&self) -> Ipv6Addr {
        Ipv6Addr::from(self.sixteen())
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.four().map_or_else(|| self.six().is_loopback(), |four| four.is_loopback())
    }

    pub(super) fn is_multicast(&self) -> bool {
        self.four().map_or_else(|| self.six().is_multicast(), |four| four.is_multicast())
    }

    pub(super) fn is_interface_local_multicast(&self) -> bool {
        self.four().is_none() && self.six().segments().first().is_some_and(|first| first & 0xff0f == 0xff01)
    }

    pub(super) fn is_link_local_multicast(&self) -> bool {
        match self.four() {
            Some(four) => matches!(four.octets(), [224, 0, 0, _]),
            None => self.six().segments().first().is_some_and(|first| first & 0xff0f == 0xff02),
        }
    }

    pub(super) fn is_link_local_unicast(&self) -> bool {
        self.four().map_or_else(|| self.six().is_unicast_link_local(), |four| four.is_link_local())
    }

    pub(super) fn is_global_unicast(&self) -> bool {
        let special = match self.four() {
            Some(four) => four.is_unspecified() || four.is_broadcast(),
            None => self.six().is_unspecified() && !self.has_zone(),
        };
        !special && !self.is_loopback() && !self.is_multicast() && !self.is_link_local_unicast()
    }

    /// A mapped address is not, nor one with a zone.
    pub(super) fn is_unspecified(&self) -> bool {
        self.octets().iter().all(|octet| *octet == 0) && !self.has_zone()
    }

    fn has_zone(&self) -> bool {
        matches!(self, Self::V6 { zone, .. } if !zone.is_empty())
    }

    /// The address so many further on, without its zone.
    pub(super) fn add(&self, offset: &BigInt) -> Result<Self, &'static str> {
        const OVERFLOW: &str = "IP address arithmetic resulted in out-of-range address (overflow)";
        let sum = BigInt::from_bytes_be(Sign::Plus, self.octets()) + offset;
        if sum.sign() == Sign::Minus {
            return Err("IP address arithmetic resulted in out-of-range address (underflow)");
        }
        match self {
            Self::V4(_) => u32::try_from(sum).map(|sum| Self::V4(sum.to_be_bytes())),
            Self::V6 { .. } => {
                u128::try_from(sum).map(|sum| Self::V6 { octets: sum.to_be_bytes(), zone: String::new() })
            }
        }
        .map_err(|_| OVERFLOW)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(octets) => Ipv4Addr::from(*octets).fmt(f),
            Self::V6 { zone, .. } => {
                match self.four() {
                    Some(four) => write!(f, "::ffff:{four}")?,
                    None => write_six(f, &self.six())?,
                }
                if zone.is_empty() { Ok(()) } else { write!(f, "%{zone}") }
            }
        }
    }
}

/// Rust writes `::1.2.3.4` for what Go writes in hexadecimal.
fn write_six(f: &mut fmt::Formatter<'_>, six: &Ipv6Addr) -> fmt::Result {
    let segments = six.segments();
    // The longest run of at least two zeros, the first of them.
    let mut run = (0, 0);
    let mut start = 0;
    for (at, segment) in segments.iter().enumerate() {
        if *segment != 0 {
            start = at + 1;
        } else if at + 1 - start > run.1 {
            run = (start, at + 1 - start);
        }
    }
    let join = |part: Option<&[u16]>| {
        part.unwrap_or_default().iter().map(|segment| format!("{segment:x}")).collect::<Vec<_>>().join(":")
    };
    if run.1 < 2 {
        return f.write_str(&join(Some(&segments)));
    }
    write!(f, "{}::{}", join(segments.get(..run.0)), join(segments.get(run.0 + run.1..)))
}

impl Prefix {
    /// Reads an address and a length.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let quoted = |text: &str| quote(text, Plain::Printable);
        let wrong = |why: String| format!("netip.ParsePrefix({}): {why}", quoted(text));
        let Some((address, bits)) = text.rsplit_once('/') else { return Err(wrong("no '/'".into())) };
        let address = Address::parse(address).map_err(wrong)?;
        if address.has_zone() {
            return Err(wrong("IPv6 zones cannot be present in a prefix".into()));
        }
        let bad = || wrong(format!("bad bits after slash: {}", quoted(bits)));
        if bits.is_empty() || !bits.bytes().all(|c| c.is_ascii_digit()) {
            // Go's Atoi takes a sign, if it is alone with one digit; but the first of several must be a digit.
            return Err(bad());
        }
        if bits.len() > 1 && bits.starts_with('0') {
            return Err(bad());
        }
        let bits = bits.parse::<i64>().map_err(|_| bad())?;
        match u32::try_from(bits) {
            Ok(bits) if bits <= address.bit_length() => Ok(Self { address, bits }),
            _ => Err(wrong("prefix length out of range".into())),
        }
    }
}

fn wrong(text: &str, why: &str, at: Option<&str>) -> String {
    let quoted = quote(text, Plain::Printable);
    match at {
        Some(at) if !at.is_empty() => format!("ParseAddr({quoted}): {why} (at {})", quote(at, Plain::Printable)),
        _ => format!("ParseAddr({quoted}): {why}"),
    }
}

/// Four decimal fields, the part of `whole` that is an address of version 4.
fn four(whole: &str, text: &str) -> Result<[u8; 4], String> {
    let mut octets = [0_u8; 4];
    let (mut value, mut digits, mut field) = (0_u32, 0, 0_usize);
    let mut previous = '.';
    for (at, c) in text.char_indices() {
        let rest = text.get(at..);
        match c {
            '0'..='9' => {
                if digits == 1 && value == 0 {
                    return Err(wrong(whole, "IPv4 field has octet with leading zero", None));
                }
                value = value * 10 + c.to_digit(10).unwrap_or_default();
                digits += 1;
                if value > 255 {
                    return Err(wrong(whole, "IPv4 field has value >255", None));
                }
            }
            '.' if previous == '.' || rest == Some(".") => {
                return Err(wrong(whole, "IPv4 field must have at least one digit", rest));
            }
            '.' if field == 3 => return Err(wrong(whole, "IPv4 address too long", None)),
            '.' => {
                set(&mut octets, field, value);
                field += 1;
                (value, digits) = (0, 0);
            }
            _ => return Err(wrong(whole, "unexpected character", rest)),
        }
        previous = c;
    }
    if field < 3 {
        return Err(wrong(whole, "IPv4 address too short", None));
    }
    set(&mut octets, field, value);
    Ok(octets)
}

fn set(octets: &mut [u8], at: usize, value: u32) {
    if let (Some(octet), Ok(value)) = (octets.get_mut(at), u8::try_from(value)) {
        *octet = value;
    }
}

fn six(whole: &str) -> Result<Address, String> {
    let (mut rest, zone) = match whole.split_once('%') {
        Some((_, "")) => return Err(wrong(whole, "zone must be a non-empty string", None)),
        Some((rest, zone)) => (rest, zone.to_owned()),
        None => (whole, String::new()),
    };
    let mut octets: Vec<u8> = Vec::with_capacity(16);
    let mut ellipsis = None;
    if let Some(after) = rest.strip_prefix("::") {
        ellipsis = Some(0);
        rest = after;
    }
    while octets.len() < 16 && !(ellipsis == Some(0) && octets.is_empty() && rest.is_empty()) {
        let length = hex_length(whole, rest)?;
        let (digits, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if after.starts_with('.') {
            if ellipsis.is_none() && octets.len() != 12 {
                let why = "embedded IPv4 address must replace the final 2 fields of the address";
                return Err(wrong(whole, why, Some(rest)));
            }
            if octets.len() > 12 {
                let why = "too many hex fields to fit an embedded IPv4 at the end of the address";
                return Err(wrong(whole, why, Some(rest)));
            }
            octets.extend(four(whole, rest)?);
            rest = "";
            break;
        }
        octets.extend(u16::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes());
        rest = after;
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else {
            return Err(wrong(whole, "unexpected character, want colon", Some(rest)));
        };
        if after.is_empty() {
            return Err(wrong(whole, "colon must be followed by more characters", Some(rest)));
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis.is_some() {
                return Err(wrong(whole, "multiple :: in address", Some(rest)));
            }
            ellipsis = Some(octets.len());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return Err(wrong(whole, "trailing garbage after address", Some(rest)));
    }
    let missing = 16_usize.saturating_sub(octets.len());
    match ellipsis {
        None if missing > 0 => return Err(wrong(whole, "address string too short", None)),
        Some(_) if missing == 0 => {
            return Err(wrong(whole, "the :: must expand to at least one field of zeros", None));
        }
        Some(at) => {
            octets.splice(at..at, std::iter::repeat_n(0, missing));
        }
        None => {}
    }
    let octets = octets.try_into().map_err(|_| wrong(whole, "address string too short", None))?;
    Ok(Address::V6 { octets, zone })
}

/// The length of a group of hexadecimal digits.
fn hex_length(whole: &str, rest: &str) -> Result<usize, String> {
    let length = rest.bytes().take(5).take_while(u8::is_ascii_hexdigit).count();
    match length {
        0 => Err(wrong(whole, "each colon-separated field must have at least one digit", Some(rest))),
        5.. => Err(wrong(whole, "each group must have 4 or less digits", Some(rest))),
        length => Ok(length),
    }
}
