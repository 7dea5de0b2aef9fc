//! Installing and uninstalling by Helm and by kustomize, against a real API server. No Pods run: there is no kubelet.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; a panic is a failed test"
)]

mod control_plane;

use std::process::Command;

use control_plane::{ControlPlane, part, workspace};

const POLICY: &str = "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: kept}\n\
                      spec: {images: [{glob: '**'}], authorities: [{name: a, static: {action: pass}}]}\n";

struct Helm<'a> {
    plane: &'a ControlPlane,
    home: tempfile::TempDir,
}

impl<'a> Helm<'a> {
    fn new(plane: &'a ControlPlane) -> Self {
        Self { plane, home: tempfile::tempdir().unwrap() }
    }

    fn run(&self, line: &str) -> Result<String, String> {
        let program = part("helm", "version").unwrap().join("helm");
        let output = Command::new(program)
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig())
            .args(["--namespace", "cosign-system"])
            .args(line.split_whitespace())
            .env_clear()
            // Its settings, caches and plug-ins are not those of the user.
            .env("HOME", self.home.path())
            .current_dir(workspace())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    fn must(&self, line: &str) -> String {
        self.run(line).unwrap_or_else(|error| panic!("helm {line}: {error}"))
    }
}

/// Nobody serves the webhooks for policies here.
fn without_webhooks(plane: &ControlPlane) {
    plane.must(
        "delete mutatingwebhookconfiguration/defaulting.clusterimagepolicy.sigstore.dev \
         validatingwebhookconfiguration/validating.clusterimagepolicy.sigstore.dev",
    );
}

