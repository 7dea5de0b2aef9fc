//! Credentials of registries: who sees them, and that nobody else does. The request logs of the servers are the witness.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod support;

use images_scene::{NAME, Scene, WITH_KEY, failed};
use serde_json::json;
use sigward_testkit::registry::{Auth, Blobs, Realm, Settings, Tokens};
use sigward_testkit::server::Response;
use sigward_testkit::{Artifact, EvidenceLayer, Fault, OciRegistry, Server, image_damage};

const SECRET: &str = "s3cret-of-jane";

fn login() -> serde_json::Value {
    json!({"username": "jane", "password": SECRET})
}

fn basic() -> Settings {
    let auth = Auth::Basic { user: "jane".to_owned(), password: SECRET.to_owned() };
    Settings { auth, ..Settings::default() }
}

fn tokens(realm: Realm) -> Settings {
    Settings { auth: Auth::Bearer(Tokens { realm, ..Tokens::for_user("jane", SECRET) }), ..Settings::default() }
}

fn authorizations(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.header("authorization").is_some()).count()
}

/// Nothing that a server saw holds the password in any form: not its text, not its base64, not in body or path.
#[track_caller]
fn never_saw_the_password(server: &Server) {
    let pair = sigward_testkit::text::b64(format!("jane:{SECRET}"));
    for request in server.requests() {
        let all = format!("{} {:?} {}", request.path, request.headers, String::from_utf8_lossy(&request.body));
        assert!(!all.contains(SECRET) && !all.contains(&pair), "{all}");
    }
}

#[test]
fn one_token_for_each_scope() {
    let settings = Settings { auth: Auth::Bearer(Tokens::default()), ..Settings::default() };
    let scene = Scene::keyed(settings);
    scene.verify_with_key(&scene.by_digest()).succeeded();
    assert_eq!((scene.counts().tokens, scene.counts().logical()), (1, 2), "{:?}", scene.counts());
    let mut names = vec![scene.by_digest(), scene.by_tag()];
    for (repository, count) in [("app", 5), ("other", 5)] {
        for number in 0..count {
            let image = Artifact::image(&format!("{repository}{number}"));
            let signed = scene.sigstore.sign_image_with_key(NAME, &image, &scene.key);
            names.push(scene.push(repository, &number.to_string(), &image));
            scene.registry.sign(repository, &image, &[EvidenceLayer::unlogged(&signed)]);
        }
    }
    scene.clear_counts();
    scene.verify_with_key(&names.join(" ")).succeeded();
    assert_eq!(scene.counts().tokens, 2, "{:?}", scene.counts());
}

#[test]
fn passwords_of_a_docker_configuration() {
    for settings in [basic(), tokens(Realm::Own), tokens(Realm::Other)] {
        let scene = Scene::keyed(settings);
        let run = scene.verify_with_key(&scene.by_digest());
        failed(run, 1, "UNAUTHORIZED");
        scene.log_in(&login());
        scene.verify_with_key(&scene.by_digest()).succeeded();
        scene.log_in(&json!({"auth": sigward_testkit::text::b64(format!("jane:{SECRET}"))}));
        scene.verify_with_key(&scene.by_digest()).succeeded();
        scene.log_in(&json!({"username": "jane", "password": "wrong"}));
        assert_eq!(scene.verify_with_key(&scene.by_digest()).code, 1);
    }
}

#[test]
fn passwords_of_flags_and_environment() {
    let mut scene = Scene::keyed(basic());
    let flags = format!("--registry-username jane --registry-password {SECRET}");
    let run = scene.verify_with_key(&format!("{flags} -d {}", scene.by_digest())).succeeded();
    assert!(!run.err.contains(SECRET), "{run:?}");
    scene.place.set("COSIGN_REGISTRY_USERNAME", "jane");
    scene.place.set("COSIGN_REGISTRY_PASSWORD", SECRET);
    scene.verify_with_key(&scene.by_digest()).succeeded();
}

