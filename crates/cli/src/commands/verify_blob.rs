//! `verify-blob`.

use sigward_verify::{Artifact, ArtifactNeeds, Digest, HashAlgorithm, PublicKey};

use crate::args::request::{
    BlobItem, BlobRef, KeyRef, Location, Signer, SubjectDigestAlgorithm, VerifyBlobRequest, digest_reference,
};
use crate::commands::Streams;
use crate::engine::{self, Prepared, Task};
use crate::evidence::{self, Wanted};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::network::Network;
use crate::requirements;

/// Verifies blobs.
pub fn run(request: &VerifyBlobRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    if request.items.iter().filter(|item| item.blob == BlobRef::Stdin).count() > 1 {
        return streams.fail(&Failure::StdinTwice);
    }
    let key = match managed_key(&request.verification.signer, network) {
        Ok(key) => key,
        Err(failure) => {
            let names: Vec<_> = request.items.iter().map(|item| name(&item.blob)).collect();
            return engine::fail_each(&names, &failure, &request.verification, streams);
        }
    };
    let tasks = engine::in_parallel(&request.items, request.jobs, |item| Task {
        name: name(&item.blob),
        prepared: prepare(item, request, key.as_ref(), network),
        export: item.export_bundle.clone(),
    });
    engine::verify_all(tasks, &request.verification, network, streams)
}

/// The managed key, if the request names one.
///
/// # Errors
/// If it cannot be read or used.
pub fn managed_key(signer: &Signer, network: &Network) -> Result<Option<PublicKey>, Failure> {
    let reference: &KeyRef = match signer {
        Signer::ManagedKey(reference) => reference,
        Signer::Keyless(_) => return Ok(None),
    };
    evidence::key(reference, network).map(Some)
}

fn name(blob: &BlobRef) -> String {
    match blob {
        BlobRef::At(location) => location.typed().to_string_lossy().into_owned(),
        BlobRef::Stdin => "-".into(),
    }
}

fn prepare(
    item: &BlobItem,
    request: &VerifyBlobRequest,
    key: Option<&PublicKey>,
    network: &Network,
) -> Result<Prepared, Failure> {
    let verification = &request.verification;
    let requirements = requirements::build(verification, key)?;
    let entity = evidence::entity(Some(&item.blob), &item.material, verification, key, Wanted::Blob, network)?;
    let unusable = |error| Failure::Evidence { what: String::new(), error };
    let needs = entity.needs(key, requirements.signature_hash).map_err(unusable)?;
    let artifact = read(&item.blob, &needs, network)?;
    Ok(Prepared { entity, artifact, requirements })
}

/// The blob's digests. A name that is no readable file may be a digest itself.
///
/// # Errors
/// If it is neither.
pub fn read(blob: &BlobRef, needs: &ArtifactNeeds, network: &Network) -> Result<Artifact, Failure> {
    let location = match blob {
        BlobRef::Stdin => return input::stdin_blob(needs),
        BlobRef::At(location) => location,
    };
    match (input::blob(location, needs, network), location) {
        (Err(failure @ Failure::Read { .. }), Location::File(path)) => match digest_reference(path.as_os_str()) {
            Some((algorithm, bytes)) => known_digest(algorithm, &bytes).ok_or(failure),
            None => Err(failure),
        },
        (outcome, _) => outcome,
    }
}

/// An artifact of which only a digest is known.
pub fn known_digest(algorithm: SubjectDigestAlgorithm, bytes: &[u8]) -> Option<Artifact> {
    let algorithm = match algorithm {
        SubjectDigestAlgorithm::Sha256 => HashAlgorithm::Sha256,
        SubjectDigestAlgorithm::Sha384 => HashAlgorithm::Sha384,
        SubjectDigestAlgorithm::Sha512 => HashAlgorithm::Sha512,
    };
    Digest::new(algorithm, bytes).map(Artifact::from_digest)
}
