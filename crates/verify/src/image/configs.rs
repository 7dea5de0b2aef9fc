//! The configuration of an image, for each of its platforms: for policies over it (`fetchConfigFile`).

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use super::error::{check_content, check_digest};
use super::manifest::{ACCEPT_MANIFESTS, Content, Descriptor};
use super::reply::{self, Absence, Reply};
use super::{ImageError, ImageReference, Repository};
use crate::digest::Digest;
use crate::evidence::{Answer, Inquiry, Need, Step};
use crate::limits;
use crate::wire::from_json;

/// Reads the configuration of an image that is named by its digest. What comes is what the digest says, step by step; the
/// configuration is as trustworthy as the digest.
#[derive(Debug)]
pub struct ConfigInquiry {
    place: Repository,
    queued: VecDeque<Place>,
    asked: Vec<Place>,
    manifests: usize,
    bytes: u64,
    found: BTreeMap<String, (Digest, String)>,
}

/// Something that is to be read.
#[derive(Debug)]
struct Place {
    what: What,
    digest: Digest,
    size: Option<u64>,
    /// The platform that an index promises.
    promised: Option<Platform>,
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Manifest,
    Config,
}

/// A platform, in an index and in a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Platform {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default, rename = "os.version")]
    os_version: Option<String>,
}

impl Platform {
    fn part(value: &Option<String>) -> &str {
        value.as_deref().unwrap_or_default()
    }

    /// As go-containerregistry writes it: `linux/arm/v7`, `windows/amd64:10.0`.
    fn name(&self) -> String {
        let mut name = Self::part(&self.os).to_owned();
        for part in [&self.architecture, &self.variant].map(Self::part).into_iter().filter(|part| !part.is_empty()) {
            name.push('/');
            name.push_str(part);
        }
        if !Self::part(&self.os_version).is_empty() {
            name.push(':');
            name.push_str(Self::part(&self.os_version));
        }
        name
    }

    /// What buildkit calls the place of its attestations: nothing that is run.
    fn is_unknown(&self) -> bool {
        Self::part(&self.os) == "unknown"
    }

    fn runs_as(&self, other: &Self) -> bool {
        Self::part(&self.os) == Self::part(&other.os)
            && Self::part(&self.architecture) == Self::part(&other.architecture)
    }
}

impl ConfigInquiry {
    /// Reads the configuration of `digest` in the repository of `image`.
    pub fn new(image: &ImageReference, digest: Digest) -> Self {
        let first = Place { what: What::Manifest, digest, size: None, promised: None, depth: 0 };
        Self {
            place: image.repository().clone(),
            queued: VecDeque::from([first]),
            asked: Vec::new(),
            manifests: 0,
            bytes: 0,
            found: BTreeMap::new(),
        }
    }

    fn need(&self, place: &Place) -> Need {
        let (kind, accept, limit) = match place.what {
            What::Manifest => ("manifests", ACCEPT_MANIFESTS, limits::MANIFEST_BYTES),
            What::Config => ("blobs", "*/*", limits::CONFIG_BYTES),
        };
        let size = place.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(limit);
        Need::registry(&self.place, &format!("{kind}/{}", place.digest), accept, size.min(limit))
    }

    fn advance(&mut self, answers: Vec<Answer>) -> Result<Option<Vec<Need>>, ImageError> {
        let asked = std::mem::take(&mut self.asked);
        let mut answers = answers.into_iter();
        for place in asked {
            self.read(&place, answers.next())?;
        }
        while self.asked.len() < limits::IMAGE_BATCH
            && let Some(place) = self.queued.pop_front()
        {
            self.asked.push(place);
        }
        let needs: Vec<_> = self.asked.iter().map(|place| self.need(place)).collect();
        Ok((!needs.is_empty()).then_some(needs))
    }

