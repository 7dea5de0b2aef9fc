//! A folder of objects as YAML or JSON, as one would apply them; looked at again and again.
//!
//! A file that cannot be read could hold any policy. It is never left out: the store learns its name, and everything is
//! denied until it is repaired (ARCHITECTURE.md, invariant 9). As editors write in pieces, or remove a file and write it
//! anew, a file that was good before is only taken for broken, or for gone, when it is so twice in a row.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sigward_policy::object::{ObjectKind, Recognized};
use sigward_verify::{Digest, HashAlgorithm};

use crate::limits;
use crate::objects::{ObjectKey, ObjectStore};
use crate::review::describe;

/// Why a folder or a file in it cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// The folder itself.
    #[error("--policies {folder}: {reason}")]
    Folder {
        /// Its name.
        folder: String,
        /// What the system said, or what there is too much of.
        reason: String,
    },
    /// One file.
    #[error("{file}: {reason}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One document of a file, counted from 1.
    #[error("{file}, document {document}: {reason}")]
    Document {
        /// Its name.
        file: String,
        /// Which document.
        document: usize,
        /// What is wrong with it.
        reason: String,
    },
}

type Objects = Vec<(ObjectKey, Arc<Value>)>;

/// A folder that is looked at again and again.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    seen: HashMap<PathBuf, Seen>,
}

/// What a file was when it was looked at last.
#[derive(Debug)]
struct Seen {
    digest: Option<Digest>,
    /// What it holds now, or why that cannot be said.
    now: Result<Objects, FilesError>,
    /// What counts: the last good content, until a failure has been seen twice.
    good: Option<Objects>,
    /// Whether it was there.
    presence: Presence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    /// It was not, once.
    Missed,
}

/// What a look at a folder found.
#[derive(Debug, Default)]
pub struct Look {
    /// The objects.
    pub objects: BTreeMap<ObjectKey, Arc<Value>>,
    /// What cannot be read, by the name of the file.
    pub unreadable: BTreeMap<String, FilesError>,
}

impl Look {
    /// Tells the store.
    pub fn put_into(self, store: &ObjectStore) {
        let unreadable = self.unreadable.into_iter().map(|(file, error)| (file, error.to_string())).collect();
        store.replace_all(self.objects, unreadable);
    }
}

