//! Evidence that was read before, on disk: a replica that has just started goes on answering while a registry is down.
//!
//! What is kept are the answers of registries, as they came, and no verdict: they go through the same inquiry as answers
//! from the network, with the keys and policies of now, and every signature is checked again. A store that was tampered
//! with can make us deny, and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sigward_verify::evidence::{Answer, Inquiry, Need, Response, Service, Step, Unreachable};
use sigward_verify::{hex, sha256};

/// Largest file. Evidence of an image is a few kilobytes; attestations with SBOMs may have megabytes.
const FILE_BYTES: usize = 16 << 20;

/// Steps of one inquiry over kept answers; each asks for something, and only so much is kept.
const STEPS: usize = 10_000;

/// The answers about one image in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    answers: BTreeMap<String, Kept>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    url: String,
    body: String,
}

/// What identifies a request. Nothing else of it changes the answer; nobody's credential is part of it.
fn key(need: &Need) -> Option<String> {
    let is_kept = need.service == Service::Registry && need.body.is_none();
    is_kept.then(|| format!("{:?} {} {}", need.method, need.url, need.accept.unwrap_or_default()))
}

impl Transcript {
    fn add(&mut self, need: &Need, answer: &Answer) {
        let (Some(key), Ok(response)) = (key(need), &answer.outcome) else { return };
        // What is there, and what is not. Anything else is about us, or about a moment.
        if !matches!(response.status, 200 | 404) {
            return;
        }
        let Response { status, content_type, content_digest, link, body } = response.clone();
        let body = STANDARD.encode(if status == 200 { body } else { Vec::new() });
        self.answers.insert(key, Kept { status, content_type, content_digest, link, url: answer.url.clone(), body });
    }

    fn answer(&self, need: &Need) -> Answer {
        let absent = || Unreachable::Transport { url: need.url.clone(), reason: "it is not kept".to_owned() };
        let kept = key(need).and_then(|key| self.answers.get(&key));
        let response = kept.and_then(|kept| {
            let body = STANDARD.decode(&kept.body).ok().filter(|body| body.len() <= need.limit)?;
            let (content_type, content_digest) = (kept.content_type.clone(), kept.content_digest.clone());
            Some(Response { status: kept.status, content_type, body, content_digest, link: kept.link.clone() })
        });
        let url = kept.map(|kept| kept.url.clone()).unwrap_or_default();
        Answer { outcome: response.ok_or_else(absent), host: String::new(), url, credential: None }
    }

    /// Lets an inquiry judge what is kept.
    pub fn replay<I: Inquiry>(&self, inquiry: &mut I) -> Option<I::Out> {
        let mut answers = Vec::new();
        for _ in 0..STEPS {
            match inquiry.step(std::mem::take(&mut answers)) {
                Step::Need(needs) => answers = needs.iter().map(|need| self.answer(need)).collect(),
                Step::Done(out) => return Some(out),
                Step::Failed(_) => return None,
            }
        }
        None
    }
}

/// Remembers what an inquiry asked and was told.
#[derive(Debug)]
pub struct Recording<I> {
    inquiry: I,
    asked: Vec<Need>,
    transcript: Option<Transcript>,
}

impl<I> Recording<I> {
    /// Remembers, if there is a store to keep it in.
    pub fn new(inquiry: I, store: Option<&EvidenceStore>) -> Self {
        Self { inquiry, asked: Vec::new(), transcript: store.map(|_| Transcript::default()) }
    }

    /// What it was told.
    pub fn into_transcript(self) -> Option<Transcript> {
        self.transcript
    }
}

impl<I: Inquiry> Inquiry for Recording<I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        if let Some(transcript) = &mut self.transcript {
            self.asked.iter().zip(&answers).for_each(|(need, answer)| transcript.add(need, answer));
        }
        let step = self.inquiry.step(answers);
        if let (Step::Need(needs), true) = (&step, self.transcript.is_some()) {
            self.asked.clone_from(needs);
        }
        step
    }
}

/// A folder of transcripts. Clones share it.
#[derive(Debug, Clone)]
pub struct EvidenceStore {
    folder: Arc<PathBuf>,
    /// Bytes that it may take.
    bytes: u64,
    writing: Arc<Mutex<()>>,
}

