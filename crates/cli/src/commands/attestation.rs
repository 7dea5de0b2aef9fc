//! `verify-blob-attestation`.

use sigward_verify::{Artifact, ArtifactNeeds, Claims, Content, HashAlgorithm, PublicKey};

use crate::args::request::{
    AttestationSubject, BlobRef, Location, SubjectDigestAlgorithm, VerifyBlobAttestationRequest,
};
use crate::commands::Streams;
use crate::commands::verify_blob::{known_digest, managed_key, read};
use crate::engine::{self, Prepared, Task};
use crate::evidence::{self, Wanted};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::Network;
use crate::requirements;

/// Verifies an attestation about a blob.
pub fn run(request: &VerifyBlobAttestationRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let key = match managed_key(&request.verification.signer, network) {
        Ok(key) => key,
        Err(failure) => {
            return engine::fail_each(&[name(&request.subject)], &failure, &request.verification, streams);
        }
    };
    let task = Task {
        name: name(&request.subject),
        prepared: prepare(request, key.as_ref(), network),
        export: request.export_bundle.clone(),
    };
    engine::verify_all(vec![task], &request.verification, network, streams)
}

fn name(subject: &AttestationSubject) -> String {
    match subject {
        AttestationSubject::Blob(path, _) => path.display().to_string(),
        AttestationSubject::Digest(algorithm, bytes) => format!("{}:{}", algorithm.name(), sigward_verify::hex(bytes)),
        AttestationSubject::UncheckedUnsafe => "the attestation".into(),
    }
}

fn prepare(
    request: &VerifyBlobAttestationRequest,
    key: Option<&PublicKey>,
    network: &Network,
) -> Result<Prepared, Failure> {
    let verification = &request.verification;
    let mut requirements = requirements::build(verification, key)?;
    requirements.predicate_type = Some(request.predicate.uri.clone());
    if request.subject == AttestationSubject::UncheckedUnsafe {
        requirements.claims = Claims::SkippedUnsafe;
    }
    let entity = evidence::entity(None, &request.material, verification, key, Wanted::Attestation, network)?;
    if !matches!(entity.content(), Content::Envelope { .. }) {
        return Err(Failure::NotAnAttestation);
    }
    let unusable = |error| Failure::Evidence { what: String::new(), error };
    let needs = entity.needs(key, requirements.signature_hash).map_err(unusable)?;
    let artifact = subject(&request.subject, needs, network)?;
    Ok(Prepared { entity, artifact, requirements })
}

fn subject(subject: &AttestationSubject, mut needs: ArtifactNeeds, network: &Network) -> Result<Artifact, Failure> {
    match subject {
        AttestationSubject::Blob(path, algorithm) => {
            if let Some(algorithm) = algorithm {
                needs.hashes.push(match algorithm {
                    SubjectDigestAlgorithm::Sha256 => HashAlgorithm::Sha256,
                    SubjectDigestAlgorithm::Sha384 => HashAlgorithm::Sha384,
                    SubjectDigestAlgorithm::Sha512 => HashAlgorithm::Sha512,
                });
            }
            let blob = if path.as_os_str() == "-" {
                BlobRef::Stdin
            } else {
                BlobRef::At(Location::parse(path.as_os_str()).unwrap_or_else(|_| Location::File(path.clone())))
            };
            read(&blob, &needs, network)
        }
        AttestationSubject::Digest(algorithm, bytes) => known_digest(*algorithm, bytes).ok_or(Failure::Read {
            what: "--digest".into(),
            reason: format!("{} bytes do not fit {}", bytes.len(), algorithm.name()),
        }),
        AttestationSubject::UncheckedUnsafe => Artifact::from_bytes(b"", &ArtifactNeeds::default())
            .map_err(|error| Failure::Evidence { what: String::new(), error }),
    }
}
