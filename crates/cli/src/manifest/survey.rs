//! Which images are named, and where.

use std::collections::BTreeSet;

use sigward_verify::image::ImageReference;

use crate::args::request::ManifestInput;
use crate::failure::Failure;

use super::error::{At, ManifestError};
use super::object::{self, Image};
use super::path::ImagePath;
use super::source::{self, Origin, Source, Sources};
use super::tree::Tree;
use super::{limits, yaml};

/// All manifests of a run.
#[derive(Debug)]
pub struct Survey {
    /// In the order of the command line.
    pub manifests: Vec<Manifest>,
    /// What was passed by, for people.
    pub notes: Vec<String>,
    /// Kubernetes objects in all.
    pub objects: usize,
}

/// A file, and the images that it names.
#[derive(Debug)]
pub struct Manifest {
    /// As it was named, or `-`.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it holds.
    pub text: String,
    /// The same, read.
    pub tree: Tree,
    /// Its images, in its order.
    pub images: Vec<Found>,
    /// What looks like an image and may be none.
    pub unnamed: Vec<ManifestError>,
    /// What is wrong with it.
    pub errors: Vec<Failure>,
}

/// An image at a place.
#[derive(Debug)]
pub struct Found {
    /// The document, from 1.
    pub document: usize,
    /// The place and its text.
    pub image: Image,
    /// The text, understood.
    pub reference: ImageReference,
}

/// Reads all inputs and looks for images.
///
/// # Errors
/// [`ManifestError::Limit`] for too many files or images, [`ManifestError::NothingFound`].
pub fn survey(inputs: &[ManifestInput], expressions: &[ImagePath]) -> Result<Survey, Failure> {
    let survey = Survey::of(source::read(inputs)?, expressions);
    let found = survey.objects > 0 || survey.manifests.iter().any(|m| !m.images.is_empty() || !m.errors.is_empty());
    if !found {
        let names: Vec<_> = inputs.iter().map(ToString::to_string).collect();
        return Err(ManifestError::NothingFound(names.join(", ")).into());
    }
    let names: BTreeSet<_> = survey.images().map(|(_, found)| found.reference.name()).collect();
    if names.len() > limits::IMAGES {
        let at = At { file: "all files".into(), line: None };
        let limit = u64::try_from(limits::IMAGES).unwrap_or(u64::MAX);
        return Err(ManifestError::Limit { at, what: "images", limit }.into());
    }
    Ok(survey)
}

impl Survey {
    /// Looks for images in what was read.
    #[must_use]
    pub fn of(sources: Sources, expressions: &[ImagePath]) -> Self {
        let mut survey = Self { manifests: Vec::new(), notes: sources.passed, objects: 0 };
        let mut used = BTreeSet::new();
        for source in sources.files {
            let manifest = survey.look_through(source, expressions, &mut used);
            survey.manifests.push(manifest);
        }
        for (number, expression) in expressions.iter().enumerate() {
            if !used.contains(&number) {
                survey.notes.push(format!("--image-path {}: nothing was found there", expression.typed()));
            }
        }
        survey
    }

    /// All images with the manifests that name them.
    pub fn images(&self) -> impl Iterator<Item = (&Manifest, &Found)> {
        self.manifests.iter().flat_map(|manifest| manifest.images.iter().map(move |found| (manifest, found)))
    }

    fn look_through(&mut self, source: Source, expressions: &[ImagePath], used: &mut BTreeSet<usize>) -> Manifest {
        let Source { name, origin, text } = source;
        let mut manifest = Manifest {
            name,
            origin,
            text: String::new(),
            tree: Tree::default(),
            images: Vec::new(),
            unnamed: Vec::new(),
            errors: Vec::new(),
        };
        let read = text.and_then(|text| Ok((yaml::parse(&manifest.name, &text)?, text)));
        match read {
            Ok((tree, text)) => (manifest.tree, manifest.text) = (tree, text),
            Err(failure) => {
                manifest.errors.push(failure);
                return manifest;
            }
        }
        for (index, document) in manifest.tree.documents().enumerate() {
            let finds = object::search(&manifest.name, document, expressions);
            self.objects += finds.objects;
            used.extend(finds.used);
            manifest.errors.extend(finds.errors.into_iter().map(Failure::from));
            manifest.unnamed.extend(finds.unnamed);
            for (line, reason) in finds.strangers {
                let name = &manifest.name;
                self.notes.push(format!(
                    "{name}:{line}: document {} is no Kubernetes object ({reason}): nothing was looked for in it",
                    index + 1
                ));
            }
            for image in finds.images {
                match reference(&manifest.name, &image) {
                    Ok(reference) => manifest.images.push(Found { document: index + 1, image, reference }),
                    Err(error) => manifest.errors.push(error.into()),
                }
            }
        }
        manifest
    }
}

fn reference(file: &str, image: &Image) -> Result<ImageReference, ManifestError> {
    let at = At { file: file.to_owned(), line: Some(image.line) };
    if image.text.contains("{{") {
        return Err(ManifestError::Template { at });
    }
    ImageReference::parse(&image.text).map_err(|error| ManifestError::ImageName {
        at,
        path: image.path.to_string(),
        text: image.text.chars().take(limits::SHOWN).collect(),
        reason: error.reason,
    })
}
