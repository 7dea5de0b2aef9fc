//! trusted_root.json, and the PEM files of the `SIGSTORE_*` variables.

use serde_json::{Value, json};

use crate::ca::Ca;
use crate::ct::CtLog;
use crate::keys::Key;
use crate::rekor::Rekor;
use crate::text::b64;
use crate::time::{KEYS_START, rfc3339};
use crate::tsa::Tsa;

/// A trusted root, all parts open.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedRoot {
    /// Media type.
    pub media_type: String,
    /// Rekor logs.
    pub tlogs: Vec<LogTrust>,
    /// Fulcio instances.
    pub cas: Vec<CaTrust>,
    /// CT logs.
    pub ctlogs: Vec<LogTrust>,
    /// Timestamp authorities.
    pub tsas: Vec<CaTrust>,
}

/// `validFor`, both ends inclusive; an end that is `None` is left out.
pub type Window = (Option<i64>, Option<i64>);

/// One log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTrust {
    /// `baseUrl`.
    pub url: String,
    /// `hashAlgorithm`.
    pub hash: String,
    /// `publicKey.rawBytes`.
    pub key: Vec<u8>,
    /// `publicKey.keyDetails`.
    pub details: String,
    /// `publicKey.validFor`; left out when `None`.
    pub valid_for: Option<Window>,
    /// `logId.keyId`.
    pub log_id: Vec<u8>,
}

/// One authority.
#[derive(Debug, Clone, PartialEq)]
pub struct CaTrust {
    /// `subject.organization`.
    pub organization: String,
    /// `subject.commonName`.
    pub common_name: String,
    /// `uri`.
    pub url: String,
    /// `certChain`: leaf or issuing certificate first, root last.
    pub certs: Vec<Vec<u8>>,
    /// `validFor`; left out when `None`.
    pub valid_for: Option<Window>,
}

/// The media type that all clients read.
pub const TRUSTED_ROOT_V01: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
/// The other spelling.
pub const TRUSTED_ROOT_V02: &str = "application/vnd.dev.sigstore.trustedroot.v0.2+json";

impl Default for TrustedRoot {
    fn default() -> Self {
        Self {
            media_type: TRUSTED_ROOT_V01.to_owned(),
            tlogs: Vec::new(),
            cas: Vec::new(),
            ctlogs: Vec::new(),
            tsas: Vec::new(),
        }
    }
}

impl LogTrust {
    /// Any key.
    pub fn new(url: &str, key: &Key, log_id: &[u8]) -> Self {
        Self {
            url: url.to_owned(),
            hash: "SHA2_256".to_owned(),
            key: key.spki(),
            details: key.details().to_owned(),
            valid_for: Some((Some(KEYS_START), None)),
            log_id: log_id.to_vec(),
        }
    }

    fn to_value(&self) -> Value {
        let mut key = json!({"rawBytes": b64(&self.key), "keyDetails": self.details});
        add_window(&mut key, self.valid_for);
        json!({
            "baseUrl": self.url,
            "hashAlgorithm": self.hash,
            "publicKey": key,
            "logId": {"keyId": b64(&self.log_id)},
        })
    }
}

impl From<&Rekor> for LogTrust {
    fn from(log: &Rekor) -> Self {
        Self::new(&log.url, &log.key, &log.log_id)
    }
}

impl From<&CtLog> for LogTrust {
    fn from(log: &CtLog) -> Self {
        Self::new(&log.url, &log.key, &log.key.id())
    }
}

impl From<&Ca> for CaTrust {
    fn from(ca: &Ca) -> Self {
        Self::new("sigstore", &ca.url, ca.chain())
    }
}

impl From<&Tsa> for CaTrust {
    fn from(tsa: &Tsa) -> Self {
        Self::new("sigstore-tsa", &tsa.url, tsa.chain())
    }
}

impl CaTrust {
    /// Any chain.
    pub fn new(common_name: &str, url: &str, certs: Vec<Vec<u8>>) -> Self {
        Self {
            organization: "sigstore.test".to_owned(),
            common_name: common_name.to_owned(),
            url: url.to_owned(),
            certs,
            valid_for: Some((Some(KEYS_START), None)),
        }
    }

    fn to_value(&self) -> Value {
        let certs: Vec<_> = self.certs.iter().map(|der| json!({"rawBytes": b64(der)})).collect();
        let mut out = json!({
            "subject": {"organization": self.organization, "commonName": self.common_name},
            "uri": self.url,
            "certChain": {"certificates": certs},
        });
        add_window(&mut out, self.valid_for);
        out
    }
}

impl TrustedRoot {
    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let logs = |logs: &[LogTrust]| logs.iter().map(LogTrust::to_value).collect::<Vec<_>>();
        let cas = |cas: &[CaTrust]| cas.iter().map(CaTrust::to_value).collect::<Vec<_>>();
        json!({
            "mediaType": self.media_type,
            "tlogs": logs(&self.tlogs),
            "certificateAuthorities": cas(&self.cas),
            "ctlogs": logs(&self.ctlogs),
            "timestampAuthorities": cas(&self.tsas),
        })
    }

    /// The file.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.to_value())
    }
}

fn add_window(object: &mut Value, window: Option<Window>) {
    let Some((start, end)) = window else {
        return;
    };
    let mut valid_for = json!({});
    for (name, time) in [("start", start), ("end", end)] {
        if let Some(time) = time {
            valid_for[name] = Value::from(rfc3339(time));
        }
    }
    object["validFor"] = valid_for;
}
