//! A cluster with the controller in it, a registry, and a whole sigstore: everything on loopback, everything real but the
//! kubelet.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; not every one uses everything, and a panic is a failed test"
)]

pub mod policies;
pub mod probe;
pub mod proxy;
pub mod replica;

use serde_json::{Value, json};
use sigward_testkit::server::Response;
use sigward_testkit::{Artifact, EvidenceLayer, Key, Leaf, OciRegistry, Server, Signed, Sigstore};

use crate::control_plane::{ControlPlane, Ended, eventually};
use proxy::Proxy;
use replica::Replica;

/// Where the controller is; upstream's name.
pub const SYSTEM: &str = "cosign-system";
/// The namespace that is guarded.
pub const GUARDED: &str = "e2e";

/// Everything.
pub struct Scene {
    pub plane: ControlPlane,
    pub registry: OciRegistry,
    pub sigstore: Sigstore,
    pub key: Key,
    pub proxy: Proxy,
    /// Where policies at URLs are: `/NAME` is [`user_policy`] of the name.
    pub documents: Server,
    pub replicas: Vec<Replica>,
}

/// A policy in CUE over the configuration of an image: as whom it runs.
pub fn user_policy(user: &str) -> String {
    format!("config: \"linux/amd64\": config: User: \"{user}\"\n")
}

impl Scene {
    /// With one replica, which is the leader: what it wrote into the cluster, it decides by. None, and a line that says so,
    /// if the programs are not there.
    pub fn start() -> Option<Self> {
        Self::with(&["--disable-tuf"])
    }

    pub fn with(flags: &[&str]) -> Option<Self> {
        let plane = ControlPlane::start()?;
        let proxy = Proxy::start();
        install(&plane, proxy.port());
        let mut scene = Self {
            plane,
            registry: OciRegistry::start(),
            sigstore: Sigstore::new(),
            key: Key::default(),
            proxy,
            documents: Server::start_https(|asked| {
                Response::ok("text/plain", user_policy(asked.path.trim_start_matches('/')))
            }),
            replicas: vec![],
        };
        scene.add_replica(flags);
        scene.plane.must(&format!("create namespace {GUARDED}"));
        scene.plane.must(&format!("label namespace {GUARDED} policy.sigstore.dev/include=true"));
        scene.wait_until_called();
        Some(scene)
    }

    /// Starts a replica more and waits until it serves.
    pub fn add_replica(&mut self, flags: &[&str]) {
        let name = format!("sigward-{}", self.replicas.len());
        // With the rights that the base gives, not with those of an administrator.
        let token = self.plane.must(&format!("-n {SYSTEM} create token sigward-webhook"));
        let kubeconfig = self.plane.kubeconfig_with_token(token.trim());
        let replica = Replica::start(&kubeconfig, &name, self.documents.authority(), flags);
        replica.wait_until_ready();
        self.replicas.push(replica);
        self.tell_proxy();
    }

    pub fn tell_proxy(&self) {
        self.proxy.set(self.replicas.iter().map(|replica| replica.port).collect());
    }

    /// The API server has learned of the webhooks and their `caBundle`: a Pod by tag of an image that is not there is denied
    /// by the controller.
    fn wait_until_called(&self) {
        eventually("the API server to call the controller", || {
            let done = self.create_dry(&pod("probe", &format!("{}/absent:v1", self.registry.host())));
            let is_ours = done.err.contains("validation failed");
            if is_ours { Ok(()) } else { Err(done.err + &done.out) }
        });
    }

    /// An image under a name of its own.
    pub fn image(&self, repository: &str) -> Image<'_> {
        self.image_of(repository, Artifact::image(repository))
    }

    pub fn image_of(&self, repository: &str, artifact: Artifact) -> Image<'_> {
        self.registry.push(repository, "v1", &artifact);
        Image { scene: self, repository: repository.to_owned(), artifact }
    }

    /// Applies a policy and waits until the controller decides by it.
    pub fn policy(&self, policy: &Value) {
        self.plane.apply(&policy.to_string());
        let name = policy["metadata"]["name"].as_str().unwrap();
        self.wait_for_policy(name);
    }

    pub fn wait_for_policy(&self, name: &str) {
        self.plane.until(&format!("clusterimagepolicies/{name}"), "the policy to be in use", |it| {
            it["status"]["observedGeneration"] == it["metadata"]["generation"]
                && it["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "Ready"))
        });
    }

    /// Deletes policies and waits until the controller has forgotten them.
    pub fn forget(&self, names: &[&str]) {
        for name in names {
            self.plane.must(&format!("delete clusterimagepolicy {name} --ignore-not-found"));
        }
        self.plane.until(&format!("-n {SYSTEM} configmap/config-image-policies"), "the policies to be gone", |map| {
            names.iter().all(|name| map["data"].get(*name).is_none())
        });
    }

    /// `no-match-policy` and its like.
    pub fn configure(&self, entries: &Value) {
        let patch = json!({"data": entries});
        self.plane.must(&format!("-n {SYSTEM} patch configmap config-policy-controller --type=merge -p {patch}"));
    }

    pub fn create(&self, object: &Value) -> Ended {
        self.plane.kubectl_with(&format!("-n {GUARDED} create -f -"), &object.to_string())
    }

    pub fn create_dry(&self, object: &Value) -> Ended {
        self.plane.kubectl_with(&format!("-n {GUARDED} create --dry-run=server -f -"), &object.to_string())
    }

    /// It is admitted, without a warning.
    #[track_caller]
    pub fn admits(&self, object: &Value) {
        let done = self.create(object);
        assert!(done.ok && !done.err.contains("Warning:"), "expected to be admitted, found {done:?}");
    }

    /// It is admitted, with this warning.
    #[track_caller]
    pub fn warns(&self, object: &Value, text: &str) {
        let done = self.create(object);
        assert!(done.ok && done.err.contains(text), "expected to be admitted with {text:?}, found {done:?}");
    }

    /// It is denied, and the text says so.
    #[track_caller]
    pub fn denies(&self, object: &Value, text: &str) {
        denied(self.create(object), text);
    }
}

