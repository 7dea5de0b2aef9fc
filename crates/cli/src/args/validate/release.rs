//! From flags to requests about Kubernetes releases.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::images::registry;
use super::{exclusive, verification};
use crate::args::error::{ArgumentCount, UsageErrorKind};
use crate::args::flag::Flag;
use crate::args::flags as f;
use crate::args::go;
use crate::args::notice::Notice;
use crate::args::request::{
    IdentityRule, Kit, KnownFaults, LockUse, ReleaseImages, ReleaseListRequest, ReleasePlace, ReleaseRequest,
    ReportFormat, Retry, SignatureDigest, Signer, TextRule, Unnamed, WorkflowRule,
};
use crate::args::values::Values;
use crate::release::glob::Pattern;
use crate::release::layout::{Others, Platform, Selection};
use crate::release::markers::Choice;

/// Who signs files of releases (specs/cosign.md §4.1).
const FILE_SIGNER: &str = "krel-staging@k8s-releng-prod.iam.gserviceaccount.com";
/// Who signs images of releases.
const IMAGE_SIGNER: &str = "krel-trust@k8s-releng-prod.iam.gserviceaccount.com";
/// Who vouches for both.
const ISSUER: &str = "https://accounts.google.com";
const BASE_URL: &str = "https://dl.k8s.io";
/// As the Kubernetes page's curl.
const RETRIES: u32 = 3;

pub(in crate::args) fn list(values: &Values, positionals: &[OsString]) -> Result<ReleaseListRequest, UsageErrorKind> {
    let choice = match positionals {
        [] => None,
        [one] => Some(choice(one)?),
        several => return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtMost(1, several.len()))),
    };
    Ok(ReleaseListRequest {
        choice,
        base_url: base_url(values)?,
        retry: retry(values)?,
        selection: selection(values)?,
        output: output(values),
    })
}

pub(in crate::args) fn fetch(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<ReleaseRequest, UsageErrorKind> {
    let kit = values.path(&f::RELEASE_KIT);
    let dest = values.path(&f::RELEASE_DEST);
    let (folder, kit) = match (kit, dest) {
        (Some(_), Some(_)) => {
            return Err(UsageErrorKind::Contradiction { one: f::RELEASE_KIT.name, other: f::RELEASE_DEST.name });
        }
        (Some(folder), None) => (folder, Kit::WithTrustRoot),
        (None, folder) => (folder.unwrap_or_else(|| ".".into()), Kit::FilesOnly),
    };
    let place = ReleasePlace::Fetch { base_url: base_url(values)?, folder, kit };
    request(values, positionals, place, notices)
}

pub(in crate::args) fn verify(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<ReleaseRequest, UsageErrorKind> {
    let place = match values.path(&f::RELEASE_DIR) {
        Some(_) if values.is_set(&f::RELEASE_BASE_URL) => {
            return Err(UsageErrorKind::Contradiction { one: f::RELEASE_DIR.name, other: f::RELEASE_BASE_URL.name });
        }
        Some(folder) => ReleasePlace::Folder(folder),
        None => ReleasePlace::Server { base_url: base_url(values)? },
    };
    let mut request = request(values, positionals, place, notices)?;
    if matches!(request.place, ReleasePlace::Folder(_)) {
        request.selection.others = Others::Wanted;
    }
    if let (ReleasePlace::Folder(_), Choice::Marker(_)) = (&request.place, &request.choice) {
        return Err(UsageErrorKind::MarkerWithFolder);
    }
    if values.switch(&f::RELEASE_IMAGES) {
        request.images = Some(ReleaseImages {
            identity: TextRule::Exact(values.text(&f::RELEASE_IMAGE_IDENTITY)?.unwrap_or_else(|| IMAGE_SIGNER.into())),
            registry: registry(values, notices)?,
            mirror: values.text(&f::RELEASE_IMAGE_REGISTRY)?,
        });
    }
    Ok(request)
}

fn request(
    values: &Values,
    positionals: &[OsString],
    place: ReleasePlace,
    _notices: &mut Vec<Notice>,
) -> Result<ReleaseRequest, UsageErrorKind> {
    let [version] = positionals else {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::Exactly(1, positionals.len())));
    };
    exclusive(values)?;
    let verification = verification(values, signer(values)?, SignatureDigest::default())?;
    Ok(ReleaseRequest {
        choice: choice(version)?,
        place,
        selection: selection(values)?,
        verification,
        images: None,
        unnamed: if values.switch(&f::RELEASE_UNNAMED) { Unnamed::AcceptedUnsafe } else { Unnamed::Refused },
        known_faults: match values.switch(&f::RELEASE_KNOWN_FAULTS) {
            true => KnownFaults::AcceptedUnsafe,
            false => KnownFaults::Refused,
        },
        lock: values.path(&f::RELEASE_LOCK),
        lock_use: if values.switch(&f::RELEASE_LOCKED) { LockUse::Required } else { LockUse::Kept },
        jobs: values.count(&f::RELEASE_JOBS),
        retry: retry(values)?,
        output: output(values),
    })
}

