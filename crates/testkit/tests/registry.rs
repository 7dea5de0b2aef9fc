//! The registry and what it holds, over plain sockets.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sigward_testkit::image::{digest, digest_like, media_type};
use sigward_testkit::image_evidence::{SIGN_PREDICATE, annotation, evidence, referrer};
use sigward_testkit::registry::{
    Auth, Blobs, Filter, Links, Pages, Realm, ReferrersApi, ReferrersRoute, Settings, Tokens,
};
use sigward_testkit::text::b64;
use sigward_testkit::{
    Archeio, Artifact, EvidenceLayer, Fault, Key, Leaf, OciRegistry, Repository, Saved, Server, Sigstore, gzip,
    image_damage,
};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `</PATH>; rel="next"`.
    fn next(&self) -> Option<&str> {
        self.header("Link")?.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")
    }
}

/// One request on a connection of its own.
fn send(server: &Server, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        server.address(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut out = Vec::new();
    drop(stream.read_to_end(&mut out));
    let end = out.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(out[..end].to_vec()).unwrap();
    Answer { status: head[9..12].parse().unwrap(), head, body: out[end + 4..].to_vec() }
}

fn get(server: &Server, path: &str) -> Answer {
    send(server, "GET", path, "Accept: */*\r\n", b"")
}

fn get_as(server: &Server, path: &str, authorization: &str) -> Answer {
    send(server, "GET", path, &format!("Accept: */*\r\nAuthorization: {authorization}\r\n"), b"")
}

/// An image with five referrers, the last of another type.
fn referred(registry: &OciRegistry) -> Artifact {
    let (s, image) = (Sigstore::new(), Artifact::image("a"));
    registry.push("app", "v1", &image);
    let bundle = s.sign_image_v3(&image, Leaf::default()).bundle_v03();
    for at in 0..5 {
        let mut one = referrer(&image, &bundle, SIGN_PREDICATE);
        one.manifest.annotations.insert("at".to_owned(), at.to_string());
        if at == 4 {
            one.manifest.artifact_type = Some("application/spdx+json".to_owned());
        }
        registry.refer("app", &one);
    }
    image
}

fn listed(answer: &Answer) -> Vec<String> {
    let listed = answer.json()["manifests"].as_array().unwrap().clone();
    listed.iter().map(|one| one["annotations"]["at"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn manifests_and_blobs_by_tag_and_digest() {
    let registry = OciRegistry::start();
    let image = Artifact::multi_platform("a");
    let reference = registry.push("team/app", "v1", &image);
    assert_eq!(reference, format!("{}@{}", registry.name("team/app"), image.digest()));
    for path in ["v1".to_owned(), image.digest(), image.platforms[1].digest()] {
        let answer = get(&registry, &format!("/v2/team/app/manifests/{path}"));
        assert_eq!(answer.header("Docker-Content-Digest"), Some(digest(&answer.body).as_str()));
        let head = send(&registry, "HEAD", &format!("/v2/team/app/manifests/{path}"), "Accept: */*\r\n", b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("Content-Length"), Some(answer.body.len().to_string().as_str()));
    }
    let layer = &image.platforms[0].blobs[1];
    assert_eq!(&get(&registry, &format!("/v2/team/app/blobs/{}", digest(layer))).body, layer);
    for (path, code) in [
        ("/v2/team/app/manifests/v2", "MANIFEST_UNKNOWN"),
        ("/v2/team/other/manifests/v1", "NAME_UNKNOWN"),
        ("/v2/team/app/blobs/sha256:00", "BLOB_UNKNOWN"),
    ] {
        let answer = get(&registry, path);
        assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (404, &json!(code)));
    }
    let only_images = format!("Accept: {}\r\n", media_type::MANIFEST);
    assert_eq!(send(&registry, "GET", "/v2/team/app/manifests/v1", &only_images, b"").status, 404);
    assert_eq!(get(&registry, "/v2/").status, 200);
    let counts = registry.counts();
    assert_eq!((counts.pings, counts.manifests, counts.blobs, counts.logical()), (1, 9, 2, 11));
}

#[test]
fn tags_come_in_pages() {
    let registry = OciRegistry::start();
    for tag in ["a", "b", "c"] {
        registry.push("app", tag, &Artifact::image(tag));
    }
    let first = get(&registry, "/v2/app/tags/list?n=2");
    assert_eq!(first.json(), json!({"name": "app", "tags": ["a", "b"]}));
    let last = get(&registry, first.next().unwrap());
    assert_eq!((last.json()["tags"].clone(), last.next()), (json!(["c"]), None));
}

#[test]
fn referrers_in_pages_and_filtered() {
    let registry = OciRegistry::start();
    let image = referred(&registry);
    let path = format!("/v2/app/referrers/{}", image.digest());
    let all = get(&registry, &path);
    assert_eq!((all.header("Content-Type"), all.next()), (Some(media_type::INDEX), None));
    assert_eq!(listed(&all), ["0", "1", "2", "3", "4"]);
    registry.set(|settings| {
        settings.referrers = ReferrersApi::Present(Pages { size: Some(2), ..Pages::default() });
    });
    let mut found = Vec::new();
    let mut next = Some(format!("{path}?artifactType={}", BUNDLE.replace('+', "%2B")));
    while let Some(path) = next {
        let page = get(&registry, &path);
        assert_eq!(page.header("OCI-Filters-Applied"), Some("artifactType"));
        found.extend(listed(&page));
        next = page.next().map(str::to_owned);
    }
    assert_eq!(found, ["0", "1", "2", "3"]);
    let ignoring = Pages { filter: Filter::Ignored, ..Pages::default() };
    registry.set(|settings| settings.referrers = ReferrersApi::Present(ignoring));
    let all = get(&registry, &format!("{path}?artifactType=x"));
    assert_eq!((listed(&all).len(), all.header("OCI-Filters-Applied")), (5, None));
    assert_eq!(registry.counts().referrers, 4);
}

#[test]
fn links_may_lead_anywhere() {
    let registry = OciRegistry::start();
    let image = referred(&registry);
    let path = format!("/v2/app/referrers/{}", image.digest());
    let next = |links: Links, path: &str| {
        let pages = Pages { size: Some(2), links, ..Pages::default() };
        registry.set(|settings| settings.referrers = ReferrersApi::Present(pages));
        let page = get(&registry, path);
        (listed(&page), page.next().map(str::to_owned))
    };
    let first = vec!["0".to_owned(), "1".to_owned()];
    assert_eq!(next(Links::ToItself, &path), (first.clone(), Some(path.clone())));
    assert_eq!(next(Links::Endless, &format!("{path}?page=7")), (first.clone(), Some(format!("{path}?page=8"))));
    assert_eq!(next(Links::Url, &path), (first.clone(), Some(format!("{}{path}?page=1", registry.url()))));
    let elsewhere = "http://evil.test/".to_owned();
    assert_eq!(next(Links::To(elsewhere.clone()), &path), (first, Some(elsewhere)));
}

#[test]
fn registries_without_referrers() {
    let registry = OciRegistry::start();
    let image = referred(&registry);
    let path = format!("/v2/app/referrers/{}", image.digest());
    for (api, status) in [(ReferrersApi::Status(404), 404), (ReferrersApi::Status(405), 405), (ReferrersApi::Html, 200)]
    {
        registry.set(|settings| settings.referrers = api);
        let answer = get(&registry, &path);
        assert_eq!(answer.status, status);
        assert_ne!(answer.header("Content-Type"), Some(media_type::INDEX));
    }
    registry.set(|settings| settings.referrers = ReferrersApi::Empty);
    assert_eq!(get(&registry, &path).json()["manifests"], json!([]));
    let tag = format!("/v2/app/manifests/{}", image.fallback_tag());
    assert_eq!(get(&registry, &tag).status, 404);
    registry.repository("app", |repository| repository.write_fallback_tag(&image));
    assert_eq!(listed(&get(&registry, &tag)).len(), 5);
}

#[test]
fn tokens_are_for_a_scope_and_wear_out() {
    let tokens = Tokens { uses: Some(2), ..Tokens::for_user("jane", "secret") };
    let registry = OciRegistry::with(Settings { auth: Auth::Bearer(tokens), ..Settings::default() });
    registry.push("app", "v1", &Artifact::image("a"));
    registry.push("other", "v1", &Artifact::image("a"));
    let refused = get(&registry, "/v2/app/manifests/v1");
    let challenge =
        format!("Bearer realm=\"{}/token\",service=\"registry.test\",scope=\"repository:app:pull\"", registry.url());
    assert_eq!((refused.status, refused.header("WWW-Authenticate")), (401, Some(challenge.as_str())));
    let query = "/token?service=registry.test&scope=repository%3Aapp%3Apull";
    assert_eq!(get(&registry, query).status, 401);
    assert_eq!(get_as(&registry, query, &format!("Basic {}", b64("jane:wrong"))).status, 401);
    assert_eq!(get(&registry, &query.replace("registry.test", "x")).status, 400);
    let jane = format!("Basic {}", b64("jane:secret"));
    let answer = get_as(&registry, query, &jane).json();
    let bearer = format!("Bearer {}", answer["token"].as_str().unwrap());
    let status = |path: &str| {
        let answer = get_as(&registry, path, &bearer);
        (answer.status, answer.header("WWW-Authenticate").map(str::to_owned).unwrap_or_default())
    };
    let (code, why) = status("/v2/other/manifests/v1");
    assert!(code == 401 && why.ends_with(",error=\"insufficient_scope\""), "{why}");
    assert_eq!(status("/v2/app/manifests/v1").0, 200);
    let (code, why) = status("/v2/app/manifests/v1");
    assert!(code == 401 && why.ends_with(",error=\"invalid_token\""), "{why}");
    let counts = registry.counts();
    assert_eq!((counts.tokens, counts.challenges, counts.logical()), (4, 3, 1));
    // Basic credentials are good for tokens only.
    assert_eq!(get_as(&registry, "/v2/app/manifests/v1", &jane).status, 401);
    registry.clear_counts();
    assert_eq!(registry.counts().logical() + registry.counts().tokens, 0);
}

#[test]
fn strangers_may_pull_and_not_push() {
    let tokens = Tokens { realm: Realm::Other, ..Tokens::default() };
    let registry = OciRegistry::with(Settings { auth: Auth::Bearer(tokens), ..Settings::default() });
    registry.push("app", "v1", &Artifact::image("a"));
    let refused = send(&registry, "POST", "/v2/app/blobs/uploads/", "", b"");
    let challenge = refused.header("WWW-Authenticate").unwrap();
    assert!(challenge.contains(&registry.token_server().url()), "{challenge}");
    assert!(challenge.ends_with("scope=\"repository:app:pull,push\""), "{challenge}");
    let query = "/token?service=registry.test&scope=repository:app:pull,push";
    let token = get(registry.token_server(), query).json()["access_token"].as_str().unwrap().to_owned();
    let header = format!("Accept: */*\r\nAuthorization: Bearer {token}\r\n");
    assert_eq!(send(&registry, "GET", "/v2/app/manifests/v1", &header, b"").status, 200);
    assert_eq!(send(&registry, "POST", "/v2/app/blobs/uploads/", &header, b"").status, 401);
    let counts = registry.counts();
    assert_eq!((counts.tokens, counts.uploads, counts.challenges, counts.logical()), (1, 2, 0, 1));
}

#[test]
fn identity_tokens_are_posted() {
    let tokens = Tokens { identity_tokens: vec!["refresh+me".to_owned()], ..Tokens::for_user("jane", "x") };
    let registry = OciRegistry::with(Settings { auth: Auth::Bearer(tokens), ..Settings::default() });
    registry.push("app", "v1", &Artifact::image("a"));
    let post = |token: &str| {
        let form = format!(
            "grant_type=refresh_token&service=registry.test&client_id=x&scope=repository%3Aapp%3Apull&refresh_token={token}"
        );
        send(&registry, "POST", "/token", "Content-Type: application/x-www-form-urlencoded\r\n", form.as_bytes())
    };
    assert_eq!(post("other").status, 401);
    let token = post("refresh%2Bme").json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(get_as(&registry, "/v2/app/manifests/v1", &format!("Bearer {token}")).status, 200);
}

#[test]
fn stored_blobs_refuse_credentials() {
    let registry = OciRegistry::with(Settings { blobs: Blobs::Stored, ..Settings::default() });
    let image = Artifact::image("a");
    registry.push("app", "v1", &image);
    let layer = &image.blobs[1];
    let redirect = get(&registry, &format!("/v2/app/blobs/{}", digest(layer)));
    let target = redirect.header("Location").unwrap();
    let path = target.strip_prefix(&registry.storage().url()).unwrap();
    assert_eq!(redirect.status, 307);
    assert_eq!(&get(registry.storage(), path).body, layer);
    assert_eq!(get_as(registry.storage(), path, "Bearer x").status, 400);
    assert_eq!((registry.counts().blobs, registry.counts().stored), (1, 2));
}

#[test]
fn blobs_are_pushed_whole_in_chunks_and_by_mount() {
    let registry = OciRegistry::start();
    let name = digest(b"hello");
    let whole = send(&registry, "POST", &format!("/v2/a/blobs/uploads/?digest={name}"), "", b"hello");
    assert_eq!((whole.status, whole.header("Docker-Content-Digest")), (201, Some(name.as_str())));
    let start = send(&registry, "POST", "/v2/b/blobs/uploads/", "", b"");
    let place = start.header("Location").unwrap();
    let patch = send(&registry, "PATCH", place, "Content-Range: 0-1\r\n", b"he");
    assert_eq!((patch.status, patch.header("Range")), (202, Some("0-1")));
    assert_eq!(send(&registry, "PATCH", place, "Content-Range: 5-6\r\n", b"lo").status, 416);
    assert_eq!(send(&registry, "PUT", &format!("{place}?digest={name}"), "", b"llo").status, 201);
    assert_eq!(send(&registry, "POST", &format!("/v2/c/blobs/uploads/?mount={name}&from=a"), "", b"").status, 201);
    assert_eq!(send(&registry, "POST", &format!("/v2/c/blobs/uploads/?mount={name}&from=x"), "", b"").status, 202);
    for repository in ["a", "b", "c"] {
        assert_eq!(get(&registry, &format!("/v2/{repository}/blobs/{name}")).body, b"hello");
    }
    let wrong = send(&registry, "POST", &format!("/v2/a/blobs/uploads/?digest={name}"), "", b"other");
    assert_eq!(wrong.status, 400);
    let long = digest_like("sha512:", b"hello");
    assert_eq!(send(&registry, "POST", &format!("/v2/a/blobs/uploads/?digest={long}"), "", b"hello").status, 201);
    assert_eq!(get(&registry, &format!("/v2/a/blobs/{long}")).body, b"hello");
}

#[test]
fn pushed_referrers_are_listed_at_their_subject() {
    let (registry, s, image) = (OciRegistry::start(), Sigstore::new(), Artifact::image("a"));
    let one = referrer(&image, &s.sign_image_v3(&image, Leaf::default()).bundle_v03(), SIGN_PREDICATE);
    let path = format!("/v2/app/manifests/{}", one.digest());
    let kind = format!("Content-Type: {}\r\n", media_type::MANIFEST);
    let put = send(&registry, "PUT", &path, &kind, &one.manifest.to_json());
    assert_eq!((put.status, put.header("OCI-Subject")), (201, Some(image.digest().as_str())));
    let listed = get(&registry, &format!("/v2/app/referrers/{}", image.digest())).json();
    assert_eq!(listed["manifests"], json!([one.referrer_descriptor().to_value()]));
    registry.set(|settings| settings.referrers = ReferrersApi::Status(404));
    let put = send(&registry, "PUT", &path, &kind, &one.manifest.to_json());
    assert_eq!((put.status, put.header("OCI-Subject")), (201, None));
    assert_eq!(send(&registry, "PUT", "/v2/app/manifests/sha256:00", &kind, b"{}").status, 400);
    assert_eq!(send(&registry, "DELETE", &path, "", b"").status, 202);
    assert_eq!(get(&registry, &path).status, 404);
}

#[test]
fn registry_k8s_io_sends_signatures_elsewhere() {
    let (front, s, image) = (Archeio::start(), Sigstore::new(), Artifact::image("pause"));
    front.push("pause", "3.10", &image);
    let layers = s.kubernetes_signatures("pause", &image);
    front.sign("pause", &image, &layers);
    assert!(!layers[0].payload.windows(6).any(|part| part == b"kpromo"));
    assert!(layers[1].payload.windows(6).any(|part| part == b"kpromo"));
    let follow = |path: &str| {
        let redirect = get(&front, path);
        assert_eq!(redirect.status, 307, "{path}");
        let target = redirect.header("Location").unwrap().to_owned();
        let upstream = [&front.signatures, &front.regional].into_iter().find(|one| target.starts_with(&one.url()));
        let upstream = upstream.unwrap();
        let path = target.strip_prefix(&upstream.url()).unwrap();
        assert!(path.starts_with("/v2/k8s-artifacts-prod/images/pause/"), "{path}");
        (get(upstream, path).status, upstream.url())
    };
    let (signatures, regional) = (front.signatures.url(), front.regional.url());
    let payload = format!("/v2/pause/blobs/{}", digest(&layers[0].payload));
    let tag = format!("/v2/pause/manifests/{}", image.attachment_tag("sig"));
    assert_eq!(follow("/v2/pause/manifests/3.10"), (200, regional.clone()));
    assert_eq!(follow(&tag), (200, signatures.clone()));
    assert_eq!(follow(&payload), (404, regional.clone()));
    let by_digest = format!("/v2/pause/manifests/{}", evidence(&layers).digest());
    assert_eq!(follow(&by_digest), (404, regional.clone()));
    let referrers = format!("/v2/pause/referrers/{}", image.digest());
    assert_eq!(follow(&referrers), (200, signatures));
    front.route_referrers(ReferrersRoute::Regional);
    assert_eq!(follow(&referrers), (200, regional.clone()));
    front.route_referrers(ReferrersRoute::Unknown);
    assert_eq!(get(&front, &referrers).status, 404);
    front.replicate("pause");
    assert_eq!(follow(&payload), (200, regional.clone()));
    assert_eq!(follow(&by_digest), (200, regional));
    assert_eq!((front.counts().logical(), front.hops()), (9, 8));
}

#[test]
fn faults_of_registries() {
    let (registry, image, other) = (OciRegistry::start(), Artifact::image("a"), Artifact::image("b"));
    registry.push("app", "v1", &image);
    let (path, right) = ("/v2/app/manifests/v1", image.manifest.to_json());
    for (fault, changed) in [
        (image_damage::flipped(path), false),
        (image_damage::longer(path, 3), false),
        (image_damage::content_type(path, "text/html"), true),
        (image_damage::digest_header(path, &image_damage::unknown_digest()), true),
        (image_damage::gzipped(path), false),
        (image_damage::gzip_bomb(path, 1 << 20), false),
        (Fault::retry_after(path, 429, 1), false),
    ] {
        registry.fault(fault.first(1));
        assert_eq!(get(&registry, path).body == right, changed);
    }
    registry.fault(image_damage::moved_tag("app", "v1", &other));
    let digests = [(); 3].map(|()| digest(get(&registry, path).body));
    assert_eq!(digests, [image.digest(), other.digest(), other.digest()]);
    assert_eq!(digest(get(&registry, &format!("/v2/app/manifests/{}", image.digest())).body), image.digest());
}

#[test]
fn damaged_images_differ_in_one_thing() {
    let (s, key) = (Sigstore::new(), Key::default());
    let (image, index) = (Artifact::image("a"), Artifact::multi_platform("a"));
    let mut repository = Repository::default();
    repository.push(&index);
    image_damage::swapped_platform(&mut repository, &index, 1, &image);
    let swapped = repository.manifest(&index.platforms[1].digest()).unwrap().2;
    assert_eq!(digest(swapped), image.digest());
    let both = image_damage::ambiguous(&image, &index).manifest.to_value();
    assert!(both["layers"].is_array() && both["manifests"].is_array());
    let layer = EvidenceLayer::unlogged(&s.sign_image_with_key("x", &image, &key));
    assert_eq!(layer.annotations.keys().collect::<Vec<_>>(), [annotation::SIGNATURE]);
    assert!(image_damage::unsigned_layer(&layer).annotations.is_empty());
    let mut many = evidence(&image_damage::many_layers(&layer, 10_000));
    let mut names: Vec<_> = many.manifest.layers_mut().iter().map(|layer| layer.digest.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 10_000);
    image_damage::declared_size(&mut many, 0, 1 << 30);
    assert_eq!(many.manifest.layers_mut()[0].size, 1 << 30);
}

#[test]
fn repositories_and_layouts_as_files() {
    let (s, image) = (Sigstore::new(), Artifact::multi_platform("a"));
    let mut repository = Repository::default();
    repository.push_tag("v1", &image);
    let layers = [EvidenceLayer::of(&s.sign_image("x", &image, Leaf::default()))];
    repository.sign(&image, &layers);
    let promotion = s.promotion("a", &image);
    repository.push(&promotion);
    let read = Repository::from_files(&repository.to_files("team/app"));
    let read = &read["team/app"];
    assert_eq!((&read.blobs, &read.manifests), (&repository.blobs, &repository.manifests));
    assert_eq!((&read.tags, &read.referrers), (&repository.tags, &repository.referrers));
    let signatures = evidence(&layers);
    let saved = Saved { image: &image, signatures: Some(&signatures), attestations: None, referrers: &[promotion] };
    let files = saved.to_files();
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let kinds: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|one| &one["annotations"]["kind"]).collect();
    assert_eq!(kinds, ["dev.cosignproject.cosign/imageIndex", "dev.cosignproject.cosign/sigs"]);
    for (path, bytes) in files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix("blobs/sha256/")?, bytes))) {
        assert_eq!(digest(bytes), format!("sha256:{path}"));
    }
}

/// Python is the other reader; without it the test says so and passes.
#[test]
fn gzip_is_gzip() {
    let python = |code: &str, bytes: &[u8]| {
        let python = Command::new("python3").args(["-c", code]).stdin(Stdio::piped()).spawn();
        let Ok(mut python) = python else {
            println!("skipped: no python3");
            return true;
        };
        python.stdin.take().unwrap().write_all(bytes).unwrap();
        python.wait().unwrap().success()
    };
    let packed = gzip::pack(&vec![7; 100_000]);
    assert!(python("import gzip, sys; assert gzip.decompress(sys.stdin.buffer.read()) == b'\\7' * 100000", &packed));
    // The bomb's checksum is wrong, so it is taken off.
    let code = "import sys, zlib; out = zlib.decompressobj(31).decompress(sys.stdin.buffer.read()[:-8]); \
                assert out == b'\\0' * 258001";
    assert!(python(code, &gzip::bomb(258_000)));
}
