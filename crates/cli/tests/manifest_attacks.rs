//! Manifests that are made to be misread, to hide an image, or to break the program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod manifest_support;

use manifest_support::{error, errors, pin, read, survey};
use sigward::manifest::ManifestError;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

/// Why an image cannot be pinned.
#[track_caller]
fn not_editable(text: &str) -> (String, String) {
    match pin(&read(text, &[])).unwrap_err().remove(0) {
        ManifestError::NotEditable { path, reason, .. } => (path, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn billion_laughs_are_counted_before_they_are_told() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(matches!(error(&text), ManifestError::Limit { what: "values after all aliases are replaced", .. }));
    let mut merges = String::from("a0: &a0 {k: v}\n");
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        merges.push_str(&format!("a{level}: &a{level} {{<<: [{aliases}]}}\n"));
    }
    assert!(matches!(error(&merges), ManifestError::Limit { .. }));
}

#[test]
fn an_alias_within_its_own_anchor_is_refused() {
    for text in ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a\n  <<: *a\n"] {
        assert!(matches!(error(text), ManifestError::Syntax { .. }), "{text}");
    }
}

#[test]
fn depth_is_limited_written_or_by_aliases() {
    for text in ["[".repeat(5000), "- ".repeat(5000) + "x\n", "{a: ".repeat(5000)] {
        let error = error(&text);
        assert!(matches!(error, ManifestError::Limit { .. } | ManifestError::Syntax { .. }), "{error:?}");
    }
    let mut text = format!("a0: &a0 {}{}\n", "[".repeat(60), "]".repeat(60));
    for level in 1..4 {
        text.push_str(&format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(60), level - 1, "]".repeat(60)));
    }
    assert!(matches!(error(&text), ManifestError::Limit { what: "values within values", .. }));
}

#[test]
fn too_many_documents_and_values_are_refused() {
    assert!(matches!(error(&"---\n".repeat(10_002)), ManifestError::Limit { what: "documents", .. }));
    let text = format!("[{}]", "1,".repeat(1_000_001));
    assert!(matches!(error(&text), ManifestError::Limit { what: "values", .. }));
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for keys in [
        "image: good/one:1, image: evil/two:2",
        "image: good/one:1, \"image\": evil/two:2",
        "image: good/one:1, 'image': evil/two:2",
        "image: good/one:1, \"im\\x61ge\": evil/two:2",
        "image: good/one:1, ? image : evil/two:2",
        "image: good/one:1, !!str image: evil/two:2",
    ] {
        let text = format!("{POD}spec: {{containers: [{{{keys}}}]}}\n");
        assert!(matches!(error(&text), ManifestError::Ambiguous { .. }), "{keys}");
    }
    let twice = format!("{POD}spec: {{containers: []}}\nspec: {{containers: [{{image: evil/two:2}}]}}\n");
    assert!(matches!(error(&twice), ManifestError::Ambiguous { .. }));
}

/// go-yaml decodes them: `aW1hZ2U=` is `image`, `UG9k` is `Pod`.
#[test]
fn a_key_or_kind_in_base64_is_not_overlooked() {
    let key = format!("{POD}spec: {{containers: [{{!!binary aW1hZ2U=: evil/two:2}}]}}\n");
    assert!(matches!(error(&key), ManifestError::Ambiguous { .. }));
    let image = format!("{POD}spec: {{containers: [{{image: !!binary ZXZpbA==}}]}}\n");
    assert!(matches!(error(&image), ManifestError::Shape { found: "a value with a tag", .. }));
    let kind = "apiVersion: v1\nkind: !!binary UG9k\nspec: {containers: [{image: evil/two:2}]}\n";
    assert!(matches!(error(kind), ManifestError::Shape { found: "a value with a tag", .. }));
}

