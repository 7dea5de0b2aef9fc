//! What is attached to an image: for `tree`, `triangulate` and `download`. Nothing is judged here.

use std::collections::VecDeque;

use super::error::{check_content, check_digest};
use super::manifest::{ACCEPT_MANIFESTS, Content, Descriptor, content_digest};
use super::referrer_list::ReferrerList;
use super::reply::{self, Absence, Reply};
use super::{ImageError, ImageReference, Repository, Target};
use crate::digest::{Digest, HashAlgorithm};
use crate::evidence::{Answer, Inquiry, Need, Step};
use crate::limits;

/// A tag of the tag scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachedTag {
    /// `.sig`
    Signatures,
    /// `.att`
    Attestations,
    /// `.sbom`
    Sboms,
}

impl AttachedTag {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Attestations, Self::Signatures, Self::Sboms];

    /// The tag of an image's digest.
    pub fn of(self, prefix: &str, image: &Digest) -> String {
        let suffix = match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
            Self::Sboms => "sbom",
        };
        format!("{prefix}sha256-{}.{suffix}", image.hex())
    }
}

/// What is looked up.
#[derive(Debug, Clone)]
pub struct ListingQuestion {
    /// The image.
    pub reference: ImageReference,
    /// The repository of what is attached, where it is not the image's own.
    pub evidence_at: Option<Repository>,
    /// What stands before tags.
    pub tag_prefix: String,
    /// Which tags are looked at.
    pub tags: Vec<AttachedTag>,
    /// Whether referrers are listed.
    pub referrers: Referrers,
    /// Whether the content of layers is wanted too, and how large it may be.
    pub contents: Contents,
}

/// Whether referrers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrers {
    /// They are, and the manifest of each is read.
    Listed,
    /// They are not.
    Ignored,
}

/// Whether the content of layers is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Manifests alone.
    Unread,
    /// Content of at most so many bytes each.
    Read {
        /// The limit.
        limit: u64,
    },
}

/// What is attached to an image. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The image.
    pub digest: Digest,
    /// Where it was looked for.
    pub place: Repository,
    /// What is under tags.
    pub tags: Vec<(AttachedTag, Vec<Attached>)>,
    /// What refers to it.
    pub referrers: Vec<Referrer>,
}

/// A manifest that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest: type and annotations are its own, for a list under a fallback tag has neither.
    pub manifest: Descriptor,
    /// Its layers.
    pub layers: Vec<Attached>,
}

/// A layer, with its content where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The layer.
    pub layer: Descriptor,
    /// Its content.
    pub content: Vec<u8>,
}

/// Finds out what is attached to one image.
#[derive(Debug)]
pub struct ListingInquiry {
    question: ListingQuestion,
    place: Repository,
    image: Option<Digest>,
    state: State,
    pending_tags: VecDeque<AttachedTag>,
    tags: Vec<(AttachedTag, Vec<Attached>)>,
    referrers: Vec<Referrer>,
    /// How many referrers have their manifest read.
    manifests_read: usize,
    /// Bytes of the manifests read, and layers that they name.
    bytes_read: u64,
    layers_found: usize,
}

#[derive(Debug)]
enum State {
    Start,
    Image,
    Tag(AttachedTag),
    List(ReferrerList),
    Manifests { first: usize },
    Layers { asked: Vec<Place>, left: VecDeque<Place> },
    Over,
}

/// Where a layer's content belongs.
#[derive(Debug, Clone, Copy)]
enum Place {
    Tag { tag: usize, layer: usize },
    Referrer { referrer: usize, layer: usize },
}

type Next = Result<Step<Listing, ImageError>, ImageError>;

impl ListingInquiry {
    /// Looks up what `question` names.
    pub fn new(question: ListingQuestion) -> Self {
        Self {
            place: question.evidence_at.clone().unwrap_or_else(|| question.reference.repository().clone()),
            image: question.reference.digest(),
            state: State::Start,
            pending_tags: question.tags.iter().copied().collect(),
            tags: Vec::new(),
            referrers: Vec::new(),
            manifests_read: 0,
            bytes_read: 0,
            layers_found: 0,
            question,
        }
    }

