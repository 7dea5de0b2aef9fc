//! Where credentials of registries are found, and what a configuration or a helper may do wrong.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use sigward_fetch::{
    Error, Keychain, KeychainSources, PullSecretForm, PullSecrets, RegistryCredential, RegistrySecret, run_blocking,
};
use sigward_verify::image::Repository;
use tempfile::TempDir;

/// A home with its files, and programs in a folder of `PATH`.
struct Home {
    folder: TempDir,
    /// Between writing a program and running it nobody may fork, or the program is still open for writing there.
    _alone: MutexGuard<'static, ()>,
}

impl Home {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().unwrap(), _alone }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn docker(self, text: &str) -> Self {
        self.write(".docker/config.json", text);
        self
    }

    fn sources(&self) -> KeychainSources {
        KeychainSources {
            home: Some(self.path().to_owned()),
            path: Some(self.path().join("bin").into()),
            ..KeychainSources::default()
        }
    }

    fn keychain(&self) -> Keychain {
        Keychain::files(self.sources())
    }

    fn find(&self, repository: &str) -> Option<String> {
        shown(find(&self.keychain(), repository).unwrap())
    }

    #[track_caller]
    fn error(&self, repository: &str) -> Arc<Error> {
        find(&self.keychain(), repository).unwrap_err()
    }

    #[cfg(unix)]
    fn helper(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(&format!("bin/docker-credential-{name}"), &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }
}

fn find(keychain: &Keychain, repository: &str) -> Result<Option<RegistryCredential>, Arc<Error>> {
    run_blocking(keychain.find(&Repository::parse(repository).unwrap())).unwrap()
}

fn shown(credential: Option<RegistryCredential>) -> Option<String> {
    Some(match credential?.secret() {
        RegistrySecret::Basic { user, password } => format!("{user}:{password}"),
        RegistrySecret::IdentityToken(token) => format!("identity {token}"),
        RegistrySecret::RegistryToken(token) => format!("registry {token}"),
    })
}

