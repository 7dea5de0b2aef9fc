//! Which networks may be asked. A program that asks hosts which strangers name must not be their way into its own network
//! (server-side request forgery): the address is looked at after name resolution and before each connection, so that
//! redirects, token servers and names that change their meaning are covered too.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Networks that are not asked, and exceptions from them. The default refuses nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkRules {
    refused: Vec<Network>,
    allowed: Vec<Network>,
}

/// An address with the length of its network: `10.0.0.0/8`, `fe80::/10`; an address alone is that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// What is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a network such as 10.0.0.0/8, found {found:?}")]
pub struct BadNetwork {
    found: String,
}

/// Where no registry is, and much that must not be asked: this machine, its links (with the clouds' metadata services),
/// metadata services elsewhere (AWS over IPv6, Alibaba, Oracle), and what is nobody's address (RFC 6890).
const INWARD: &[(IpAddr, u8)] = &[
    (v4(127, 0, 0, 0), 8),
    (v4(0, 0, 0, 0), 8),
    (v4(169, 254, 0, 0), 16),
    (v4(100, 100, 100, 200), 32),
    (v4(192, 0, 0, 0), 24),
    (v4(224, 0, 0, 0), 3),
    (v6([0, 0, 0, 0, 0, 0, 0, 0]), 127),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0]), 10),
    (v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254]), 128),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0]), 8),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(parts: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = parts;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

impl NetworkRules {
    /// Refuses this machine, its links, metadata services, and what is nobody's address.
    pub fn inward_refused() -> Self {
        let network = |&(address, length): &(IpAddr, u8)| Network { address, length };
        Self { refused: INWARD.iter().map(network).collect(), allowed: Vec::new() }
    }

    /// Refuses this network too.
    #[must_use]
    pub fn refuse(mut self, network: Network) -> Self {
        self.refused.push(network);
        self
    }

    /// Allows this network, whatever else refuses it.
    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.allowed.push(network);
        self
    }

    /// Whether an address may be asked.
    pub(crate) fn permit(&self, address: IpAddr) -> bool {
        let address = embedded(address);
        let within = |network: &Network| network.contains(address);
        !self.refused.iter().any(within) || self.allowed.iter().any(within)
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped (RFC 4291), translated (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let of = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    match (a, b) {
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => of(g, h),
        (0x2002, _) => of(b, c),
        _ => address,
    }
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.length));
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.length));
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork { found: text.to_owned() };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(longest);
        if length > longest { Err(bad()) } else { Ok(Self { address, length }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(rules: &NetworkRules, address: &str) -> bool {
        rules.permit(address.parse().unwrap())
    }

    #[test]
    fn inward_addresses_in_all_their_spellings() {
        let rules = NetworkRules::inward_refused();
        for address in [
            "127.0.0.1",
            "127.255.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
        ] {
            assert!(!permits(&rules, address), "{address}");
        }
        for address in ["8.8.8.8", "10.0.0.1", "192.168.1.1", "2606:4700::1", "fd00::1", "223.255.255.255"] {
            assert!(permits(&rules, address), "{address}");
            assert!(permits(&NetworkRules::default(), address), "{address}");
        }
        assert!(permits(&NetworkRules::default(), "127.0.0.1"));
    }

    #[test]
    fn settings_add_and_except() {
        let rules = NetworkRules::inward_refused().refuse("10.0.0.0/8".parse().unwrap());
        assert!(!permits(&rules, "10.255.255.255") && permits(&rules, "11.0.0.0"));
        let rules = rules.allow("10.1.0.0/16".parse().unwrap()).allow("127.0.0.1".parse().unwrap());
        assert!(permits(&rules, "10.1.2.3") && permits(&rules, "127.0.0.1"));
        assert!(!permits(&rules, "10.2.0.1") && !permits(&rules, "127.0.0.2"));
        let everything = NetworkRules::default().refuse("0.0.0.0/0".parse().unwrap());
        assert!(!permits(&everything, "8.8.8.8") && permits(&everything, "2606:4700::1"));
    }

    #[test]
    fn what_is_no_network() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "example.com", "10.0.0.0/-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert_eq!("10.0.0.0/8".parse::<Network>().unwrap().to_string(), "10.0.0.0/8");
    }
}