    fn advance(&mut self, answers: Vec<Answer>) -> Next {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start if self.image.is_some() => self.next(),
            State::Start => {
                self.state = State::Image;
                let repository = self.question.reference.repository().clone();
                Ok(Step::Need(vec![manifest_need(&repository, &self.image_path())]))
            }
            State::Image => self.resolve(answers),
            State::Tag(tag) => self.read_tag(answers, tag),
            State::List(list) => self.step_list(list, answers),
            State::Manifests { first } => self.read_manifests(answers, first),
            State::Layers { asked, left } => self.read_layers(answers, &asked, left),
            State::Over => self.conclude(),
        }
    }

    fn image_path(&self) -> String {
        match self.question.reference.target() {
            Target::Tag(name) | Target::Digest(name) => format!("manifests/{name}"),
        }
    }

    fn resolve(&mut self, answers: Vec<Answer>) -> Next {
        let asked = format!("{}/{}", self.question.reference.repository().base_url(), self.image_path());
        match reply::read(answers.into_iter().next(), &asked, Absence::NotFound)? {
            Reply::Absent { reason } => Err(ImageError::NotFound { reason }),
            Reply::Content(content) => {
                if let Some(named) = content.digest.as_deref().and_then(content_digest) {
                    check_digest(&asked, &named, &content.body)?;
                }
                Content::parse(&content.body, &asked, limits::IMAGE_LAYERS)?;
                self.image = Some(HashAlgorithm::Sha256.digest(&content.body));
                self.next()
            }
        }
    }

    fn image_digest(&self) -> Result<Digest, ImageError> {
        let what = self.question.reference.name();
        self.image.ok_or(ImageError::Malformed { what, reason: "its digest is not known".into() })
    }

    /// Tags one after another, then referrers, then content.
    fn next(&mut self) -> Next {
        let image = self.image_digest()?;
        if let Some(tag) = self.pending_tags.pop_front() {
            self.state = State::Tag(tag);
            let path = format!("manifests/{}", tag.of(&self.question.tag_prefix, &image));
            return Ok(Step::Need(vec![manifest_need(&self.place, &path)]));
        }
        if self.question.referrers == Referrers::Listed {
            self.question.referrers = Referrers::Ignored;
            return self.step_list(ReferrerList::new(&self.place, &image), Vec::new());
        }
        if self.manifests_read < self.referrers.len() {
            return Ok(self.ask_manifests());
        }
        self.find_layers()
    }

    fn read_tag(&mut self, answers: Vec<Answer>, tag: AttachedTag) -> Next {
        let image = self.image_digest()?;
        let asked = format!("{}/manifests/{}", self.place.base_url(), tag.of(&self.question.tag_prefix, &image));
        if let Reply::Content(content) = reply::read(answers.into_iter().next(), &asked, Absence::NotFound)? {
            if let Some(named) = content.digest.as_deref().and_then(content_digest) {
                check_digest(&asked, &named, &content.body)?;
            }
            let manifest = Content::parse(&content.body, &asked, limits::IMAGE_LAYERS)?.manifest(&asked)?;
            self.afford(content.body.len(), manifest.layers.len())?;
            self.tags.push((tag, unread(manifest.layers)));
        }
        self.next()
    }

    /// All manifests together are bounded too: a thousand could each be as large as one may be.
    fn afford(&mut self, bytes: usize, layers: usize) -> Result<(), ImageError> {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        self.bytes_read = self.bytes_read.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.layers_found = self.layers_found.saturating_add(layers);
        if self.bytes_read > limits::IMAGE_EVIDENCE_BYTES {
            let (found, limit) = (count(self.bytes_read), count(limits::IMAGE_EVIDENCE_BYTES));
            return Err(ImageError::TooMany { what: "bytes of manifests", found, limit });
        }
        if self.layers_found > limits::LISTED_LAYERS {
            let (found, limit) = (self.layers_found, limits::LISTED_LAYERS);
            return Err(ImageError::TooMany { what: "layers", found, limit });
        }
        Ok(())
    }

    fn step_list(&mut self, mut list: ReferrerList, answers: Vec<Answer>) -> Next {
        match list.step(answers) {
            Step::Need(needs) => {
                self.state = State::List(list);
                Ok(Step::Need(needs))
            }
            Step::Failed(error) => Err(error),
            Step::Done(found) => {
                self.referrers = found.into_iter().map(|manifest| Referrer { manifest, layers: Vec::new() }).collect();
                self.next()
            }
        }
    }

    fn ask_manifests(&mut self) -> Step<Listing, ImageError> {
        let first = self.manifests_read;
        let batch = self.referrers.iter().skip(first).take(limits::IMAGE_BATCH);
        let needs: Vec<_> =
            batch.map(|r| manifest_need(&self.place, &format!("manifests/{}", r.manifest.digest))).collect();
        self.manifests_read = first.saturating_add(needs.len());
        self.state = State::Manifests { first };
        Step::Need(needs)
    }

    fn read_manifests(&mut self, answers: Vec<Answer>, first: usize) -> Next {
        for (index, answer) in answers.into_iter().enumerate() {
            let Some(referrer) = self.referrers.get(first.saturating_add(index)) else { continue };
            let what = format!("referrer {}", referrer.manifest.digest);
            let Reply::Content(content) = reply::read(Some(answer), &what, Absence::NotFound)? else { continue };
            check_digest(&what, &referrer.manifest.digest, &content.body)?;
            if let Content::Manifest(manifest) = Content::parse(&content.body, &what, limits::IMAGE_LAYERS)? {
                self.afford(content.body.len(), manifest.layers.len())?;
                if let Some(referrer) = self.referrers.get_mut(first.saturating_add(index)) {
                    referrer.layers = unread(manifest.layers);
                    referrer.manifest.artifact_type = manifest.artifact_type;
                    referrer.manifest.annotations = manifest.annotations;
                }
            }
        }
        self.next()
    }

    fn find_layers(&mut self) -> Next {
        let Contents::Read { limit } = self.question.contents else { return self.conclude() };
        let mut places = VecDeque::new();
        for (tag, (_, layers)) in self.tags.iter().enumerate() {
            places.extend((0..layers.len()).map(|layer| Place::Tag { tag, layer }));
        }
        for (referrer, found) in self.referrers.iter().enumerate() {
            places.extend((0..found.layers.len()).map(|layer| Place::Referrer { referrer, layer }));
        }
        let of_tags = self.tags.iter().flat_map(|(_, layers)| layers);
        let all = of_tags.chain(self.referrers.iter().flat_map(|found| &found.layers));
        let bytes = all.map(|attached| attached.layer.size).fold(0, u64::saturating_add);
        if bytes > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let found = usize::try_from(bytes).unwrap_or(usize::MAX);
            return Err(ImageError::TooMany { what: "bytes of attached content", found, limit });
        }
        self.ask_layers(places)
    }

    fn attached(&mut self, place: Place) -> Option<&mut Attached> {
        match place {
            Place::Tag { tag, layer } => self.tags.get_mut(tag).and_then(|(_, layers)| layers.get_mut(layer)),
            Place::Referrer { referrer, layer } => {
                self.referrers.get_mut(referrer).and_then(|found| found.layers.get_mut(layer))
            }
        }
    }

    fn ask_layers(&mut self, mut left: VecDeque<Place>) -> Next {
        let (mut needs, mut asked) = (Vec::new(), Vec::new());
        while needs.len() < limits::IMAGE_BATCH
            && let Some(place) = left.pop_front()
        {
            let repository = self.place.clone();
            let Some(attached) = self.attached(place) else { continue };
            let Descriptor { digest, size, .. } = &attached.layer;
            let size = usize::try_from(*size).unwrap_or(usize::MAX);
            needs.push(Need::registry(&repository, &format!("blobs/{digest}"), "*/*", size));
            asked.push(place);
        }
        if needs.is_empty() {
            return self.conclude();
        }
        self.state = State::Layers { asked, left };
        Ok(Step::Need(needs))
    }

    fn read_layers(&mut self, answers: Vec<Answer>, asked: &[Place], left: VecDeque<Place>) -> Next {
        for (place, answer) in asked.iter().zip(answers) {
            let Some(attached) = self.attached(*place) else { continue };
            let what = format!("layer {}", attached.layer.digest);
            match reply::read(Some(answer), &what, Absence::NotFound)? {
                Reply::Absent { reason } => return Err(ImageError::Registry { reason, rejected: Vec::new() }),
                Reply::Content(content) => {
                    check_content(&what, &attached.layer, &content.body)?;
                    attached.content = content.body;
                }
            }
        }
        self.ask_layers(left)
    }

    fn conclude(&mut self) -> Next {
        let (tags, referrers) = (std::mem::take(&mut self.tags), std::mem::take(&mut self.referrers));
        Ok(Step::Done(Listing { digest: self.image_digest()?, place: self.place.clone(), tags, referrers }))
    }
}

impl Inquiry for ListingInquiry {
    type Out = Listing;
    type Error = ImageError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Listing, ImageError> {
        self.advance(answers).unwrap_or_else(Step::Failed)
    }
}

fn manifest_need(repository: &Repository, path: &str) -> Need {
    Need::registry(repository, path, ACCEPT_MANIFESTS, limits::MANIFEST_BYTES)
}

fn unread(layers: Vec<Descriptor>) -> Vec<Attached> {
    layers.into_iter().map(|layer| Attached { layer, content: Vec::new() }).collect()
}
