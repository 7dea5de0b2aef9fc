//! A registry and a log in memory that answer what an [`ImageInquiry`] asks: no socket, every request is written down.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigward_testkit::merkle::leaf_hash;
use sigward_testkit::proposal::canonical_body;
use sigward_testkit::{Artifact, EvidenceLayer, Key, Leaf, Repository, Signed, Sigstore};
use sigward_verify::evidence::{Answer, Inquiry, Method, Need, Response, Service, Step, Unreachable};
use sigward_verify::image::{
    EvidenceFault, Forms, ImageError, ImageInquiry, ImageQuestion, ImageReference, ImageVerdict, LookupRule, Rejected,
    Wanted,
};
use sigward_verify::{ChainPolicy, Requirements, Signer, TrustMaterial};

/// The error must be this variant.
#[allow(unused_macros, reason = "each binary uses a part")]
macro_rules! refused {
    ($result:expr, $variant:pat) => {
        match $result {
            Err($variant) => {}
            Err(other) => panic!("expected {}, got {other:?}", stringify!($variant)),
            Ok(_) => panic!("expected {}, got a verdict", stringify!($variant)),
        }
    };
}

/// The one piece of evidence that was rejected must have this fault.
#[allow(unused_macros, reason = "each binary uses a part")]
macro_rules! rejected {
    ($result:expr, $fault:pat) => {
        match $crate::images::only_fault($result) {
            $fault => {}
            other => panic!("expected {}, got {other:?}", stringify!($fault)),
        }
    };
}

pub const NAME: &str = "registry.test/app";
pub const REKOR: &str = "https://rekor.test";
pub const SLSA: &str = "https://slsa.dev/provenance/v1";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// How the list of referrers is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// So many on a page.
    Pages(usize),
    /// This status.
    Status(u16),
    /// A web page with status 200.
    Html,
}

type Change = Box<dyn Fn(&Need, usize, Answer) -> Answer>;

/// A minted sigstore, one image, and what registries hold.
pub struct World {
    pub sigstore: Sigstore,
    pub image: Artifact,
    /// By name, as `registry.test/app`.
    pub repositories: BTreeMap<String, Repository>,
    pub api: Api,
    /// Hosts that a request for a manifest is sent on to.
    pub redirects: BTreeMap<String, String>,
    changes: Vec<(String, Change)>,
    asked: RefCell<Vec<Need>>,
}

impl World {
    /// One image at `registry.test/app:v1`.
    pub fn new() -> Self {
        Self::with(Artifact::image("a"))
    }

    pub fn with(image: Artifact) -> Self {
        let mut world = Self {
            sigstore: Sigstore::new(),
            image: image.clone(),
            repositories: BTreeMap::new(),
            api: Api::Pages(100),
            redirects: BTreeMap::new(),
            changes: Vec::new(),
            asked: RefCell::default(),
        };
        world.at(NAME).push_tag("v1", &image);
        world
    }