#[test]
fn passwords_are_not_shown() {
    let scene = Scene::keyed(basic());
    scene.log_in(&login());
    let pair = sigward_testkit::text::b64(format!("jane:{SECRET}"));
    scene.registry.fault(Fault::status("/blobs/", 403));
    for flags in ["", "-d", "-d --explain"] {
        let run = scene.verify_with_key(&format!("{flags} {}", scene.by_digest()));
        assert_ne!(run.code, 0);
        assert!(![&run.out, &run.err].iter().any(|text| text.contains(SECRET) || text.contains(&pair)), "{run:?}");
    }
}

/// CVE-2025-27403, CVE-2026-24845: the registry names a token server that it does not own.
#[test]
fn token_realm_on_another_host() {
    let thief = Server::start(|_| Response::json(&json!({"token": "x"})));
    // Another name for this machine, which is another host.
    let realm = format!("http://localhost:{}/token", thief.address().port());
    let scene = Scene::keyed(tokens(Realm::Url(realm)));
    scene.log_in(&login());
    let run = scene.verify_with_key(&scene.by_digest());
    assert_eq!(run.code, 1, "{run:?}");
    never_saw_the_password(&thief);
    assert_eq!(authorizations(&thief), 0);
    // It was said to be right.
    scene.verify_with_key(&format!("--registry-trusted-realm localhost {}", scene.by_digest()));
    assert_eq!(authorizations(&thief), 1);
}

/// Blobs are on another host that refuses whoever shows a credential, as S3 does.
#[test]
fn storage_sees_no_credential() {
    for auth in [basic().auth, tokens(Realm::Own).auth, tokens(Realm::Other).auth] {
        let scene = Scene::keyed(Settings { auth, blobs: Blobs::Stored, ..Settings::default() });
        scene.log_in(&login());
        scene.verify_with_key(&scene.by_digest()).succeeded();
        assert_eq!((scene.counts().stored, authorizations(scene.storage())), (1, 0));
        never_saw_the_password(scene.storage());
    }
}

/// The registry sends manifests, blobs and lists to somebody else.
#[test]
fn redirect_to_another_host_with_credentials() {
    for settings in [basic(), tokens(Realm::Own)] {
        for part in ["/manifests/", "/blobs/", "/referrers/"] {
            let thief = Server::start(|_| Response::not_found());
            let scene = Scene::keyed(settings.clone());
            scene.log_in(&login());
            if part == "/referrers/" {
                scene.sign(&[]);
            }
            scene.fault(Fault::redirect(part, &format!("{}/v2/app/stolen", thief.url())));
            let run = scene.verify_with_key(&scene.by_digest());
            assert!(run.code != 0 && run.out.is_empty(), "{part}: {run:?}");
            assert!(thief.count() > 0, "{part}: nobody followed");
            assert_eq!(authorizations(&thief), 0, "{part}");
            never_saw_the_password(&thief);
        }
    }
}

/// A redirect target that asks for a password or a token gets neither.
#[test]
fn redirect_target_that_asks() {
    for challenge in ["Basic realm=\"x\"", "Bearer realm=\"http://127.0.0.1:1/token\",service=\"x\""] {
        let thief = Server::start(move |_| Response::new(401, "text/plain", "").with("WWW-Authenticate", challenge));
        let scene = Scene::keyed(basic());
        scene.log_in(&login());
        scene.fault(Fault::redirect("/blobs/", &format!("{}/v2/app/blobs/x", thief.url())));
        assert_eq!(scene.verify_with_key(&scene.by_digest()).code, 1);
        assert_eq!(authorizations(&thief), 0);
    }
}