impl EvidenceStore {
    /// In this folder, which is made when something is kept.
    pub fn new(folder: PathBuf, bytes: u64) -> Self {
        Self { folder: Arc::new(folder), bytes, writing: Arc::default() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.json", hex(&sha256(name.as_bytes()))))
    }

    /// What is kept under a name. What cannot be read is not there.
    pub fn load(&self, name: &str) -> Option<Transcript> {
        let file = self.file(name);
        let size = std::fs::metadata(&file).ok()?.len();
        if usize::try_from(size).is_ok_and(|size| size <= FILE_BYTES) {
            serde_json::from_slice(&std::fs::read(&file).ok()?).ok()
        } else {
            None
        }
    }

    /// Keeps answers under a name, beside what is there already.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep(&self, name: &str, transcript: Transcript) -> std::io::Result<()> {
        let _held = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.load(name).unwrap_or_default();
        let before = all.clone();
        all.answers.extend(transcript.answers);
        let bytes = serde_json::to_vec(&all)?;
        if all == before || bytes.len() > FILE_BYTES {
            return Ok(());
        }
        std::fs::create_dir_all(self.folder.as_path())?;
        self.make_room(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        // Under its name only when it is whole.
        let mut file = tempfile::NamedTempFile::new_in(self.folder.as_path())?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.persist(self.file(name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// The oldest go first.
    fn make_room(&self, more: u64) -> std::io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(self.folder.as_path())? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort();
        let mut taken = files.iter().fold(more, |sum, (_, size, _)| sum.saturating_add(*size));
        for (_, size, path) in files {
            if taken <= self.bytes {
                break;
            }
            remove(&path)?;
            taken = taken.saturating_sub(size);
        }
        Ok(())
    }
}

/// Whoever else took it away did the same.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use sigward_verify::image::Repository;

    use super::*;

    fn need(path: &str) -> Need {
        Need::registry(&Repository::parse("registry.test/app").unwrap(), path, "application/json", 100)
    }

    fn answer(status: u16, body: &str) -> Answer {
        let (content_type, content_digest, link) = (None, None, None);
        let response = Response { status, content_type, body: body.into(), content_digest, link };
        Answer { outcome: Ok(response), host: "h".into(), url: "u".into(), credential: Some("secret".into()) }
    }

    fn transcript(path: &str, body: &str) -> Transcript {
        let mut transcript = Transcript::default();
        transcript.add(&need(path), &answer(200, body));
        transcript
    }

    #[test]
    fn what_was_there_and_what_was_not_is_kept_and_nothing_else() {
        let mut kept = transcript("manifests/a", "body");
        kept.add(&need("manifests/b"), &answer(404, "not there"));
        kept.add(&need("manifests/c"), &answer(401, ""));
        kept.add(&need("manifests/d"), &answer(500, ""));
        let told = |path: &str| kept.answer(&need(path)).outcome.map(|response| (response.status, response.body));
        assert_eq!(told("manifests/a"), Ok((200, b"body".to_vec())));
        assert_eq!(told("manifests/b"), Ok((404, Vec::new())));
        assert!(told("manifests/c").is_err() && told("manifests/d").is_err() && told("manifests/e").is_err());
        assert_eq!(kept.answer(&need("manifests/a")).credential, None);
        // More than may be read now.
        assert!(kept.answer(&Need { limit: 3, ..need("manifests/a") }).outcome.is_err());
    }

    #[test]
    fn store_is_bounded_and_survives_rubbish() {
        let folder = tempfile::tempdir().unwrap();
        let store = EvidenceStore::new(folder.path().join("evidence"), 2_000);
        assert_eq!(store.load("a"), None);
        store.keep("a", transcript("manifests/a", "1")).unwrap();
        store.keep("a", transcript("manifests/b", "2")).unwrap();
        assert_eq!(store.load("a").unwrap().answers.len(), 2);
        for n in 0..20 {
            store.keep(&format!("n{n}"), transcript("manifests/a", &"x".repeat(300))).unwrap();
        }
        let taken: u64 = std::fs::read_dir(folder.path().join("evidence"))
            .unwrap()
            .map(|it| it.unwrap().metadata().unwrap().len())
            .sum();
        assert!(taken <= 2_000, "{taken}");
        assert!(store.load("n19").is_some());
        std::fs::write(store.file("n19"), b"{\"answers\": 1}").unwrap();
        assert_eq!(store.load("n19"), None);
    }
}