fn choice(typed: &OsStr) -> Result<Choice, UsageErrorKind> {
    let unknown = || UsageErrorKind::ReleaseVersion(go::quote(typed.as_encoded_bytes()));
    typed.to_str().and_then(Choice::parse).ok_or_else(unknown)
}

fn signer(values: &Values) -> Result<Signer, UsageErrorKind> {
    let rule = |exact, regexp, default: &str| match (exact, regexp) {
        (Some(exact), Some(regexp)) => TextRule::Both { exact, regexp },
        (Some(exact), None) => TextRule::Exact(exact),
        (None, Some(regexp)) => TextRule::Regexp(regexp),
        (None, None) => TextRule::Exact(default.to_owned()),
    };
    let (exact, regexp) = (values.text(&f::IDENTITY)?, values.text(&f::IDENTITY_REGEXP)?);
    if exact.is_some() && regexp.is_some() {
        return Err(UsageErrorKind::KeyAndIdentity);
    }
    let subject = rule(exact, regexp, FILE_SIGNER);
    let issuer = rule(values.text(&f::ISSUER)?, values.text(&f::ISSUER_REGEXP)?, ISSUER);
    Ok(Signer::Keyless(IdentityRule { subject, issuer, workflow: WorkflowRule::default() }))
}

fn base_url(values: &Values) -> Result<String, UsageErrorKind> {
    let Some(url) = values.text(&f::RELEASE_BASE_URL)? else { return Ok(BASE_URL.to_owned()) };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(invalid(&f::RELEASE_BASE_URL, &url, "expected http:// or https://"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn selection(values: &Values) -> Result<Selection, UsageErrorKind> {
    let platform = |text: &String| {
        Platform::parse(text).ok_or_else(|| invalid(&f::RELEASE_PLATFORM, text, "expected OS/ARCH, as in linux/amd64"))
    };
    let pattern = |text: &String| {
        Pattern::parse(text).ok_or_else(|| invalid(&f::RELEASE_ONLY, text, "expected a name or a pattern"))
    };
    let selection = Selection {
        platforms: values.list(&f::RELEASE_PLATFORM).iter().map(platform).collect::<Result<_, _>>()?,
        only: values.list(&f::RELEASE_ONLY).iter().map(pattern).collect::<Result<_, _>>()?,
        others: Others::Left,
    };
    // An unset variable of a shell must not ask for everything, nor for nothing.
    for (flag, is_empty) in
        [(&f::RELEASE_PLATFORM, selection.platforms.is_empty()), (&f::RELEASE_ONLY, selection.only.is_empty())]
    {
        if values.is_set(flag) && is_empty {
            return Err(invalid(flag, "", "expected a value"));
        }
    }
    Ok(selection)
}

fn retry(values: &Values) -> Result<Retry, UsageErrorKind> {
    let number = |flag: &Flag, most: u32| match values.number(flag) {
        None => Ok(None),
        Some(number) => match u32::try_from(number) {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(invalid(flag, &number.to_string(), "expected a number that is not negative, and not so large")),
        },
    };
    Ok(Retry {
        count: number(&f::RELEASE_RETRY, 100)?.unwrap_or(RETRIES),
        delay: number(&f::RELEASE_RETRY_DELAY, 3600)?.map(|seconds| Duration::from_secs(u64::from(seconds))),
    })
}

fn output(values: &Values) -> ReportFormat {
    match values.choice(&f::RELEASE_OUTPUT) {
        Some("json") => ReportFormat::Json,
        Some("junit") => ReportFormat::Junit,
        Some("sarif") => ReportFormat::Sarif,
        _ => ReportFormat::Table,
    }
}

fn invalid(flag: &Flag, value: &str, reason: &str) -> UsageErrorKind {
    UsageErrorKind::FlagValue { value: go::quote(value.as_bytes()), flag: flag.spelled(), reason: reason.to_owned() }
}