fn auth(text: &str) -> String {
    format!(r#"{{"auth":"{}"}}"#, base64::engine::general_purpose::STANDARD.encode(text))
}

fn auths(entries: &[(&str, String)]) -> String {
    let entries: Vec<String> = entries.iter().map(|(key, entry)| format!("\"{key}\":{entry}")).collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

#[test]
fn each_kind_of_entry() {
    let home = Home::new().docker(&auths(&[
        ("a.test", auth("user:pass:word")),
        ("b.test", r#"{"username":"u","password":"p"}"#.to_owned()),
        ("c.test", r#"{"auth":"dTpw","identitytoken":"it"}"#.to_owned()),
        ("d.test", r#"{"registrytoken":"rt","identitytoken":"it"}"#.to_owned()),
        ("e.test", "{}".to_owned()),
        ("f.test", r#"{"auth":"dTpwAA==","email":null,"username":null}"#.to_owned()),
        ("g.test", r#"{"auth":"dTpwcA"}"#.to_owned()),
    ]));
    for (host, expected) in [
        ("a.test", Some("user:pass:word")),
        ("b.test", Some("u:p")),
        ("c.test", Some("identity it")),
        ("d.test", Some("registry rt")),
        ("e.test", None),
        ("f.test", Some("u:p")),
        ("g.test", Some("u:pp")),
        ("h.test", None),
    ] {
        assert_eq!(home.find(&format!("{host}/team/app")).as_deref(), expected, "{host}");
    }
}

#[test]
fn longest_path_wins_and_whole_parts_count() {
    let home = Home::new().docker(&auths(&[
        ("quay.io", auth("host:p")),
        ("quay.io/org", auth("org:p")),
        ("quay.io/org/team/app", auth("app:p")),
        ("ghcr.io/org", auth("ghcr:p")),
        ("quay.io:8443", auth("port:p")),
    ]));
    for (repository, expected) in [
        ("quay.io/other/app", Some("host:p")),
        ("quay.io/org/app", Some("org:p")),
        ("quay.io/organisation/app", Some("host:p")),
        ("quay.io/org/team/app", Some("app:p")),
        ("quay.io/org/team/app/deeper", Some("app:p")),
        ("quay.io/org/team/apple", Some("org:p")),
        ("quay.io:8443/org/app", Some("port:p")),
        ("ghcr.io/other/app", None),
        ("evil.quay.io/org/app", None),
        ("quay.io.evil.test/org/app", None),
    ] {
        assert_eq!(home.find(repository).as_deref(), expected, "{repository}");
    }
}

#[test]
fn docker_hub_has_several_names_and_one_is_usual() {
    for key in ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://docker.io/v1/"] {
        let home = Home::new().docker(&auths(&[(key, auth("u:p"))]));
        assert_eq!(home.find("nginx").as_deref(), Some("u:p"), "{key}");
        assert_eq!(home.find("quay.io/library/nginx"), None);
    }
    let home =
        Home::new().docker(&auths(&[("docker.io", auth("other:p")), ("https://index.docker.io/v1/", auth("usual:p"))]));
    assert_eq!(home.find("user/app").as_deref(), Some("usual:p"));
}

#[test]
fn first_file_that_is_there_counts() {
    let home = Home::new();
    let file = |user: &str| auths(&[("r.test", auth(&format!("{user}:p")))]);
    let mut sources = KeychainSources {
        docker_config_dir: Some(home.path().join("docker")),
        registry_auth_file: Some(home.path().join("podman.json")),
        xdg_runtime_dir: Some(home.path().join("run")),
        ..home.sources()
    };
    let find = |sources: &KeychainSources| shown(find(&Keychain::files(sources.clone()), "r.test/team/app").unwrap());
    assert_eq!(find(&sources), None);
    for (path, user) in [
        (".config/containers/auth.json", "config"),
        ("run/containers/auth.json", "run"),
        ("podman.json", "podman"),
        ("docker/config.json", "docker"),
    ] {
        home.write(path, &file(user));
        assert_eq!(find(&sources), Some(format!("{user}:p")), "{path}");
    }
    // A folder that is set takes the place of the one at home.
    home.write(".docker/config.json", &file("home"));
    assert_eq!(find(&sources).as_deref(), Some("docker:p"));
    sources.docker_config_dir = None;
    assert_eq!(find(&sources).as_deref(), Some("home:p"));
    sources.docker_auth_config = Some(file("variable"));
    assert_eq!(find(&sources).as_deref(), Some("variable:p"));
    sources.docker_auth_config = Some(auths(&[("other.test", auth("variable:p"))]));
    assert_eq!(find(&sources).as_deref(), Some("home:p"));
}

#[test]
fn configuration_that_cannot_be_read_is_not_anonymous() {
    let bad_entry = |entry: &str| auths(&[("r.test", entry.to_owned())]);
    for text in [
        "not JSON".to_owned(),
        "[]".to_owned(),
        r#"{"auths":[]}"#.to_owned(),
        r#"{"auths":{"r.test":["dTpw"]}}"#.to_owned(),
        r#"{"auths":{"r.test":"secret"}}"#.to_owned(),
        bad_entry(r#"{"auth":"!!!"}"#),
        bad_entry(r#"{"auth":"bm9jb2xvbg=="}"#),
        bad_entry(r#"{"auth":"OnBhc3M="}"#),
        bad_entry(r#"{"auth":7}"#),
        format!(r#"{{"auths":{{}},"x":"{}"}}"#, "x".repeat(2 << 20)),
        r#"{"credsStore":"../../bin/sh"}"#.to_owned(),
        r#"{"credsStore":"a b"}"#.to_owned(),
        r#"{"credHelpers":{"r.test":"-rf"}}"#.to_owned(),
    ] {
        let home = Home::new().docker(&text);
        let error = home.error("r.test/team/app");
        let Error::CredentialFile { file, reason } = error.as_ref() else { panic!("{error:?}") };
        assert!(file.ends_with("config.json"), "{file}");
        assert!(!reason.contains("secret"), "{reason}");
    }
    // A folder in place of the file.
    let home = Home::new();
    fs::create_dir_all(home.path().join(".docker/config.json")).unwrap();
    assert!(matches!(home.error("r.test/team/app").as_ref(), Error::CredentialFile { .. }));
    let sources = KeychainSources { docker_auth_config: Some("{".to_owned()), ..home.sources() };
    let error = find(&Keychain::files(sources), "r.test/team/app").unwrap_err();
    assert!(matches!(error.as_ref(), Error::CredentialFile { file, .. } if file == "DOCKER_AUTH_CONFIG"));
}

#[cfg(unix)]
#[test]
fn file_that_may_not_be_read_is_not_anonymous() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new().docker("{}");
    let path = home.path().join(".docker/config.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    assert!(matches!(home.error("r.test/team/app").as_ref(), Error::CredentialFile { .. }));
}

#[test]
fn empty_files_have_no_credentials() {
    for text in ["", " \n", "{}", r#"{"auths":null}"#, r#"{"auths":{},"credsStore":"","credHelpers":null,"x":[1]}"#] {
        assert_eq!(Home::new().docker(text).find("r.test/team/app"), None, "{text:?}");
    }
}

#[test]
fn given_credential_is_for_its_registries() {
    let secret = RegistrySecret::RegistryToken("t".to_owned());
    let keychain = Keychain::given(
        vec!["r.test".to_owned(), "r.test:5000".to_owned()],
        RegistryCredential::new("--registry-token", secret),
    );
    for (repository, expected) in [
        ("r.test/team/app", true),
        ("R.test:5000/team/app", true),
        ("r.test:5001/team/app", false),
        ("s.test/team/app", false),
        ("x.r.test/team/app", false),
        ("nginx", false),
    ] {
        assert_eq!(find(&keychain, repository).unwrap().is_some(), expected, "{repository}");
    }
    assert!(!format!("{keychain:?}").contains("\"t\""), "{keychain:?}");
}

#[test]
fn pull_secrets_are_a_keychain_too() {
    let mut secrets = PullSecrets::default();
    secrets.add(PullSecretForm::DockerConfigJson, "ns/pull", auths(&[("*.test", auth("u:p"))]).as_bytes()).unwrap();
    let keychain = Keychain::pull_secrets(secrets);
    let found = find(&keychain, "r.test/team/app").unwrap().unwrap();
    assert_eq!(found.name(), "pull secret ns/pull");
    assert_eq!(find(&keychain, "a.r.test/team/app").unwrap(), None);
    let mut secrets = PullSecrets::default();
    secrets
        .add(PullSecretForm::DockerConfigJson, "ns/bad", auths(&[("r.test", r#"{"auth":"!"}"#.to_owned())]).as_bytes())
        .unwrap();
    let error = find(&Keychain::pull_secrets(secrets), "r.test/team/app").unwrap_err();
    assert!(matches!(error.as_ref(), Error::CredentialFile { file, .. } if file == "ns/bad"));
}

#[cfg(unix)]
mod helpers {
    use super::*;

    const ANSWER: &str = r#"echo '{"ServerURL":"x","Username":"helped","Secret":"s3cret"}'"#;
    const STORE: &str = r#"{"credsStore":"store"}"#;

    #[track_caller]
    fn failed(home: &Home, repository: &str) -> String {
        let error = home.error(repository);
        match error.as_ref() {
            Error::CredentialHelper { helper, reason } if helper == "docker-credential-store" => reason.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn helper_is_told_the_server_as_docker_does() {
        let script = format!(r#"echo "$1 $(cat)" >> "$(dirname "$0")/asked"; {ANSWER}"#);
        let config = r#"{"credsStore":"store","credHelpers":{"a.test":"one","b.test/team":"one"}}"#;
        let home = Home::new().docker(config).helper("store", &script).helper("one", &script);
        let keychain = home.keychain();
        for repository in ["nginx", "user/app", "a.test/team/app", "b.test/team/app", "b.test/team/two", "c.test/x/y"] {
            let found = find(&keychain, repository).unwrap();
            assert_eq!(shown(found).as_deref(), Some("helped:s3cret"), "{repository}");
        }
        let asked = fs::read_to_string(home.path().join("bin/asked")).unwrap();
        let asked: Vec<&str> = asked.lines().collect();
        // Once for each server, however many repositories.
        let expected = ["get https://index.docker.io/v1/", "get a.test", "get b.test/team", "get c.test"];
        assert_eq!(asked, expected);
    }

    #[test]
    fn identity_token_of_a_helper() {
        let answer = r#"echo '{"Username":"<token>","Secret":"it"}'"#;
        let home = Home::new().docker(STORE).helper("store", answer);
        assert_eq!(home.find("r.test/team/app").as_deref(), Some("identity it"));
    }

    #[test]
    fn helper_that_has_nothing_leaves_it_to_the_file() {
        let nothing = "echo 'credentials not found in native keychain'; exit 1";
        let config = format!(r#"{{"credsStore":"store",{}"#, &auths(&[("r.test", auth("file:p"))])[1..]);
        let home = Home::new().docker(&config).helper("store", nothing);
        assert_eq!(home.find("r.test/team/app").as_deref(), Some("file:p"));
        assert_eq!(home.find("s.test/team/app"), None);
    }

    #[test]
    fn helper_that_does_not_exist() {
        let home = Home::new().docker(STORE);
        assert!(failed(&home, "r.test/team/app").contains("not found in PATH"));
    }

    #[test]
    fn helper_in_a_folder_that_is_not_absolute_is_not_run() {
        let home = Home::new().docker(STORE).helper("store", ANSWER);
        let sources = KeychainSources { path: Some(".:bin:".into()), ..home.sources() };
        let error = find(&Keychain::files(sources), "r.test/team/app").unwrap_err();
        assert!(matches!(error.as_ref(), Error::CredentialHelper { .. }), "{error:?}");
    }

    #[test]
    fn helper_that_may_not_be_run() {
        let home = Home::new().docker(STORE);
        home.write("bin/docker-credential-store", "#!/bin/sh\n");
        failed(&home, "r.test/team/app");
    }

    #[test]
    fn helper_that_hangs_is_ended_with_all_that_it_started() {
        let script = r#"sleep 600 & echo $! > "$(dirname "$0")/child"; sleep 600"#;
        let home = Home::new().docker(STORE).helper("store", script);
        let sources = KeychainSources { helper_patience: Duration::from_millis(300), ..home.sources() };
        let started = Instant::now();
        let error = find(&Keychain::files(sources), "r.test/team/app").unwrap_err();
        assert!(matches!(error.as_ref(), Error::CredentialHelper { .. }), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        let child = fs::read_to_string(home.path().join("bin/child")).unwrap();
        assert!(ended(child.trim()), "the helper's child still runs");
    }

    #[test]
    fn helper_that_ends_and_leaves_its_output_open() {
        let script = r#"sleep 600 & echo $! > "$(dirname "$0")/child"; exit 0"#;
        let home = Home::new().docker(STORE).helper("store", script);
        let sources = KeychainSources { helper_patience: Duration::from_millis(300), ..home.sources() };
        let error = find(&Keychain::files(sources), "r.test/team/app").unwrap_err();
        assert!(matches!(error.as_ref(), Error::CredentialHelper { .. }), "{error:?}");
        let child = fs::read_to_string(home.path().join("bin/child")).unwrap();
        assert!(ended(child.trim()), "the helper's child still runs");
    }

    /// A process that was killed, and perhaps not yet waited for by whoever has taken it over.
    fn ended(process: &str) -> bool {
        (0..100).any(|_| {
            let status = fs::read_to_string(format!("/proc/{process}/stat"));
            let gone = status.map_or(true, |status| status.contains(") Z "));
            if !gone {
                std::thread::sleep(Duration::from_millis(10));
            }
            gone
        })
    }

    #[test]
    fn helper_that_prints_without_end() {
        let home = Home::new().docker(STORE).helper("store", "exec head -c 1073741824 /dev/zero");
        let started = Instant::now();
        assert!(failed(&home, "r.test/team/app").contains("65536 bytes"));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn helper_that_fails_says_why_and_is_asked_once() {
        let script = r#"echo x >> "$(dirname "$0")/runs"; printf 'locked\n\033[31m keychain'; exit 3"#;
        let home = Home::new().docker(STORE).helper("store", script);
        let keychain = home.keychain();
        for repository in ["r.test/team/app", "r.test/team/two"] {
            let error = find(&keychain, repository).unwrap_err();
            let Error::CredentialHelper { reason, .. } = error.as_ref() else { panic!("{error:?}") };
            assert!(reason.contains("3") && reason.ends_with("locked [31m keychain"), "{reason}");
        }
        assert_eq!(fs::read_to_string(home.path().join("bin/runs")).unwrap(), "x\n");
    }

    #[test]
    fn helper_whose_answer_is_none() {
        for script in ["true", "echo '[]'", "echo secret", r#"echo '{"Username":7}'"#] {
            let home = Home::new().docker(STORE).helper("store", script);
            assert!(!failed(&home, "r.test/team/app").contains("secret"), "{script}");
        }
        let home = Home::new().docker(STORE).helper("store", r#"echo '{"Username":"u","Secret":""}'"#);
        assert_eq!(home.find("r.test/team/app"), None);
    }

    #[test]
    fn helper_that_does_not_read_its_input() {
        let home = Home::new().docker(STORE).helper("store", &format!("exec 0<&-; {ANSWER}"));
        assert_eq!(home.find("r.test/team/app").as_deref(), Some("helped:s3cret"));
    }
}
