//! The images of a Pod.

use serde_json::{Map, Value};

use super::{Kind, as_object, bad, optional_list};
use crate::limits;
use crate::review::BadReview;

/// One image of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageField {
    /// Where it is, as messages name it: `spec.containers[0].image`. An image volume is `spec.volumes[0].image`, as
    /// upstream names it.
    pub path: String,
    /// Where it is, for a patch (RFC 6901): `/spec/containers/0/image`.
    pub pointer: String,
    /// Its name, as it stands there.
    pub image: String,
}

/// The lists of containers, in the order in which they are judged.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// All images of a Pod, at most [`limits::IMAGES`].
///
/// # Errors
/// [`BadReview`] for what has not the form of a Pod, or has more images than anybody runs.
pub fn images(kind: Kind, pod: &Map<String, Value>) -> Result<Vec<ImageField>, BadReview> {
    let mut found = Vec::new();
    let prefix = kind.pod_path().join(".");
    for list in CONTAINERS {
        let path = format!("{prefix}.{list}");
        for (index, container) in optional_list(pod, list, &path)?.iter().enumerate() {
            let place = format!("{path}[{index}]");
            let container = as_object(container, &place)?;
            // Without an image it is judged as one without a name: Kubernetes lets templates leave it open.
            let image = text(container, "image", &format!("{place}.image"))?.unwrap_or_default();
            push(&mut found, format!("{place}.image"), pointer(kind, &[list, &index.to_string(), "image"]), image)?;
        }
    }
    let path = format!("{prefix}.volumes");
    for (index, volume) in optional_list(pod, "volumes", &path)?.iter().enumerate() {
        let place = format!("{path}[{index}]");
        let Some(source) = super::optional_object(as_object(volume, &place)?, "image", &format!("{place}.image"))?
        else {
            continue;
        };
        let reference = text(source, "reference", &format!("{place}.image.reference"))?;
        // It may be left open in templates; the API server takes no Pod without it.
        let Some(reference) = reference.filter(|reference| !reference.is_empty()) else { continue };
        let pointer = pointer(kind, &["volumes", &index.to_string(), "image", "reference"]);
        push(&mut found, format!("{place}.image"), pointer, reference)?;
    }
    Ok(found)
}

fn push(found: &mut Vec<ImageField>, path: String, pointer: String, image: &str) -> Result<(), BadReview> {
    if found.len() >= limits::IMAGES {
        let (expected, found) = ("no more images than an object may have", format!("more than {}", limits::IMAGES));
        return Err(BadReview { field: path, expected, found });
    }
    found.push(ImageField { path, pointer, image: image.to_owned() });
    Ok(())
}

/// None of the names has a character that a pointer would escape.
fn pointer(kind: Kind, rest: &[&str]) -> String {
    let mut pointer = String::new();
    for part in kind.pod_path().iter().chain(rest) {
        pointer.push('/');
        pointer.push_str(part);
    }
    pointer
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str, path: &str) -> Result<Option<&'a str>, BadReview> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(path, "a text", other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: Kind, pod: &Value) -> Result<Vec<(String, String, String)>, BadReview> {
        let found = images(kind, pod.as_object().unwrap())?;
        Ok(found.into_iter().map(|it| (it.path, it.pointer, it.image)).collect())
    }

    #[test]
    fn all_places_of_a_pod() {
        let pod = json!({
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "image": {"reference": "v"}},
                {"name": "c", "image": {"pullPolicy": "Always"}}, {"name": "d", "image": null}],
            "containers": [{"image": "c0", "futureField": 1}, {"name": "n"}],
            "initContainers": [{"image": "i0"}],
            "ephemeralContainers": [{"image": "e0"}],
            "futureField": {"image": "not looked at"},
        });
        let found = of(Kind::CronJob, &pod).unwrap();
        let places: Vec<_> = found.iter().map(|(path, _, image)| (path.as_str(), image.as_str())).collect();
        let at = "spec.jobTemplate.spec.template.spec";
        assert_eq!(
            places,
            [
                (&*format!("{at}.initContainers[0].image"), "i0"),
                (&*format!("{at}.containers[0].image"), "c0"),
                (&*format!("{at}.containers[1].image"), ""),
                (&*format!("{at}.ephemeralContainers[0].image"), "e0"),
                (&*format!("{at}.volumes[1].image"), "v"),
            ]
        );
        assert_eq!(found[4].1, "/spec/jobTemplate/spec/template/spec/volumes/1/image/reference");
    }

    /// What cannot be read cannot be judged, so it is no empty list.
    #[test]
    fn malformed_pods_are_errors() {
        for (pod, field) in [
            (json!({"containers": {}}), "spec.containers"),
            (json!({"containers": "x"}), "spec.containers"),
            (json!({"containers": [1]}), "spec.containers[0]"),
            (json!({"containers": [{"image": 1}]}), "spec.containers[0].image"),
            (json!({"initContainers": [{"image": ["x"]}]}), "spec.initContainers[0].image"),
            (json!({"ephemeralContainers": true}), "spec.ephemeralContainers"),
            (json!({"volumes": [{"image": "x"}]}), "spec.volumes[0].image"),
            (json!({"volumes": [{"image": {"reference": {}}}]}), "spec.volumes[0].image.reference"),
            (json!({"volumes": [[]]}), "spec.volumes[0]"),
        ] {
            assert_eq!(of(Kind::Pod, &pod).unwrap_err().field, field, "{pod}");
        }
    }

    #[test]
    fn more_images_than_anybody_runs() {
        let pod = json!({"containers": vec![json!({"image": "x"}); limits::IMAGES + 1]});
        assert_eq!(of(Kind::Pod, &pod).unwrap_err().field, format!("spec.containers[{}].image", limits::IMAGES));
    }
}