/// go-yaml 2 lets a merge replace what stands before it; YAML 1.1 and others do not.
#[test]
fn a_merge_over_a_key_before_it_is_refused() {
    let text = format!(
        "{POD}spec:\n  initContainers: [&evil {{image: evil/two:2}}]\n  containers:\n  - image: good/one:1\n    <<: *evil\n"
    );
    assert!(matches!(error(&text), ManifestError::Ambiguous { .. }));
    let after = text.replace("  - image: good/one:1\n    <<: *evil\n", "  - <<: *evil\n    image: good/one:1\n");
    let manifest = read(&after, &[]);
    let images: Vec<_> = manifest.images.iter().map(|found| found.image.text.as_str()).collect();
    assert_eq!(images, ["evil/two:2", "good/one:1"]);
    let two = format!("{POD}spec:\n  a: &a {{b: c}}\n  <<: *a\n  <<: *a\n");
    assert!(matches!(error(&two), ManifestError::Ambiguous { .. }));
    let quoted = format!("{POD}spec:\n  x: &a {{containers: [{{image: a/bb:1}}]}}\n  '<<': *a\n");
    assert!(read(&quoted, &[]).images.is_empty(), "in quotes it is a key like others");
}

#[test]
fn a_key_that_is_an_alias_or_a_collection_is_refused() {
    assert!(matches!(error("a: &a image\n*a : evil/two:2\n"), ManifestError::Ambiguous { .. }));
    assert!(matches!(error("? [a, b]\n: c\n"), ManifestError::Syntax { .. }));
}

/// kubectl cuts at these lines before any YAML is read.
#[test]
fn a_document_that_only_kubectl_sees_is_refused() {
    let hidden = "x: \"a\n---#\napiVersion: v1\nkind: Pod\nspec: {containers: [{image: evil/two:2}]}\n---#\nb\"\n";
    assert!(matches!(error(hidden), ManifestError::Ambiguous { .. }));
}

/// go-yaml breaks lines at U+0085, U+2028 and U+2029: what looks like a comment is a key to it.
#[test]
fn a_line_break_of_yaml_1_1_is_refused() {
    for c in ['\u{85}', '\u{2028}', '\u{2029}'] {
        let text = format!("{POD}spec:\n  containers:\n  - name: a #{c}    image: evil/two:2\n");
        assert!(matches!(error(&text), ManifestError::Ambiguous { .. }), "{c:?}");
    }
}

#[test]
fn a_tag_that_makes_something_else_of_a_collection_is_refused() {
    for tag in ["!!set", "!!omap", "!custom", "!!binary"] {
        let text = format!("{POD}spec: {{containers: {tag} [{{image: a/bb:1}}]}}\n");
        assert!(matches!(error(&text), ManifestError::Ambiguous { .. }), "{tag}");
    }
}

/// go-yaml 2 takes `?` between brackets for the mark of a key, whatever follows.
#[test]
fn a_key_behind_a_question_mark_is_refused() {
    let text = format!("{POD}spec: {{containers: [{{name: a, ?image: evil/two:2}}]}}\n");
    assert!(matches!(error(&text), ManifestError::Ambiguous { .. }));
    assert!(errors("a: ?b\n").is_empty(), "in a block it is a text for both");
}

/// go-yaml 2 ends an anchor at a character that it does not know, and goes on with a value.
#[test]
fn a_value_in_the_name_of_an_anchor_or_tag_is_refused() {
    for field in ["image: &a:evil/two:2", "image: &a?x", "image: &ä x/yy:1", "image: !t%41 x/yy:1"] {
        let text = format!("{POD}spec:\n  containers:\n  - name: a\n    {field}\n");
        assert!(matches!(error(&text), ManifestError::Ambiguous { .. }), "{field}");
    }
    assert!(matches!(error("a: &x.y z\nb: *x.y\n"), ManifestError::Ambiguous { .. }));
}

#[test]
fn a_directive_is_refused() {
    assert!(matches!(error("%YAML 1.1\n---\na: b\n"), ManifestError::Syntax { .. }));
    assert!(matches!(error("%TAG ! tag:yaml.org,2002:\n---\na: b\n"), ManifestError::Syntax { .. }));
}

