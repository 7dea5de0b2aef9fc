//! The controller's half that talks to the cluster, against a real API server: what it watches, what it writes, and who
//! writes when there are several.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; a panic is a failed test"
)]

mod control_plane;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use control_plane::{ControlPlane, eventually, indented};
use serde_json::Value;
use sigward_admission::cluster::{self, ClusterConfig, Connections, PullSecrets, certificate};
use sigward_admission::logs::{Log, LogFormat, LogLevel};
use sigward_admission::objects::{Known, ObjectKey, ObjectStore};
use sigward_admission::server::tls::CertificateSlot;
use sigward_policy::object::ObjectKind;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

const NAMESPACE: &str = "cosign-system";

/// One replica's half.
struct Replica {
    store: Arc<ObjectStore>,
    certificate: CertificateSlot,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<()>,
    _denials: mpsc::Sender<sigward_admission::events::DenialEvent>,
}

impl Replica {
    fn start(runtime: &Runtime, config: ClusterConfig) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (denials, denied) = mpsc::channel(16);
        let (store, certificate) = (Arc::new(ObjectStore::default()), CertificateSlot::default());
        let connections = Connections {
            store: Arc::clone(&store),
            remotes: Arc::default(),
            state: Arc::default(),
            certificate: certificate.clone(),
            denials: denied,
            stop: stopped,
            log: Log::start(LogFormat::Text, LogLevel::Info),
        };
        let ended = runtime.spawn(async move {
            let client = cluster::connect(config.kubeconfig.as_deref()).await.unwrap();
            cluster::run(&client, &config, connections).await;
        });
        Self { store, certificate, stop, ended, _denials: denials }
    }

    fn stop(self, runtime: &Runtime) {
        self.stop.send_replace(true);
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), self.ended).await }).unwrap().unwrap();
    }

    fn found(&self, key: &ObjectKey) -> Option<Arc<Value>> {
        match self.store.get(key) {
            Known::Found(object) => Some(object),
            Known::Absent | Known::Unavailable(_) => None,
        }
    }

    fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        eventually(what, || if is_so(self) { Ok(()) } else { Err(format!("{:?}", self.store)) });
    }
}

fn config(plane: &ControlPlane, identity: &str) -> ClusterConfig {
    ClusterConfig { kubeconfig: Some(plane.kubeconfig()), ..ClusterConfig::new(NAMESPACE, identity) }
}

fn secret(name: &str) -> ObjectKey {
    ObjectKey::namespaced(ObjectKind::Secret, NAMESPACE, name)
}

fn policy(name: &str, secret: &str) -> String {
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\n\
         spec: {{images: [{{glob: '**'}}], authorities: [{{name: a, key: {{secretRef: {{name: {secret}}}}}}}]}}\n"
    )
}

/// The base without its webhook configurations for policies, which nobody serves here.
fn install(plane: &ControlPlane) {
    plane.must("apply -k deploy/base");
    plane.must(
        "delete mutatingwebhookconfiguration/defaulting.clusterimagepolicy.sigstore.dev \
         validatingwebhookconfiguration/validating.clusterimagepolicy.sigstore.dev",
    );
    plane.until("crd/clusterimagepolicies.policy.sigstore.dev", "the definition to be served", |it| {
        it["status"]["conditions"].as_array().is_some_and(|all| {
            all.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
        })
    });
}

#[test]
fn what_policies_need_is_watched_and_nothing_else() {
    let Some(plane) = ControlPlane::start() else { return };
    let runtime = Runtime::new().unwrap();
    install(&plane);
    plane.apply(&policy("one", "release-keys"));
    plane.must(&format!("-n {NAMESPACE} create secret generic release-keys --from-literal=a=b"));
    plane.must(&format!("-n {NAMESPACE} create secret generic unrelated --from-literal=a=b"));
    plane.must("create secret docker-registry pull --docker-server=r.example --docker-username=u --docker-password=p");

    let replica = Replica::start(&runtime, ClusterConfig { pull_secrets: PullSecrets::Watch, ..config(&plane, "a") });
    replica.wait_for("all kinds known", |it| ObjectKind::ALL.iter().all(|kind| it.store.is_synced(*kind)));
    let secrets: BTreeSet<_> =
        replica.store.list(ObjectKind::Secret).into_iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(secrets, ["Secret cosign-system/release-keys", "Secret default/pull"].map(str::to_owned).into());
    let found = replica.found(&ObjectKey {
        kind: ObjectKind::ClusterImagePolicy,
        namespace: String::new(),
        name: "one".into(),
    });
    assert_eq!(found.unwrap()["apiVersion"], "policy.sigstore.dev/v1alpha1");

    // A policy that names another Secret, which is made later.
    plane.apply(&policy("two", "later"));
    plane.must(&format!("-n {NAMESPACE} create secret generic later --from-literal=a=b"));
    replica.wait_for("the Secret of the new policy", |it| it.found(&secret("later")).is_some());
    plane.must("delete clusterimagepolicy one");
    replica.wait_for("the Secret of the old policy to be forgotten", |it| it.found(&secret("release-keys")).is_none());

    // The API server goes and comes back; what was known stays meanwhile, and changes are seen afterwards.
    plane.restart_api_server();
    assert!(replica.found(&secret("later")).is_some());
    plane.must(&format!("-n {NAMESPACE} delete secret later"));
    replica.wait_for("a deletion after the restart", |it| it.found(&secret("later")).is_none());
    replica.stop(&runtime);
}

