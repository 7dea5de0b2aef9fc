//! `tree`, `triangulate`, `download signature` and `download attestation`: what is attached to an image. Nothing is
//! verified here, and the outputs are those of cosign (specs/cosign.md §2.11).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigward_verify::image::{
    Attached, AttachedTag, Contents, ImageReference, Listing, ListingQuestion, Referrer, Referrers,
};
use sigward_verify::{Envelope, to_base64};

use crate::args::request::{
    AttachmentKind, DownloadAttestationRequest, DownloadSignatureRequest, OutputFormat, PredicateType, ReferrerUse,
    RegistryRequest, TreeRequest, TriangulateRequest,
};
use crate::commands::{Streams, plain};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::image_network;
use crate::network::Network;

const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// `tree`.
pub fn tree(request: &TreeRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let referrers = match request.referrers {
        ReferrerUse::Listed => Referrers::Listed,
        ReferrerUse::Omitted => Referrers::Ignored,
    };
    let outcome = list(&request.image, &AttachedTag::ALL, referrers, Contents::Unread, &request.registry, network)
        .and_then(|(reference, listing)| match request.output {
            OutputFormat::Json => streams.result(format_args!("{:#}", tree_json(&reference, &listing))),
            OutputFormat::Text => streams.result(plain(&tree_text(&reference, &listing, &request.registry.tag_prefix))),
        });
    finish(outcome, streams)
}

/// `triangulate`.
pub fn triangulate(request: &TriangulateRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let outcome = list(&request.image, &[], Referrers::Ignored, Contents::Unread, &request.registry, network).and_then(
        |(_, listing)| {
            let tag = |kind: AttachedTag| kind.of(&request.registry.tag_prefix, &listing.digest);
            let place = &listing.place;
            streams.result(match request.kind {
                AttachmentKind::Attestation => format!("{place}:{}", tag(AttachedTag::Attestations)),
                AttachmentKind::Sbom => format!("{place}:{}", tag(AttachedTag::Sboms)),
                AttachmentKind::Signature => format!("{place}:{}", tag(AttachedTag::Signatures)),
                AttachmentKind::Digest => format!("{place}@{}", listing.digest),
            })
        },
    );
    finish(outcome, streams)
}

/// `download signature`.
pub fn signatures(request: &DownloadSignatureRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let contents = Contents::Read { limit: network.environment.max_attachment_size };
    let tags = [AttachedTag::Signatures];
    let outcome = list(&request.image, &tags, Referrers::Listed, contents, &request.registry, network).and_then(
        |(_, listing)| {
            let mut lines: Vec<String> = bundles(&listing).map(|(_, text)| text).collect();
            if lines.is_empty() {
                lines = layers(&listing).map(|attached| signature_json(attached).to_string()).collect();
            }
            if lines.is_empty() {
                return Err(Failure::NothingAttached { what: "no signatures associated".into() });
            }
            lines.iter().try_for_each(|line| streams.result(line))
        },
    );
    finish(outcome, streams)
}

/// `download attestation`.
pub fn attestations(request: &DownloadAttestationRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    if request.platform.is_some() {
        return streams.fail(&Failure::Unsupported {
            what: "--platform: name the platform's image by its digest instead".into(),
        });
    }
    let contents = Contents::Read { limit: network.environment.max_attachment_size };
    let tags = [AttachedTag::Attestations];
    let outcome = list(&request.image, &tags, Referrers::Listed, contents, &request.registry, network).and_then(
        |(_, listing)| {
            let wanted = |found: &str| request.predicate.as_ref().is_none_or(|wanted| wanted.uri == found);
            let mut lines: Vec<String> =
                bundles(&listing).filter(|(kind, _)| wanted(kind)).map(|(_, text)| text).collect();
            let envelopes = layers(&listing).filter_map(|attached| Envelope::from_json(&attached.content).ok());
            let envelopes = envelopes.filter(|envelope| wanted(&predicate_of(envelope)));
            lines.extend(envelopes.map(|envelope| envelope_json(&envelope).to_string()));
            match (lines.is_empty(), &request.predicate) {
                (false, _) => lines.iter().try_for_each(|line| streams.result(line)),
                (true, None) => Err(Failure::NothingAttached { what: "found no attestations".into() }),
                (true, Some(PredicateType { typed, .. })) => Err(Failure::NothingAttached {
                    what: format!("no attestations with predicate type '{typed}' found"),
                }),
            }
        },
    );
    finish(outcome, streams)
}

fn finish(outcome: Result<(), Failure>, streams: &mut Streams<'_>) -> Exit {
    match outcome {
        Ok(()) => Exit::Success,
        Err(failure) => streams.fail(&failure),
    }
}

fn list(
    image: &str,
    tags: &[AttachedTag],
    referrers: Referrers,
    contents: Contents,
    registry: &RegistryRequest,
    network: &Network,
) -> Result<(ImageReference, Listing), Failure> {
    let reference = ImageReference::parse(image)?;
    let evidence_at = network.evidence_repository()?;
    let question = ListingQuestion {
        reference: reference.clone(),
        evidence_at,
        tag_prefix: registry.tag_prefix.clone(),
        tags: tags.to_vec(),
        referrers,
        contents,
    };
    let listing = image_network::list(question, registry, network)?;
    Ok((reference, listing))
}

fn layers(listing: &Listing) -> impl Iterator<Item = &Attached> {
    listing.tags.iter().flat_map(|(_, layers)| layers)
}