#[test]
fn a_template_says_render_first() {
    for text in [
        format!("{POD}spec: {{containers: [{{image: {{{{ .Values.image }}}} }}]}}\n"),
        format!("{POD}spec:\n  containers:\n  - image: {{{{ .Values.image }}}}\n"),
        format!("{POD}spec:\n  containers:\n  - image: \"{{{{ .Values.image }}}}:{{{{ .Values.tag }}}}\"\n"),
        format!("{POD}spec:\n  containers:\n  - image: org/app:{{{{ .Values.tag }}}}\n"),
        format!("{{{{- if .Values.on }}}}\n{POD}{{{{- end }}}}\n"),
        format!("{POD}{{{{- range .Values.list }}}}\nspec: {{}}\n{{{{- end }}}}\n"),
        format!("{POD}labels:\n  {{{{- include \"x.labels\" . | nindent 4 }}}}\n"),
    ] {
        assert!(matches!(error(&text), ManifestError::Template { .. }), "{text}: {:?}", errors(&text));
    }
    // Alerts have templates within texts, which is YAML.
    let alert = format!("{POD}x: 'on {{{{ $labels.instance }}}}'\n");
    assert!(errors(&alert).is_empty());
}

#[test]
fn an_image_that_is_no_text_is_refused() {
    for (value, found) in [("1.27", "a number"), ("true", "a boolean"), ("[a]", "a list"), ("{a: b}", "a mapping")] {
        let text = format!("{POD}spec: {{containers: [{{image: {value}}}]}}\n");
        match error(&text) {
            ManifestError::Shape { found: what, path, .. } => {
                assert_eq!((what, path.as_str()), (found, "spec.containers[0].image"));
            }
            other => panic!("{other:?}"),
        }
    }
    for value in ["''", "' nginx'", "UPPER/case", "nginx@sha256:00", "${IMAGE}", "$(IMAGE)"] {
        let text = format!("{POD}spec: {{containers: [{{image: {value:?}}}]}}\n");
        assert!(matches!(error(&text), ManifestError::ImageName { .. }), "{value}");
    }
}

