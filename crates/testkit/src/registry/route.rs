//! Which part of the distribution API a path means.

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Ping,
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
    Upload { name: &'a str, id: &'a str },
    Referrers { name: &'a str, digest: &'a str },
    Tags { name: &'a str },
    Token,
    Other,
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        if path == "/token" {
            return Self::Token;
        }
        let Some(rest) = path.strip_prefix("/v2") else { return Self::Other };
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Self::Ping;
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Self::Tags { name };
        }
        if let Some((name, id)) = rest.rsplit_once("/blobs/uploads") {
            return Self::Upload { name, id: id.trim_start_matches('/') };
        }
        let Some((front, last)) = rest.rsplit_once('/') else { return Self::Other };
        match front.rsplit_once('/') {
            Some((name, "manifests")) => Self::Manifest { name, reference: last },
            Some((name, "blobs")) => Self::Blob { name, digest: last },
            Some((name, "referrers")) => Self::Referrers { name, digest: last },
            _ => Self::Other,
        }
    }

    /// Is it what clients come for?
    pub(super) fn is_content(self) -> bool {
        matches!(self, Self::Manifest { .. } | Self::Blob { .. } | Self::Referrers { .. } | Self::Tags { .. })
    }

    pub(super) fn repository(self) -> Option<&'a str> {
        match self {
            Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. }
            | Self::Tags { name } => Some(name),
            Self::Ping | Self::Token | Self::Other => None,
        }
    }
}

/// The values of a parameter in a query or form, decoded.
pub(super) fn parameters(text: &str, name: &str) -> Vec<String> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| decode(value)).collect()
}

/// The first value of a parameter.
pub(super) fn parameter(text: &str, name: &str) -> Option<String> {
    parameters(text, name).into_iter().next()
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits);
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}