#[test]
fn a_replica_may_read_what_its_role_says_and_no_more() {
    let Some(plane) = ControlPlane::start() else { return };
    let runtime = Runtime::new().unwrap();
    install(&plane);
    plane.must(&format!("-n {NAMESPACE} create secret generic release-keys --from-literal=a=b"));
    plane.apply(&policy("one", "release-keys"));
    // The service account's own rights, as the base gives them: no Secret but webhook-certs.
    let token = plane.must(&format!("-n {NAMESPACE} create token sigward-webhook"));
    let kubeconfig = plane.kubeconfig_with_token(token.trim());
    let replica = Replica::start(&runtime, ClusterConfig { kubeconfig: Some(kubeconfig), ..config(&plane, "a") });
    replica.wait_for("all kinds known", |it| ObjectKind::ALL.iter().all(|kind| it.store.is_synced(*kind)));
    let Known::Unavailable(reason) = replica.store.get(&secret("release-keys")) else {
        panic!("expected a refusal, found {:?}", replica.store.get(&secret("release-keys")));
    };
    assert!(reason.contains("forbidden") && reason.contains("sigward-webhook"), "{reason}");
    // It can do its work with these rights: certificate, bundle.
    replica.wait_for("a certificate to show", |it| it.certificate.is_set());
    plane.until("mutatingwebhookconfiguration/policy.sigstore.dev", "a bundle", |it| bundle(it).is_some());
    // The right is given, and the Secret is found without a restart.
    plane.apply(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: more, namespace: {NAMESPACE}}}\n\
         rules: [{{apiGroups: [''], resources: [secrets], resourceNames: [release-keys], verbs: [list, watch]}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: more, namespace: {NAMESPACE}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: more}}\n\
         subjects: [{{kind: ServiceAccount, name: sigward-webhook, namespace: {NAMESPACE}}}]\n"
    ));
    replica.wait_for("the Secret after the right was given", |it| it.found(&secret("release-keys")).is_some());
    replica.stop(&runtime);
}

#[test]
fn one_replica_makes_the_certificate_and_all_show_it() {
    let Some(plane) = ControlPlane::start() else { return };
    let runtime = Runtime::new().unwrap();
    install(&plane);
    let first = Replica::start(&runtime, config(&plane, "first"));
    first.wait_for("a certificate to show", |it| it.certificate.is_set());
    let second = Replica::start(&runtime, config(&plane, "second"));
    second.wait_for("the certificate of the other", |it| it.certificate.is_set());
    assert_eq!(holder(&plane), "first");
    let made = certs(&plane);
    let trusted =
        plane.until("mutatingwebhookconfiguration/policy.sigstore.dev", "a bundle", |it| bundle(it).is_some());
    assert_eq!(bundle(&trusted).unwrap(), made["ca-cert.pem"]);

    // Somebody overwrites the bundle.
    plane.must(
        r#"patch validatingwebhookconfiguration policy.sigstore.dev --type=json -p
           [{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]"#,
    );
    plane.until("validatingwebhookconfiguration/policy.sigstore.dev", "the bundle again", |it| {
        bundle(it).as_deref() == certs(&plane)["ca-cert.pem"].as_str()
    });

    // The leader goes, gives the Lease back, and the other writes: a certificate near its end is renewed, and its authority
    // stays trusted until nobody shows it.
    first.stop(&runtime);
    let names = ClusterConfig::new(NAMESPACE, "").host_names();
    let old = certificate::make(&names, jiff::Timestamp::now(), Duration::from_secs(60 * 60)).unwrap();
    plane.apply(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: webhook-certs, namespace: {NAMESPACE}}}\nstringData:\n  \
         server-key.pem: |\n{}  server-cert.pem: |\n{}  ca-cert.pem: |\n{}",
        indented(&old.key, 4),
        indented(&old.certificate, 4),
        indented(&old.authorities, 4)
    ));
    let renewed = eventually("a new certificate", || {
        let now = certs(&plane);
        if now["server-cert.pem"] == old.certificate { Err(now.to_string()) } else { Ok(now) }
    });
    assert_eq!(holder(&plane), "second");
    let authorities = renewed["ca-cert.pem"].as_str().unwrap();
    assert!(authorities.contains(&old.authorities) && authorities.matches("BEGIN").count() == 2, "{authorities}");
    plane.until("validatingwebhookconfiguration/policy.sigstore.dev", "both authorities", |it| {
        bundle(it).as_deref() == Some(authorities)
    });
    second.stop(&runtime);
    assert_eq!(holder(&plane), "");
}

/// Upstream's finalizer would keep a policy for ever: nobody else takes it away.
#[test]
fn a_policy_that_policy_controller_left_behind_can_be_deleted() {
    let Some(plane) = ControlPlane::start() else { return };
    let runtime = Runtime::new().unwrap();
    install(&plane);
    plane.apply(&policy("left", "x"));
    plane.must(
        r#"patch cip left --type=merge -p {"metadata":{"finalizers":["clusterimagepolicies.policy.sigstore.dev"]}}"#,
    );
    plane.must("delete cip left --wait=false");
    let replica = Replica::start(&runtime, config(&plane, "a"));
    eventually("the policy to be gone", || {
        let found = plane.kubectl("get cip left");
        if found.ok { Err(found.out) } else { Ok(()) }
    });
    replica.stop(&runtime);
}

fn holder(plane: &ControlPlane) -> String {
    plane.object(&format!("-n {NAMESPACE} lease/sigward-admission"))["spec"]["holderIdentity"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What the Secret holds, decoded.
fn certs(plane: &ControlPlane) -> Value {
    let secret = plane.object(&format!("-n {NAMESPACE} secret/webhook-certs"));
    let entries = secret["data"].as_object().cloned().unwrap_or_default();
    entries
        .into_iter()
        .map(|(name, text)| (name, Value::from(decoded(&text))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn bundle(configuration: &Value) -> Option<String> {
    configuration["webhooks"][0]["clientConfig"].get("caBundle").map(decoded)
}

fn decoded(text: &Value) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}