/// kubectl was told no by the webhook for workloads, with this text.
#[track_caller]
pub fn denied(done: Ended, text: &str) {
    let head = "admission webhook \"policy.sigstore.dev\" denied the request: validation failed: ";
    assert!(!done.ok && done.err.contains(head) && done.err.contains(text), "expected {text:?}, found {done:?}");
}

/// An image in the registry, and what is attached to it.
pub struct Image<'a> {
    scene: &'a Scene,
    pub repository: String,
    pub artifact: Artifact,
}

impl Image<'_> {
    pub fn name(&self) -> String {
        self.scene.registry.name(&self.repository)
    }

    pub fn by_tag(&self) -> String {
        format!("{}:v1", self.name())
    }

    pub fn by_digest(&self) -> String {
        format!("{}@{}", self.name(), self.artifact.digest())
    }

    /// By the scene's key, not logged.
    pub fn sign_with_key(&self) {
        self.sign_with(&self.scene.key.clone());
    }

    pub fn sign_with(&self, key: &Key) {
        let signed = self.scene.sigstore.sign_image_with_key(&self.name(), &self.artifact, key);
        self.attach(&[EvidenceLayer::unlogged(&signed)]);
    }

    /// By the default signer.
    pub fn sign_keyless(&self) {
        let signed = self.scene.sigstore.sign_image(&self.name(), &self.artifact, Leaf::default());
        self.attach(&[EvidenceLayer::of(&signed)]);
    }

    pub fn attach(&self, layers: &[EvidenceLayer]) {
        self.scene.registry.sign(&self.repository, &self.artifact, layers);
    }

    pub fn attestation(&self, predicate_type: &str, predicate: &Value) -> Signed {
        let predicate = (predicate_type, predicate.clone());
        self.scene.sigstore.attest_image(&self.name(), &self.artifact, predicate, Leaf::default())
    }

    pub fn attestation_with_key(&self, predicate_type: &str, predicate: &Value) -> Signed {
        let predicate = (predicate_type, predicate.clone());
        self.scene.sigstore.attest_image_with_key(&self.name(), &self.artifact, predicate, &self.scene.key)
    }

    pub fn attest(&self, layers: &[EvidenceLayer]) {
        self.scene.registry.attest(&self.repository, &self.artifact, layers);
    }
}

/// The base as it is, with a Service that leads to this machine, since no Pods run.
fn install(plane: &ControlPlane, port: u16) {
    let built = plane.must("kustomize deploy/base");
    plane.apply(&built);
    plane.must("apply -f deploy/components/pull-secrets/rbac.yaml");
    plane.must(&format!("-n {SYSTEM} delete service webhook"));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "webhook", "namespace": SYSTEM},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    plane.apply(&service.to_string());
    for configuration in [
        "mutatingwebhookconfiguration/policy.sigstore.dev",
        "validatingwebhookconfiguration/policy.sigstore.dev",
        "mutatingwebhookconfiguration/defaulting.clusterimagepolicy.sigstore.dev",
        "validatingwebhookconfiguration/validating.clusterimagepolicy.sigstore.dev",
    ] {
        let patch = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": port}]);
        plane.must(&format!("patch {configuration} --type=json -p {patch}"));
    }
}

/// A Pod with one container.
pub fn pod(name: &str, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(image)})
}

pub fn pod_spec(image: &str) -> Value {
    json!({"containers": [{"name": "main", "image": image}], "restartPolicy": "Never"})
}

pub fn job(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"spec": pod_spec(image)}},
    })
}

pub fn cron_job(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec": pod_spec(image)}}}},
    })
}

pub fn deployment(name: &str, image: &str) -> Value {
    let mut spec = pod_spec(image);
    spec["restartPolicy"] = json!("Always");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    })
}