#[test]
fn a_pod_of_another_shape_is_refused() {
    for (spec, path) in [
        ("spec: {containers: {a: {image: x/yy:1}}}", "spec.containers"),
        ("spec: {volumes: x}", "spec.volumes"),
        ("spec: {initContainers: 1}", "spec.initContainers"),
    ] {
        match error(&format!("{POD}{spec}\n")) {
            ManifestError::Shape { path: found, expected: "a list", .. } => assert_eq!(found, path),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_image_in_a_custom_resource_does_not_pass_unseen() {
    let of = |spec: &str| format!("apiVersion: example.com/v1\nkind: Foo\nmetadata: {{name: f}}\nspec: {spec}\n");
    for spec in ["{image: a/bb:1}", "{deep: [{er: {image: a/bb:1}}]}", "{image: {repository: a/bb, tag: '1'}}"] {
        match error(&of(spec)) {
            ManifestError::Unnamed { expression, .. } => {
                let named = survey(&of(spec), &[&expression]).manifests.remove(0);
                // An image in parts cannot be named as a whole.
                assert_eq!(named.images.len() + named.errors.len(), 1, "{named:?}");
                let denied = read(&of(spec), &[&format!("!{expression}")]);
                assert!(denied.images.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
    // `!` does not take an image out of a workload of Kubernetes.
    let pod = format!("{POD}spec: {{containers: [{{image: a/bb:1}}]}}\n");
    assert_eq!(read(&pod, &["!Pod.spec.containers[*].image"]).images.len(), 1);
}

#[test]
fn a_block_scalar_is_refused_by_name() {
    for block in ["|-\n      org/app:1\n", ">-\n      org/app:1\n"] {
        let text = format!("{POD}spec:\n  containers:\n  - image: {block}");
        let (path, reason) = not_editable(&text);
        assert_eq!((path.as_str(), reason.contains("block scalar")), ("spec.containers[0].image", true));
    }
}

#[test]
fn an_alias_that_is_an_image_and_something_else_is_refused_by_name() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {version: &i org/app:1}}\nspec: \
                {containers: [{image: *i}]}\n";
    let (path, reason) = not_editable(text);
    assert_eq!(path, "spec.containers[0].image");
    assert!(reason.contains("metadata.annotations.version"), "{reason}");
    let merged = format!("{POD}x: &c {{image: org/app:1}}\nspec: {{containers: [{{<<: *c, name: a}}]}}\n");
    assert!(not_editable(&merged).1.contains("x.image"));
    // Named as an image, it is one.
    let named = read(&merged, &["Pod.x.image"]);
    assert_eq!(pin(&named).unwrap().replaced.len(), 1);
}

#[test]
fn what_is_no_kubernetes_object_is_told() {
    let survey =
        survey("foo: bar\n---\n- 1\n---\n# nothing\n---\nkind: Pod\n---\napiVersion: v1\nkind: Service\n", &[]);
    assert_eq!((survey.objects, survey.notes.len()), (1, 3), "{:?}", survey.notes);
    assert!(survey.notes[0].contains("document 1") && survey.notes[2].contains("no apiVersion"), "{:?}", survey.notes);
}

/// kubectl makes the items of whatever has any, and items without a kind are of the kind of their list.
#[test]
fn items_of_what_is_not_called_a_list_are_not_overlooked() {
    let pod = "{apiVersion: v1, kind: Pod, spec: {containers: [{image: evil/two:2}]}}";
    for head in
        ["v1, kind: ConfigMap", "v1, kind: Pod", "example.com/v1, kind: Thing", "v1, kind: List", "v1, kind: PodList"]
    {
        let text = format!("{{apiVersion: {head}, items: [{pod}]}}\n");
        let manifest = read(&text, &[]);
        let images: Vec<_> = manifest.images.iter().map(|found| found.image.text.as_str()).collect();
        assert_eq!(images, ["evil/two:2"], "{head}");
    }
    let typed = "{apiVersion: v1, kind: Pod, items: [{spec: {containers: [{image: evil/two:2}]}}]}\n";
    assert_eq!(read(typed, &[]).images.len(), 1);
    let nested = format!("{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: Secret, items: [{pod}]}}]}}\n");
    assert_eq!(read(&nested, &[]).images.len(), 1);
    let nameless = format!("{{apiVersion: v1, kind: List, items: [{{items: [{pod}]}}]}}\n");
    assert_eq!(read(&nameless, &[]).images.len(), 1);
    assert!(matches!(error("{apiVersion: v1, kind: Pod, items: {a: b}}\n"), ManifestError::Shape { .. }));
}

#[test]
fn images_of_a_revision_are_not_overlooked() {
    let text = "apiVersion: apps/v1\nkind: ControllerRevision\ndata: {spec: {template: {spec: {containers: [{image: \
                evil/two:2}]}}}}\n";
    assert_eq!(read(text, &[]).images.len(), 1);
}

/// Before a key it would be a part of the key here, and nothing to go-yaml: the object would be none for us alone.
#[test]
fn a_byte_order_mark_within_a_file_is_refused() {
    let second = format!("{POD}---\n\u{feff}{POD}spec: {{containers: [{{image: evil/two:2}}]}}\n");
    assert!(matches!(error(&second), ManifestError::Ambiguous { .. }));
    assert!(matches!(error(&format!("\u{feff}\u{feff}{POD}")), ManifestError::Ambiguous { .. }));
    assert!(errors(&format!("\u{feff}{POD}")).is_empty());
}

/// kubectl's reader asks for a kind alone, and a server may fill in the version.
#[test]
fn an_object_without_a_version_does_not_pass_unseen() {
    let images = |text: &str| read(text, &[]).images.into_iter().map(|found| found.image.text).collect::<Vec<_>>();
    assert_eq!(images("kind: Pod\nspec: {containers: [{image: evil/two:2}]}\n"), ["evil/two:2"]);
    assert_eq!(images("apiVersion: ~\nkind: Pod\nspec: {containers: [{image: evil/two:2}]}\n"), ["evil/two:2"]);
    let list = "kind: List\nitems: [{kind: Pod, spec: {containers: [{image: evil/two:2}]}}]\n";
    assert_eq!(images(list), ["evil/two:2"]);
    assert!(matches!(error("kind: Foo\nspec: {image: evil/two:2}\n"), ManifestError::Unnamed { .. }));
}