impl Folder {
    /// The folder at `path`; nothing is read yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, seen: HashMap::new() }
    }

    /// Looks at all files.
    ///
    /// # Errors
    /// [`FilesError::Folder`] if the folder itself cannot be read or holds too much.
    pub fn look(&mut self) -> Result<Look, FilesError> {
        let files = self.files()?;
        let mut look = Look::default();
        let mut room = limits::OBJECT_FILES_BYTES;
        for file in &files {
            let bytes = read(file, &mut room);
            let seen = Seen::after(self.seen.remove(file), file, bytes);
            match (&seen.good, &seen.now) {
                (Some(objects), _) => {
                    for (key, object) in objects {
                        if look.objects.insert(key.clone(), Arc::clone(object)).is_some() {
                            let reason = format!("{key} is in more than one document of this folder");
                            let error = FilesError::File { file: shown(file), reason };
                            look.unreadable.insert(shown(file), error);
                        }
                    }
                }
                (None, Err(error)) => {
                    look.unreadable.insert(shown(file), error.clone());
                }
                (None, Ok(_)) => {}
            }
            self.seen.insert(file.clone(), seen);
        }
        self.seen.retain(|file, seen| files.binary_search(file).is_ok() || keep_missed(seen, &mut look));
        Ok(look)
    }

    /// The files, sorted. Hidden ones are not looked at: where Kubernetes mounts a ConfigMap, they are its machinery.
    fn files(&self) -> Result<Vec<PathBuf>, FilesError> {
        let bad = |reason: String| FilesError::Folder { folder: self.path.display().to_string(), reason };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(|error| bad(error.to_string()))? {
            let entry = entry.map_err(|error| bad(error.to_string()))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_object =
                ["yaml", "yml", "json"].iter().any(|end| name.rsplit_once('.').is_some_and(|(_, e)| e == *end));
            if !is_object || name.starts_with('.') {
                continue;
            }
            files.push(entry.path());
            if files.len() > limits::OBJECT_FILES {
                return Err(bad(format!("expected at most {} files, found more", limits::OBJECT_FILES)));
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Seen {
    /// What is known of a file after `bytes` were read.
    fn after(before: Option<Self>, file: &Path, bytes: Result<Vec<u8>, FilesError>) -> Self {
        let digest = bytes.as_ref().ok().map(|bytes| HashAlgorithm::Sha256.digest(bytes));
        let (was_good, old) = match before {
            Some(seen) if digest.is_some() && seen.digest == digest => (seen.now.is_ok(), (Some(seen.now), seen.good)),
            Some(seen) => (seen.now.is_ok(), (None, seen.good)),
            None => (false, (None, None)),
        };
        let now = old.0.unwrap_or_else(|| parse(file, &bytes?));
        let good = match &now {
            Ok(objects) => Some(objects.clone()),
            Err(_) if was_good => old.1,
            Err(_) => None,
        };
        Self { digest, now, good, presence: Presence::There }
    }
}

/// What a file held counts once more when it is missed for the first time. Another file that holds the same now is the
/// newer one: the file was renamed.
fn keep_missed(seen: &mut Seen, look: &mut Look) -> bool {
    if seen.presence == Presence::Missed {
        return false;
    }
    seen.presence = Presence::Missed;
    let Some(objects) = &seen.good else { return false };
    for (key, object) in objects {
        look.objects.entry(key.clone()).or_insert_with(|| Arc::clone(object));
    }
    true
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

fn read(file: &Path, room: &mut u64) -> Result<Vec<u8>, FilesError> {
    let bad = |reason: String| FilesError::File { file: shown(file), reason };
    let mut bytes = Vec::new();
    // Opening a pipe or a device can wait for ever, and nothing would be looked at again.
    let metadata = std::fs::metadata(file).map_err(|error| bad(error.to_string()))?;
    if !metadata.is_file() {
        return Err(bad("expected a file, found something else under this name".to_owned()));
    }
    let open = std::fs::File::open(file).map_err(|error| bad(error.to_string()))?;
    open.take(limits::OBJECT_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limits::OBJECT_FILE_BYTES {
        return Err(bad(format!("expected at most {} bytes, found more", limits::OBJECT_FILE_BYTES)));
    }
    *room = room
        .checked_sub(length)
        .ok_or_else(|| bad(format!("all files together are more than {} bytes", limits::OBJECT_FILES_BYTES)))?;
    Ok(bytes)
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Objects, FilesError> {
    let bad = |reason: String| FilesError::File { file: shown(file), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let documents = yaml_documents(text).map_err(bad)?;
    let mut found = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let bad = |reason| FilesError::Document { file: shown(file), document: index.saturating_add(1), reason };
        take(document, &mut found).map_err(bad)?;
    }
    Ok(found)
}

/// The documents of a YAML stream as JSON values; empty ones are nulls.
pub(crate) fn yaml_documents(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())
}

/// Takes an object, or those of a `List`, if they are of a kind that is kept.
fn take(document: Value, found: &mut Objects) -> Result<(), String> {
    if document.is_null() {
        return Ok(());
    }
    let text = |field: &str| match document.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        other => Err(format!("{field}: expected a text, found {}", describe(other.unwrap_or(&Value::Null)))),
    };
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    if let Some(items) = document.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List")) {
        return items.iter().try_for_each(|item| take(item.clone(), found));
    }
    match ObjectKind::recognize(&api_version, &kind) {
        Recognized::Other => Ok(()),
        Recognized::UnknownPolicy => Err(format!(
            "expected ClusterImagePolicy (v1alpha1, v1beta1) or TrustRoot (v1alpha1), found {kind} of {api_version}"
        )),
        Recognized::Kept(kind) => {
            let key = ObjectKey::of(kind, &document).map_err(|error| error.to_string())?;
            found.push((key, Arc::new(document)));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: p}\n";

    struct Scene {
        folder: tempfile::TempDir,
        looking: Folder,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let looking = Folder::new(folder.path().to_owned());
            Self { folder, looking }
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }

        /// The objects, and the names of unreadable files.
        fn look(&mut self) -> (Vec<String>, Vec<String>) {
            let look = self.looking.look().unwrap();
            let name = |file: &String| Path::new(file).file_name().unwrap().to_str().unwrap().to_owned();
            (look.objects.keys().map(ToString::to_string).collect(), look.unreadable.keys().map(name).collect())
        }
    }

    fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn documents_lists_and_other_kinds() {
        let mut scene = Scene::new();
        scene.write("a.yaml", &format!("{POLICY}---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n}}\n"));
        scene.write(
            "b.json",
            r#"{"apiVersion":"v1","kind":"List","items":[
                {"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n"}},
                {"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}]}"#,
        );
        scene.write("notes.txt", "{");
        scene.write(".hidden.yaml", "{");
        let objects = names(["ClusterImagePolicy p", "Secret n/s", "ServiceAccount default/default"]);
        assert_eq!(scene.look(), (objects, names([])));
    }

    #[test]
    fn broken_files_are_told() {
        for text in [
            "a: [",
            "kind: Pod",
            "- 1",
            "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicies\nmetadata: {name: p}",
            "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {}",
            "apiVersion: v1\nkind: List\nitems: [{}]",
            "a: &a [*a]",
        ] {
            let mut scene = Scene::new();
            scene.write("a.yaml", text);
            scene.write("b.yaml", POLICY);
            assert_eq!(scene.look(), (names(["ClusterImagePolicy p"]), names(["a.yaml"])), "{text}");
        }
        let mut scene = Scene::new();
        std::fs::write(scene.folder.path().join("a.yaml"), [0xff, 0xfe, 0x00]).unwrap();
        assert_eq!(scene.look().1, names(["a.yaml"]));
    }

    /// Two opinions on one policy: neither counts alone.
    #[test]
    fn one_object_in_two_files() {
        let mut scene = Scene::new();
        scene.write("a.yaml", POLICY);
        scene.write("b.yaml", POLICY);
        assert_eq!(scene.look().1, names(["b.yaml"]));
    }

    #[test]
    fn half_written_file_is_looked_at_twice() {
        let mut scene = Scene::new();
        let (policy, nothing) = (names(["ClusterImagePolicy p"]), names([]));
        scene.write("a.yaml", POLICY);
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        scene.write("a.yaml", "apiVersion: [");
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        assert_eq!(scene.look(), (nothing.clone(), names(["a.yaml"])));
        assert_eq!(scene.look(), (nothing.clone(), names(["a.yaml"])));
        scene.write("a.yaml", POLICY);
        assert_eq!(scene.look(), (policy, nothing.clone()));
    }

    /// An editor that removes a file and writes it anew must not take the policy away in between.
    #[test]
    fn a_file_that_is_gone_is_looked_for_twice() {
        let mut scene = Scene::new();
        let (policy, nothing) = (names(["ClusterImagePolicy p"]), names([]));
        let path = scene.folder.path().join("a.yaml");
        scene.write("a.yaml", POLICY);
        scene.look();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        scene.write("a.yaml", POLICY);
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        assert_eq!(scene.look(), (nothing.clone(), nothing.clone()));
        // Renamed: not two opinions on one policy.
        scene.write("a.yaml", POLICY);
        scene.look();
        std::fs::rename(&path, scene.folder.path().join("b.yaml")).unwrap();
        assert_eq!(scene.look(), (policy.clone(), nothing.clone()));
        assert_eq!(scene.look(), (policy, nothing));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_does_not_stop_the_watch() {
        let mut scene = Scene::new();
        scene.write("b.yaml", POLICY);
        let pipe = scene.folder.path().join("a.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(scene.look(), (names(["ClusterImagePolicy p"]), names(["a.yaml"])));
        std::fs::create_dir(scene.folder.path().join("c.yaml")).unwrap();
        assert_eq!(scene.look().1, names(["a.yaml", "c.yaml"]));
    }

    #[test]
    fn no_folder_is_an_error() {
        let mut looking = Folder::new("/nonexistent/policies".into());
        assert!(matches!(looking.look(), Err(FilesError::Folder { .. })));
    }
}
