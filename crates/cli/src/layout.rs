//! An image in a folder (OCI image layout, as `cosign save` writes it): answers what a registry would be asked, so that
//! the same inquiry serves both.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sigward_verify::evidence::{Answer, Need, Response};
use sigward_verify::image::ImageReference;
use sigward_verify::{Digest, limits};

use crate::failure::Failure;
use crate::input::small_file;

/// Files of a layout that are looked at for referrers: an image has some tens of blobs.
const FILES: usize = 10_000;
/// cosign marks what each manifest is by the end of the annotation `kind`.
const IMAGE_KINDS: [&str; 2] = ["/image", "/imageIndex"];

/// A layout that was opened.
#[derive(Debug)]
pub struct Layout {
    folder: PathBuf,
    image: String,
    entries: Vec<Value>,
}

impl Layout {
    /// Opens the layout in `folder` and finds its image.
    ///
    /// # Errors
    /// [`Failure::Read`] if it is none, holds no image or several, or not the one that its index names.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("index.json");
        let bad = |reason: String| Failure::Read { what: path.display().to_string(), reason };
        let index: Value = serde_json::from_slice(&small_file(&path, limits::MANIFEST_BYTES)?)
            .map_err(|error| bad(format!("not an OCI image layout: {error}")))?;
        let entries = index.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
        let images: Vec<_> = entries.iter().filter(|entry| is_image(entry)).filter_map(digest_of).collect();
        let image = match images.as_slice() {
            [image] => image.clone(),
            [] => return Err(bad("it holds no image".into())),
            several => return Err(bad(format!("it holds {} images, expected one", several.len()))),
        };
        let layout = Self { folder: folder.to_owned(), image, entries };
        layout.check_image()?;
        Ok(layout)
    }

    /// Who loads the folder takes the file for the image, and not the digest that the index gives: both must agree, as
    /// for cosign, which judges the file's own digest.
    fn check_image(&self) -> Result<(), Failure> {
        let Some(digest) = Digest::parse(&self.image) else { return Ok(()) };
        let path = self.blob_path(&digest);
        let found = digest.algorithm().digest(&small_file(&path, limits::MANIFEST_BYTES)?);
        if found == digest {
            return Ok(());
        }
        let reason = format!("the image's manifest has the digest {found}, its name says {digest}");
        Err(Failure::Read { what: path.display().to_string(), reason })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    /// A reference to its image.
    ///
    /// # Errors
    /// [`Failure::Read`] if the layout names the image by no digest.
    pub fn reference(&self) -> Result<ImageReference, Failure> {
        let reason = format!("the image's digest is {:?}, expected sha256:HEX", self.image);
        let bad = Failure::Read { what: self.folder.join("index.json").display().to_string(), reason };
        ImageReference::in_layout(&self.folder.display().to_string(), &self.image).ok_or(bad)
    }

    /// Answers a need as a registry would.
    pub fn answer(&self, need: &Need) -> Answer {
        let path = need.repository.as_ref().and_then(|r| need.url.strip_prefix(&format!("{}/", r.base_url())));
        let (kind, name) = path.and_then(|path| path.split_once('/')).unwrap_or_default();
        let content_digest = match kind {
            "manifests" => self.manifest_digest(name),
            "blobs" => Some(name.to_owned()),
            _ => None,
        };
        let found = match kind {
            "referrers" => Some(self.referrers(name)),
            _ => content_digest.as_deref().and_then(|digest| self.blob(digest, need.limit)),
        };
        let content_type = (kind == "referrers").then(|| "application/vnd.oci.image.index.v1+json".to_owned());
        let status = if found.is_some() { 200 } else { 404 };
        let body = found.unwrap_or_default();
        let response = Response { status, content_type, body, content_digest, link: None };
        let host = self.folder.display().to_string();
        Answer { outcome: Ok(response), host, url: String::new(), credential: None }
    }

    fn manifest_digest(&self, name: &str) -> Option<String> {
        if name.starts_with("sha256:") {
            return Some(name.to_owned());
        }
        let kind = match name.rsplit_once('.')? {
            (_, "sig") => "/sigs",
            (_, "att") => "/atts",
            _ => return None,
        };
        let is_it = |entry: &&Value| {
            let tag = annotation(entry, "org.opencontainers.image.ref.name").rsplit(':').next().unwrap_or_default();
            annotation(entry, "kind").ends_with(kind) || tag == name
        };
        self.entries.iter().find(is_it).and_then(digest_of)
    }

    fn blob(&self, digest: &str, limit: usize) -> Option<Vec<u8>> {
        // A digest that is none could be a path.
        let path = self.blob_path(&Digest::parse(digest)?);
        // A pipe would never end.
        path.is_file().then(|| small_file(&path, limit).ok()).flatten()
    }

    /// Manifests whose subject is the image, as a registry with a referrers API lists them.
    fn referrers(&self, image: &str) -> Vec<u8> {
        let folder = fs::read_dir(self.folder.join("blobs").join("sha256"));
        let files = folder.into_iter().flatten().take(FILES).filter_map(Result::ok);
        let mut found: Vec<_> = files.filter_map(|file| referrer(&file.path(), image)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let manifests: Vec<_> = found.into_iter().map(|(_, descriptor)| descriptor).collect();
        json!({ "schemaVersion": 2, "manifests": manifests }).to_string().into_bytes()
    }
}

fn is_image(entry: &Value) -> bool {
    let kind = annotation(entry, "kind");
    let name = annotation(entry, "org.opencontainers.image.ref.name");
    let tag = name.rsplit(':').next().unwrap_or_default();
    let attached = tag.strip_prefix("sha256-").is_some_and(|rest| rest.len() >= 64);
    if kind.is_empty() { !attached } else { IMAGE_KINDS.iter().any(|image| kind.ends_with(image)) }
}

fn annotation<'v>(entry: &'v Value, name: &str) -> &'v str {
    entry.get("annotations").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or_default()
}

fn digest_of(entry: &Value) -> Option<String> {
    Some(entry.get("digest")?.as_str()?.to_owned())
}

/// The descriptor of a file that is a manifest about the image.
fn referrer(path: &Path, image: &str) -> Option<(String, Value)> {
    if !path.is_file() {
        return None;
    }
    let mut file = fs::File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let mut first = [0_u8];
    file.read_exact(&mut first).ok()?;
    // Layers of images are no manifests, and may be large.
    if first != *b"{" || size > u64::try_from(limits::MANIFEST_BYTES).ok()? {
        return None;
    }
    let manifest: Value = serde_json::from_slice(&small_file(path, limits::MANIFEST_BYTES).ok()?).ok()?;
    if manifest.get("subject")?.get("digest")?.as_str()? != image {
        return None;
    }
    let digest = format!("sha256:{}", path.file_name()?.to_str()?);
    let descriptor = json!({
        "mediaType": manifest.get("mediaType").and_then(Value::as_str).unwrap_or_default(),
        "artifactType": manifest.get("artifactType").and_then(Value::as_str).unwrap_or_default(),
        "digest": digest,
        "size": size,
    });
    Some((digest, descriptor))
}