    pub fn at(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    /// Nothing is attached to the image any more.
    pub fn forget(&mut self) {
        let image = self.image.clone();
        self.repositories.clear();
        self.at(NAME).push_tag("v1", &image);
    }

    /// Attaches signatures to the image.
    pub fn sign(&mut self, layers: &[EvidenceLayer]) {
        let image = self.image.clone();
        self.at(NAME).sign(&image, layers);
    }

    /// Attaches attestations to the image.
    pub fn attest(&mut self, layers: &[EvidenceLayer]) {
        let image = self.image.clone();
        self.at(NAME).attest(&image, layers);
    }

    /// Attaches a referrer.
    pub fn refer(&mut self, referrer: &Artifact) {
        self.at(NAME).push(referrer);
    }

    /// The default leaf's signature of the image.
    pub fn signed(&self) -> Signed {
        self.sigstore.sign_image(NAME, &self.image, Leaf::default())
    }

    pub fn signed_with(&self, key: &Key) -> Signed {
        self.sigstore.sign_image_with_key(NAME, &self.image, key)
    }

    /// The default leaf's attestation of a type.
    pub fn attested(&self, predicate_type: &str) -> Signed {
        self.sigstore.attest_image(NAME, &self.image, (predicate_type, json!({})), Leaf::default())
    }

    /// `registry.test/app@sha256:…`.
    pub fn by_digest(&self) -> String {
        format!("{NAME}@{}", self.image.digest())
    }

    /// Changes each answer to a request whose URL contains `part`; the number says how often it was asked, from 0.
    pub fn change(&mut self, part: &str, change: impl Fn(&Need, usize, Answer) -> Answer + 'static) {
        self.changes.push((part.to_owned(), Box::new(change)));
    }

    /// Changes each response.
    pub fn change_response(&mut self, part: &str, change: impl Fn(&mut Response) + 'static) {
        self.change(part, move |_, _, mut answer| {
            answer.outcome.iter_mut().for_each(&change);
            answer
        });
    }

    /// Answers this status.
    pub fn fail(&mut self, part: &str, status: u16) {
        self.change_response(part, move |response| {
            *response = Response { status, body: br#"{"errors":[{"code":"X","message":"x"}]}"#.to_vec(), ..empty() };
        });
    }

    /// Asks until there is a verdict.
    pub fn ask(&self, question: &ImageQuestion) -> Result<ImageVerdict, ImageError> {
        let root = self.sigstore.trusted_root().to_json();
        let material = TrustMaterial::from_trusted_root(root.as_bytes()).unwrap();
        self.drive(&mut ImageInquiry::new(question, &material, "2026-11-25T00:00:00Z".parse().unwrap()))
    }

    /// Answers until an inquiry is finished.
    pub fn drive<I: Inquiry>(&self, inquiry: &mut I) -> Result<I::Out, I::Error> {
        self.asked.borrow_mut().clear();
        let mut answers = Vec::new();
        // More rounds than any image may take.
        for _ in 0..10_000 {
            match inquiry.step(answers) {
                Step::Done(out) => return Ok(out),
                Step::Failed(error) => return Err(error),
                Step::Need(needs) => {
                    assert!(!needs.is_empty() && needs.len() <= 32, "{} needs", needs.len());
                    answers = needs.iter().map(|need| self.answer(need)).collect();
                }
            }
        }
        panic!("no end");
    }

    /// Every request of the last question.
    pub fn asked(&self) -> Vec<Need> {
        self.asked.borrow().clone()
    }

    /// What was asked below `/v2/app/`, `/v2/…` elsewhere.
    pub fn paths(&self) -> Vec<String> {
        let short = |need: Need| need.url.replace(&format!("https://{}/", NAME.replace('/', "/v2/")), "");
        self.asked().into_iter().map(short).collect()
    }

    fn answer(&self, need: &Need) -> Answer {
        let before = self.asked.borrow().iter().filter(|known| known.url == need.url).count();
        self.asked.borrow_mut().push(need.clone());
        let mut answer = match need.service {
            Service::Rekor => reached(need.url.clone(), self.rekor(need)),
            _ => self.registry(need),
        };
        for (part, change) in &self.changes {
            if need.url.contains(part) {
                answer = change(need, before, answer);
            }
        }
        // The room that owns sockets reads no more than that.
        if answer.outcome.as_ref().is_ok_and(|response| response.body.len() > need.limit) {
            answer.outcome = Err(Unreachable::TooLarge { url: need.url.clone(), limit: need.limit });
        }
        answer
    }

    fn registry(&self, need: &Need) -> Answer {
        let rest = need.url.strip_prefix("https://").unwrap();
        let (host, rest) = rest.split_once("/v2/").unwrap();
        let (name, kind, what) = ["/manifests/", "/blobs/", "/referrers/"]
            .iter()
            .find_map(|kind| rest.rsplit_once(kind).map(|(name, what)| (name, *kind, what)))
            .unwrap();
        let named = need.repository.as_ref().map(ToString::to_string);
        // On another host the room that owns sockets sends no credentials.
        let is_its_host = named.as_ref().is_some_and(|named| named.starts_with(&format!("{host}/")));
        assert!(!is_its_host || named == Some(format!("{host}/{name}")), "credentials of another repository");
        let mut place = format!("{host}/{name}");
        let mut url = need.url.clone();
        if let Some(elsewhere) = self.redirects.get(&place).filter(|_| kind == "/manifests/" && what.ends_with(".sig"))
        {
            url = url.replace(&place.replacen('/', "/v2/", 1), &elsewhere.replacen('/', "/v2/", 1));
            place.clone_from(elsewhere);
        }
        let nothing = Repository::default();
        let repository = self.repositories.get(&place).unwrap_or(&nothing);
        let response = match kind {
            "/manifests/" => repository.manifest(what).map(|(digest, media_type, body)| Response {
                content_type: Some(media_type.to_owned()),
                content_digest: Some(digest.to_owned()),
                body: body.to_vec(),
                ..empty()
            }),
            "/blobs/" => repository.blobs.get(what).map(|body| Response { body: body.clone(), ..empty() }),
            _ => Some(self.referrers(repository, &rest.replace(what, ""), what)),
        };
        reached(url, response.unwrap_or_else(not_found))
    }

    fn referrers(&self, repository: &Repository, path: &str, what: &str) -> Response {
        let (digest, query) = what.split_once('?').unwrap_or((what, ""));
        let size = match self.api {
            Api::Pages(size) => size,
            Api::Status(status) => return Response { status, ..empty() },
            Api::Html => {
                let body = b"<html></html>".to_vec();
                return Response { body, content_type: Some("text/html; charset=utf-8".to_owned()), ..empty() };
            }
        };
        let all = repository.referrers.get(digest).cloned().unwrap_or_default();
        let from: usize = query.strip_prefix("from=").and_then(|n| n.parse().ok()).unwrap_or_default();
        let page: Vec<_> = all.iter().skip(from).take(size).cloned().collect();
        let next = from + size;
        let link = (next < all.len()).then(|| format!("</v2/{path}{digest}?from={next}>; rel=\"next\""));
        let body = Artifact::index_over(page).manifest.to_json();
        Response { content_type: Some(INDEX.to_owned()), link, body, ..empty() }
    }

    /// Rekor v1 over all that was logged.
    fn rekor(&self, need: &Need) -> Response {
        let by_leaf = |leaf: &str| self.sigstore.rekor.entries().into_iter().find(|entry| entry.leaf_id() == leaf);
        let json = |value: Value| Response { body: value.to_string().into_bytes(), ..empty() };
        if need.method == Method::Get {
            let leaf = need.url.rsplit('/').next().unwrap();
            return by_leaf(leaf).map_or_else(not_found, |entry| json(entry.to_api_map()));
        }
        let query: Value = serde_json::from_slice(need.body.as_deref().unwrap()).unwrap();
        let proposals = query["entries"].as_array().cloned().unwrap_or_default();
        let leaves = proposals.iter().filter_map(|proposal| canonical_body(proposal).ok()).map(|body| leaf_hash(&body));
        let hex = |hash: Vec<u8>| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        json(leaves.filter_map(|leaf| by_leaf(&hex(leaf))).map(|entry| entry.to_api_map()).collect())
    }
}

fn reached(url: String, response: Response) -> Answer {
    let host = url.split('/').nth(2).unwrap_or_default().to_owned();
    Answer { outcome: Ok(response), host, url, credential: None }
}

pub fn empty() -> Response {
    Response { status: 200, content_type: None, body: Vec::new(), content_digest: None, link: None }
}

pub fn not_found() -> Response {
    let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#.to_vec();
    Response { status: 404, body, ..empty() }
}

/// Nothing was reached.
pub fn unreachable(need: &Need) -> Answer {
    let (url, reason) = (need.url.clone(), "connection refused".to_owned());
    let outcome = Err(Unreachable::Transport { url, reason });
    Answer { outcome, host: String::new(), url: String::new(), credential: None }
}

/// `cosign verify NAME` by this signer.
pub fn question(name: &str, signer: Signer) -> ImageQuestion {
    ImageQuestion {
        reference: ImageReference::parse(name).unwrap(),
        evidence_at: None,
        tag_prefix: String::new(),
        wanted: Wanted::Signature { annotations: Vec::new(), demands: Vec::new() },
        forms: Forms::All,
        certificate: None,
        chains: ChainPolicy::Reject,
        requirements: Requirements::new(signer),
        lookup: LookupRule::Ask(REKOR.to_owned()),
        attachment_limit: 128 * 1024 * 1024,
    }
}

/// `cosign verify-attestation --type TYPE NAME` by this signer.
pub fn attestation(name: &str, signer: Signer, predicate_type: &str) -> ImageQuestion {
    let wanted = Wanted::Attestation { predicate_type: predicate_type.to_owned() };
    ImageQuestion { wanted, ..question(name, signer) }
}

/// The fault of the one piece of evidence that was rejected.
#[track_caller]
pub fn only_fault(result: Result<ImageVerdict, ImageError>) -> EvidenceFault {
    match faults(result).as_slice() {
        [only] => only.clone(),
        other => panic!("expected one rejection, got {other:?}"),
    }
}

/// The faults of all evidence; there must be no verdict.
#[track_caller]
pub fn faults(result: Result<ImageVerdict, ImageError>) -> Vec<EvidenceFault> {
    let Err(error) = result else { panic!("a verdict where nothing holds") };
    error.rejected().iter().map(|Rejected { fault, .. }| fault.clone()).collect()
}