    fn read(&mut self, place: &Place, answer: Option<Answer>) -> Result<(), ImageError> {
        let asked = self.need(place).url;
        let body = match reply::read(answer, &asked, Absence::NotFound)? {
            Reply::Content(content) => content.body,
            Reply::Absent { reason } => return Err(ImageError::NotFound { reason }),
        };
        match place.size {
            Some(size) => check_content(&asked, &descriptor(place.digest, size), &body)?,
            None => check_digest(&asked, &place.digest, &body)?,
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let count = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        if self.bytes > limits::CONFIGS_BYTES {
            let (found, limit) = (count(self.bytes), count(limits::CONFIGS_BYTES));
            return Err(ImageError::TooMany { what: "bytes of manifests and configurations", found, limit });
        }
        match place.what {
            What::Manifest => self.read_manifest(place, &asked, &body),
            What::Config => self.read_config(place, &asked, body),
        }
    }

    fn read_manifest(&mut self, place: &Place, what: &str, body: &[u8]) -> Result<(), ImageError> {
        let malformed = |reason: String| ImageError::Malformed { what: what.to_owned(), reason };
        match Content::parse(body, what, limits::CONFIG_MANIFESTS)? {
            Content::Manifest(manifest) => {
                let config = manifest.config.ok_or_else(|| malformed("it has no configuration".into()))?;
                let limit = limits::CONFIG_BYTES;
                if config.size > u64::try_from(limit).unwrap_or(u64::MAX) {
                    let found = usize::try_from(config.size).unwrap_or(usize::MAX);
                    return Err(ImageError::TooMany { what: "bytes of a configuration", found, limit });
                }
                self.queued.push_back(Place {
                    what: What::Config,
                    digest: config.digest,
                    size: Some(config.size),
                    promised: place.promised.clone(),
                    depth: place.depth,
                });
                Ok(())
            }
            Content::Index(_) if place.depth >= limits::INDEX_DEPTH => Err(malformed("an index within indices".into())),
            Content::Index(entries) => {
                self.manifests = self.manifests.saturating_add(entries.len());
                if self.manifests > limits::CONFIG_MANIFESTS {
                    let (found, limit) = (self.manifests, limits::CONFIG_MANIFESTS);
                    return Err(ImageError::TooMany { what: "manifests of an image", found, limit });
                }
                let mut platforms = promised(body).map_err(malformed)?;
                for entry in entries {
                    self.queued.push_back(Place {
                        what: What::Manifest,
                        promised: platforms.remove(&entry.digest.to_string()).flatten(),
                        digest: entry.digest,
                        size: Some(entry.size),
                        depth: place.depth.saturating_add(1),
                    });
                }
                Ok(())
            }
        }
    }

    fn read_config(&mut self, place: &Place, what: &str, body: Vec<u8>) -> Result<(), ImageError> {
        let malformed = |reason: String| ImageError::Malformed { what: what.to_owned(), reason };
        let platform: Platform = from_json(&body).map_err(|error| malformed(error.to_string()))?;
        let text = String::from_utf8(body).map_err(|_| malformed("it is not UTF-8".into()))?;
        // A node takes the image that the index promises for its platform; a policy sees the configuration by its own.
        if let Some(promised) = place.promised.as_ref().filter(|promised| !promised.runs_as(&platform)) {
            let (promised, found) = (promised.name(), platform.name());
            return Err(malformed(format!("the index says {promised}, the configuration says {found}")));
        }
        let name = platform.name();
        match self.found.get(&name) {
            // Which of the two a node runs, nobody knows; policies would see one.
            Some((known, _)) if *known != place.digest && !platform.is_unknown() => {
                Err(malformed(format!("the image has two configurations for {name}")))
            }
            Some(_) => Ok(()),
            None => {
                self.found.insert(name, (place.digest, text));
                Ok(())
            }
        }
    }
}

impl Inquiry for ConfigInquiry {
    /// Platform (`linux/amd64`) and configuration, JSON as it came.
    type Out = BTreeMap<String, String>;
    type Error = ImageError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<BTreeMap<String, String>, ImageError> {
        match self.advance(answers) {
            Err(error) => Step::Failed(error),
            Ok(Some(needs)) => Step::Need(needs),
            Ok(None) => {
                let found = std::mem::take(&mut self.found);
                Step::Done(found.into_iter().map(|(platform, (_, json))| (platform, json)).collect())
            }
        }
    }
}

fn descriptor(digest: Digest, size: u64) -> Descriptor {
    let (media_type, artifact_type) = (String::new(), String::new());
    Descriptor { media_type, digest, size, artifact_type, annotations: BTreeMap::new() }
}

/// The platforms that an index promises, by digest. Two promises for one manifest would leave open which one counts.
fn promised(index: &[u8]) -> Result<BTreeMap<String, Option<Platform>>, String> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(default)]
        manifests: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        digest: String,
        #[serde(default)]
        platform: Option<Platform>,
    }
    let index: Index = from_json(index).map_err(|error| error.to_string())?;
    let mut all: BTreeMap<String, Option<Platform>> = BTreeMap::new();
    for Entry { digest, platform } in index.manifests {
        match all.get(&digest) {
            Some(known) if *known != platform => return Err(format!("it promises two platforms for {digest}")),
            _ => {
                all.insert(digest, platform);
            }
        }
    }
    Ok(all)
}