/// Bundles that refer to the image, with their predicate type, as one line of JSON each.
fn bundles(listing: &Listing) -> impl Iterator<Item = (String, String)> {
    let all = listing.referrers.iter().flat_map(|referrer| &referrer.layers);
    let bundles = all.filter(|attached| attached.layer.media_type.starts_with(BUNDLE_TYPE));
    bundles.filter_map(|attached| {
        let json: Value = serde_json::from_slice(&attached.content).ok()?;
        let kind = json
            .get("dsseEnvelope")
            .and_then(|envelope| Envelope::from_json(envelope.to_string().as_bytes()).ok())
            .map(|envelope| predicate_of(&envelope));
        Some((kind.unwrap_or_default(), json.to_string()))
    })
}

fn predicate_of(envelope: &Envelope) -> String {
    let statement: Option<Value> = serde_json::from_slice(&envelope.payload).ok();
    let found = statement.as_ref().and_then(|s| s.get("predicateType")).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// Of a layer, as cosign prints it: with a `keyid`, which says nothing.
fn envelope_json(envelope: &Envelope) -> Value {
    let signatures: Value =
        envelope.signatures.iter().map(|sig| json!({ "keyid": "", "sig": to_base64(sig) })).collect();
    let payload = to_base64(&envelope.payload);
    json!({ "payload": payload, "payloadType": envelope.payload_type, "signatures": signatures })
}

fn signature_json(attached: &Attached) -> Value {
    let annotation = |name: &str| attached.layer.annotations.get(name).map(String::as_str);
    let json_of = |name: &str| annotation(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "Base64Signature": annotation(SIGNATURE).unwrap_or_default(),
        "Payload": to_base64(&attached.content),
        "Cert": annotation("dev.sigstore.cosign/certificate"),
        "Chain": annotation("dev.sigstore.cosign/chain"),
        "Bundle": json_of("dev.sigstore.cosign/bundle"),
        "RFC3161Timestamp": json_of("dev.sigstore.cosign/rfc3161timestamp"),
    })
}

fn tree_text(reference: &ImageReference, listing: &Listing, prefix: &str) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (tag, layers) in &listing.tags {
        let name = format!("{}:{}", listing.place, tag.of(prefix, &listing.digest));
        let title = match tag {
            AttachedTag::Attestations => format!("💾 Attestations for an image tag: {name}"),
            AttachedTag::Signatures => format!("🔐 Signatures for an image tag: {name}"),
            AttachedTag::Sboms => format!("📦 SBOMs for an image tag: {name}"),
        };
        groups.push((title, layers.iter().map(|a| a.layer.digest.to_string()).collect()));
    }
    for (kind, referrers) in by_kind(&listing.referrers) {
        for referrer in referrers {
            let title = format!("🔗 {kind} artifacts via OCI referrer: {}@{}", listing.place, referrer.manifest.digest);
            groups.push((title, referrer.layers.iter().map(|a| a.layer.digest.to_string()).collect()));
        }
    }
    let name = reference.name();
    let mut out = format!("📦 Supply Chain Security Related artifacts for an image: {name}");
    if groups.is_empty() {
        out.push_str(&format!(
            "\nNo Supply Chain Security Related Artifacts found for image {name},\n start creating one with simply \
             running$ cosign sign <img>"
        ));
    }
    for (title, digests) in groups {
        out.push_str(&format!("\n└── {title}"));
        for (at, digest) in digests.iter().enumerate() {
            let branch = if at.saturating_add(1) == digests.len() { "└──" } else { "├──" };
            out.push_str(&format!("\n   {branch} 🍒 {digest}"));
        }
    }
    out
}

fn by_kind(referrers: &[Referrer]) -> BTreeMap<&str, Vec<&Referrer>> {
    let mut groups: BTreeMap<&str, Vec<&Referrer>> = BTreeMap::new();
    for referrer in referrers {
        let manifest = &referrer.manifest;
        let kind =
            manifest.annotations.get(PREDICATE_ANNOTATION).map_or(manifest.artifact_type.as_str(), String::as_str);
        // Whoever may push writes it, and could write whole lines of this tree.
        let kind = kind.lines().next().unwrap_or_default();
        groups.entry(kind).or_default().push(referrer);
    }
    groups
}

fn tree_json(reference: &ImageReference, listing: &Listing) -> Value {
    let layers = |layers: &[Attached]| -> Value {
        layers
            .iter()
            .map(|a| json!({ "digest": a.layer.digest.to_string(), "mediaType": a.layer.media_type, "size": a.layer.size }))
            .collect()
    };
    let tags = listing.tags.iter().map(|(tag, found)| {
        let name = match tag {
            AttachedTag::Attestations => "attestations",
            AttachedTag::Signatures => "signatures",
            AttachedTag::Sboms => "sboms",
        };
        (name.to_owned(), layers(found))
    });
    let referrers: Value = listing
        .referrers
        .iter()
        .map(|referrer| {
            json!({
                "digest": referrer.manifest.digest.to_string(),
                "artifactType": referrer.manifest.artifact_type,
                "predicateType": referrer.manifest.annotations.get(PREDICATE_ANNOTATION),
                "layers": layers(&referrer.layers),
            })
        })
        .collect();
    json!({
        "image": reference.name(),
        "digest": listing.digest.to_string(),
        "tags": Value::Object(tags.collect()),
        "referrers": referrers,
        "verified": false,
    })
}