/// policy-controller's #400: after an uninstall its policies are gone, or cannot be read or deleted.
#[test]
fn policies_survive_an_uninstall_and_can_be_read_and_deleted_after_it() {
    if part("helm", "version").is_none() {
        return;
    }
    let Some(plane) = ControlPlane::start() else { return };
    let helm = Helm::new(&plane);
    let said = helm.must("install sigward charts/sigward --create-namespace");
    assert!(said.contains("kubectl label namespace NAME policy.sigstore.dev/include=true"), "{said}");
    without_webhooks(&plane);
    plane.apply(POLICY);
    // What the controller writes stays in an upgrade.
    plane.must(r#"-n cosign-system patch secret webhook-certs -p {"data":{"ca-cert.pem":"UEVN"}}"#);
    plane.must(
        r#"patch validatingwebhookconfiguration policy.sigstore.dev -p
           {"webhooks":[{"name":"policy.sigstore.dev","clientConfig":{"caBundle":"UEVN"}}]}"#,
    );
    helm.must("upgrade sigward charts/sigward --set webhook.replicaCount=3,webhook.configData.no-match-policy=warn");
    assert_eq!(plane.object("-n cosign-system secret/webhook-certs")["data"]["ca-cert.pem"], "UEVN");
    let configuration = plane.object("validatingwebhookconfiguration/policy.sigstore.dev");
    assert_eq!(configuration["webhooks"][0]["clientConfig"]["caBundle"], "UEVN");
    assert_eq!(plane.object("-n cosign-system deployment/sigward-webhook")["spec"]["replicas"], 3);

    helm.must("uninstall sigward");
    assert!(!plane.kubectl("get validatingwebhookconfiguration/policy.sigstore.dev").ok);
    // As v1beta1, which kubectl asks for.
    assert_eq!(
        plane.object("clusterimagepolicies.v1beta1.policy.sigstore.dev/kept")["spec"]["mode"],
        serde_json::Value::Null
    );
    assert!(plane.object("cip/kept")["metadata"]["uid"].is_string());

    // The new release takes the definitions over, with what is in them.
    helm.must("install sigward charts/sigward");
    assert!(plane.object("cip/kept")["metadata"]["uid"].is_string());
    helm.must("uninstall sigward");
    plane.must("delete cip kept --timeout=20s");
}

/// The way of docs/migration.md: the old release is forgotten, the new one takes its objects.
#[test]
fn a_release_of_policy_controller_is_taken_over() {
    if part("helm", "version").is_none() {
        return;
    }
    let Some(plane) = ControlPlane::start() else { return };
    let helm = Helm::new(&plane);
    // Names and labels as upstream's chart gives them.
    helm.must("install policy-controller charts/sigward --create-namespace --set nameOverride=policy-controller");
    without_webhooks(&plane);
    plane.apply(POLICY);
    plane.must("-n cosign-system delete secret -l owner=helm,name=policy-controller");
    helm.run("install sigward charts/sigward").unwrap_err();
    helm.must("install sigward charts/sigward --take-ownership");
    let service = plane.object("-n cosign-system service/webhook");
    assert_eq!(service["spec"]["selector"]["app.kubernetes.io/instance"], "sigward");
    plane.must(
        "-n cosign-system delete deployment,pdb,configmap,serviceaccount,role,rolebinding,service \
         -l app.kubernetes.io/name=policy-controller",
    );
    plane.must("delete clusterrole,clusterrolebinding -l app.kubernetes.io/name=policy-controller");
    for kept in
        ["deployment/sigward-webhook", "configmap/config-policy-controller", "service/webhook", "secret/webhook-certs"]
    {
        plane.must(&format!("-n cosign-system get {kept}"));
    }
    assert!(plane.object("cip/kept")["metadata"]["uid"].is_string());
}

#[test]
fn the_kustomize_base_and_the_example_apply() {
    let Some(plane) = ControlPlane::start() else { return };
    plane.must("apply -k deploy/base");
    plane.must("apply -k deploy/overlays/example");
    // The second time nothing changes: no field is one that the API server fills in otherwise.
    let version = || plane.object("-n cosign-system deployment/sigward-webhook")["metadata"]["resourceVersion"].clone();
    let before = version();
    plane.must("apply -k deploy/overlays/example");
    assert_eq!(version(), before);
    let deployment = plane.object("-n cosign-system deployment/sigward-webhook");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let environment = container["env"].as_array().unwrap();
    assert!(environment.iter().any(|it| it["name"] == "SIGWARD_PULL_SECRETS" && it["value"] == "watch"), "{container}");
    assert_eq!(deployment["spec"]["replicas"], 3);
}

/// The namespace guard: whoever may label namespaces cannot take one out of the guarded ones.
#[test]
fn the_opt_in_label_is_removed_only_by_who_may_change_policies() {
    let Some(plane) = ControlPlane::start() else { return };
    plane.must("apply -k deploy/overlays/example");
    plane.must("create namespace guarded");
    plane.must("label namespace guarded policy.sigstore.dev/include=true");
    plane.must(
        "create clusterrole namespaces --verb=get,patch,update,delete \
         --resource=namespaces,namespaces/status,namespaces/finalize",
    );
    plane.must("create clusterrolebinding namespaces --clusterrole=namespaces --user=bob");
    let refused = "can only be removed by those who may update clusterimagepolicies";
    control_plane::eventually("the guard to be in force", || {
        let done = plane.kubectl("--as bob label namespace guarded policy.sigstore.dev/include-");
        if done.err.contains(refused) {
            return Ok(());
        }
        plane.must("label namespace guarded policy.sigstore.dev/include=true --overwrite");
        Err(done.out)
    });
    let changed = plane.kubectl("--as bob label namespace guarded policy.sigstore.dev/include=false --overwrite");
    assert!(changed.err.contains(refused), "{changed:?}");
    // The API server takes labels from a change of the status too.
    let label = r#"{"metadata":{"labels":{"policy.sigstore.dev/include":null}}}"#;
    let changed = plane.kubectl(&format!("--as bob patch namespace guarded --subresource=status -p {label}"));
    assert!(changed.err.contains(refused), "{changed:?}");
    plane.must("--as bob label namespace guarded team=a");
    plane.must("label namespace guarded policy.sigstore.dev/include-");
    plane.must("label namespace guarded policy.sigstore.dev/include=true");
    plane.must("--as bob delete namespace guarded --wait=false");
}