/// The manifest came from another host, and the payload is asked there: without what was for the registry.
#[test]
fn host_beside_sees_no_credential() {
    let (scene, beside) = (Scene::keyed(basic()), OciRegistry::start());
    scene.log_in(&login());
    let layers = scene.repository("app", |repository| {
        let digest = repository.tags.remove(&scene.image.attachment_tag("sig")).unwrap();
        let layer = repository.manifests[&digest].1.clone();
        std::mem::take(&mut repository.blobs).into_iter().for_each(|(digest, blob)| {
            beside.repository("mirror/app", |mirror| mirror.blobs.insert(digest.clone(), blob.clone()));
        });
        layer
    });
    let tag = scene.image.attachment_tag("sig");
    beside.repository("mirror/app", |mirror| {
        let digest = mirror.put_manifest("application/vnd.oci.image.manifest.v1+json", layers);
        mirror.tags.insert(tag.clone(), digest);
    });
    let target = format!("{}/v2/mirror/app/manifests/{tag}", beside.url());
    scene.fault(Fault::redirect(&tag, &target));
    scene.verify_with_key(&scene.by_digest()).succeeded();
    assert_eq!((beside.counts().manifests, beside.counts().blobs), (1, 1));
    assert_eq!(authorizations(&beside), 0);
}

/// Credentials for one registry are not for another, not even for another port.
#[test]
fn another_registry_sees_no_credential() {
    let (scene, other) = (Scene::keyed(basic()), Scene::keyed(basic()));
    scene.log_in(&login());
    let config = std::fs::read(scene.place.path("home/.docker/config.json")).unwrap();
    std::fs::create_dir_all(other.place.path("home/.docker")).unwrap();
    std::fs::write(other.place.path("home/.docker/config.json"), config).unwrap();
    failed(other.verify_with_key(&other.by_digest()), 1, "UNAUTHORIZED");
    assert_eq!(authorizations(&other.registry), 0);
    // Nor for a log, which is asked for a signature without an entry.
    let log = scene.log();
    let trust = scene.place.text("trust/trusted_root.json");
    let words = format!("verify --key key.pub --trusted-root {trust} --rekor-url {}", log.url());
    scene.place.run(&format!("{words} {}", scene.by_digest())).succeeded();
    assert!(log.count() > 0);
    assert_eq!(authorizations(&log), 0);
}

/// A page of referrers says that the next one is elsewhere.
#[test]
fn page_elsewhere_sees_no_credential() {
    let thief = Server::start(|_| Response::not_found());
    let scene = Scene::with(basic());
    scene.log_in(&login());
    let target = format!("<{}/v2/app/referrers/{}?p=2>; rel=\"next\"", thief.url(), scene.image.digest());
    scene.fault(image_damage::header("/referrers/", "Link", &target));
    let run = scene.verify_with_key(&scene.by_digest());
    assert!(run.code != 0 && run.out.is_empty(), "{run:?}");
    assert_eq!(thief.count(), 0);
    assert!(scene.count_of("?p=2") > 0, "its query is asked here");
}

/// An identity token goes to the token server alone.
#[test]
fn identity_token() {
    let auth = Auth::Bearer(Tokens { identity_tokens: vec![SECRET.to_owned()], ..Tokens::for_user("nobody", "") });
    let scene = Scene::keyed(Settings { auth, blobs: Blobs::Stored, ..Settings::default() });
    scene.log_in(&json!({"identitytoken": SECRET}));
    scene.verify_with_key(&scene.by_digest()).succeeded();
    never_saw_the_password(scene.storage());
    let asked = scene.registry.requests();
    let elsewhere = asked.iter().filter(|request| !request.path.starts_with("/token"));
    assert!(!elsewhere.into_iter().any(|request| format!("{request:?}").contains(SECRET)));
}

/// A configuration that cannot be read is no anonymous access in silence.
#[test]
fn configuration_that_cannot_be_read() {
    let scene = Scene::keyed(basic());
    std::fs::create_dir_all(scene.place.path("home/.docker")).unwrap();
    std::fs::write(scene.place.path("home/.docker/config.json"), "{").unwrap();
    let run = scene.place.run(&format!("verify {WITH_KEY} {}", scene.by_digest()));
    failed(run, 1, "config.json");
}
