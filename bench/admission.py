#!/usr/bin/env python3
"""Measures the admission controller, policy-controller and a plain client, and prints tables. See admission.sh."""
import argparse, base64, contextlib, datetime, json, os, pathlib, platform, re, shutil, signal, socket, ssl, subprocess, sys
import tempfile, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CONTROL_PLANE = HERE.parent / "tests/control-plane/control-plane.sh"
# Where a certificate of policy-controller is for, and so also ours.
NAME = "webhook.cosign-system.svc"
# Images beside those of the cold figures: for one client, and for a Pod of ten containers.
ALONE, WARM_UP = 100, 20
# policy-controller's client may ask 40 times a second, and 80 times at once after a pause: the pause is used up first.
BURST = 160
ROUNDS = 3
COLUMNS = ("sigward", "policy-controller", "without its client's limit", "plain client")


def main():
    args = arguments()
    with contextlib.ExitStack() as stack:
        # A run that is stopped leaves nothing behind either.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
        bench = Bench(args, stack)
        print(bench.surroundings(), flush=True)
        compare(bench)
        load(bench)
        print(f"\nLoad average after it: {averages()}")


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("sigward", "programs", "parts", "policy-controller"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name in ("images", "reviews"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--work", type=pathlib.Path)
    return parser.parse_args()


# === The tables


def compare(bench):
    """One image a Pod: sigward, policy-controller and a plain client that makes sigward's requests."""
    columns = {"sigward": [], "plain client": []}
    for _ in range(ROUNDS):
        columns["plain client"].append(bench.plain_client())
        with Sigward(bench) as webhook:
            columns["sigward"].append(measure(bench, webhook))
    for name, program in zip(COLUMNS[1:], ("webhook", "webhook-unlimited")):
        if bench.has_policy_controller(program):
            with ControlPlane(bench) as cluster, PolicyController(bench, cluster, program) as webhook:
                columns[name] = [measure(bench, webhook)]
    columns = {name: middle(runs) for name, runs in columns.items()}
    names = [name for name in COLUMNS if name in columns]
    print(f"\n### Beside policy-controller\n\nOne image a Pod, by digest; {bench.args.images} images; "
          f"the middle of {ROUNDS} runs by rate (policy-controller: one).\n")
    print("| |", " | ".join(names), "|")
    print("|---" * (len(names) + 1) + "|")
    for row in dict.fromkeys(row for name in names for row in columns[name]["rows"]):
        print(f"| {row} |", " | ".join(str(columns[name]["rows"].get(row, "")) for name in names), "|")
    own, plain = columns["sigward"], columns["plain client"]
    print(f"\n- cold, to the plain client: {own['cold'] / plain['cold']:.2f} of its rate (wanted: 0.7)")
    if "policy-controller" in columns:
        other = columns["policy-controller"]
        print(f"- again, to policy-controller: {own['again'] / other['again']:.0f} times (wanted: 20)")
        print(f"- cold, to policy-controller: {own['cold'] / other['cold']:.0f} times")


def measure(bench, webhook):
    """One client, then many; images that are new, then the same again."""
    cold, alone, warm_up, ten = bench.references
    rows = {}
    post(bench, webhook, warm_up, count=BURST if webhook.bursts else len(warm_up), connections=1)
    asked = bench.registry.requests()
    one = post(bench, webhook, alone, connections=1)
    rows["cold, one client: p50 / p99"] = quantiles(one)
    rows["cold, one client: reviews/s"] = rate(one)
    rows["registry requests an image"] = f"{(bench.registry.requests() - asked) / len(alone):.2f}"
    many = post(bench, webhook, cold)
    rows["cold, 16 clients: p50 / p99"] = quantiles(many)
    rows["cold, 16 clients: reviews/s"] = rate(many)
    asked = bench.registry.requests()
    again = post(bench, webhook, alone, connections=1)
    rows["again, one client: p50 / p99"] = quantiles(again)
    rows["again, one client: reviews/s"] = rate(again)
    rows["registry requests an image, again"] = f"{(bench.registry.requests() - asked) / len(alone):.2f}"
    crowd = post(bench, webhook, cold, count=webhook.repeats)
    rows["again, 16 clients: p50 / p99"] = quantiles(crowd)
    rows["again, 16 clients: reviews/s"] = rate(crowd)
    asked = bench.registry.requests()
    post(bench, webhook, ten, containers=10)
    rows["registry requests, ten containers of one image"] = bench.registry.requests() - asked
    rows["resident memory after it"] = f"{webhook.resident():.0f} MiB"
    return {"rows": rows, "cold": many["reviews_per_second"], "again": crowd["reviews_per_second"]}


def load(bench):
    """The admission controller alone: cached reviews of a Pod of two containers."""
    cold = bench.references[0]
    pairs = bench.reviews_of(list(zip(cold[::2], cold[1::2])), "pairs")
    with Sigward(bench) as webhook:
        before = bench.registry.requests()
        run(bench, webhook, pairs, count=len(cold) // 2)
        warm = bench.registry.requests()
        paced = [run(bench, webhook, pairs, count=40_000, rate=2_000) for _ in range(ROUNDS)]
        paced = sorted(paced, key=lambda result: result["milliseconds"]["p99"])
        full = run(bench, webhook, pairs, count=40_000)
        print("\n### Under load\n\nCached reviews over TLS; a Pod of two containers, one policy by key, 16 connections.\n")
        print("| | reviews/s | p50 | p90 | p99 | longest |\n|---|---|---|---|---|---|")
        for name, result in (("2,000 a second are begun (best run)", paced[0]), ("(middle)", paced[ROUNDS // 2]),
                             ("(worst)", paced[-1]), ("as many as are answered", full)):
            times = [f"{result['milliseconds'][which]:.2f} ms" for which in ("p50", "p90", "p99", "max")]
            print(f"| {name} |", " | ".join([rate(result), *times]), "|")
        print(f"\nRegistry requests for {len(cold)} images: {warm - before}, and then {bench.registry.requests() - warm}.")
    with Sigward(bench) as webhook:
        print("\n| reviews | resident memory | its peak |\n|---|---|---|")
        done = 0
        for part in (1, 10, 50, 100):
            upto = bench.args.reviews * part // 100
            run(bench, webhook, pairs, count=upto - done)
            done = upto
            print(f"| {done:,} | {webhook.resident():.1f} MiB | {webhook.resident('VmHWM'):.1f} MiB |", flush=True)


def middle(runs):
    return sorted(runs, key=lambda run: run["cold"])[len(runs) // 2]


def quantiles(result):
    return " / ".join(f"{result['milliseconds'][which]:.1f}" for which in ("p50", "p99")) + " ms"


def rate(result):
    return f"{result['reviews_per_second']:,.0f}"


# === What is measured with


class Bench:
    """Programs, a folder, a registry with images, and reviews of them."""

    def __init__(self, args, stack):
        self.args = args
        self.folder = args.work or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder.mkdir(parents=True, exist_ok=True)
        # No program may reach the network, or use what a former run left.
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            os.environ[name] = "http://127.0.0.1:9"
        os.environ |= {"HOME": str(self.folder), "NO_PROXY": "127.0.0.1,localhost"}
        self.registry = stack.enter_context(Registry(self))
        names = self.signed(args.images + ALONE + WARM_UP + 1)
        self.images = [f"{self.registry.host}/{name}" for name in names]
        cold, rest = self.images[:args.images], self.images[args.images:]
        self.references = cold, rest[:ALONE], rest[ALONE:-1], rest[-1:]
        self.certificate()

    def signed(self, count):
        """Images that are there, pushed and signed if they are not."""
        ready = self.folder / "signed"
        if ready.exists() and len(ready.read_text().split()) == count:
            return ready.read_text().split()
        shutil.rmtree(self.registry.root, ignore_errors=True)
        self.quiet(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"])
        self.quiet(["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"])
        pushed = self.quiet([sys.executable, "-B", HERE / "signed_images.py", self.registry.host, str(count), "key.pem"])
        names = [image.split("/", 1)[1] for image in pushed.split()]
        ready.write_text("\n".join(names))
        return names

    def certificate(self):
        self.quiet(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=bench", "-addext", f"subjectAltName=DNS:{NAME}", "-addext",
                    "basicConstraints=critical,CA:FALSE", "-keyout", "tls.key", "-out", "tls.crt"])

    def quiet(self, argv):
        done = subprocess.run(argv, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{argv[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def policy(self):
        """Version v1alpha1: policy-controller stores it, so that nobody needs its conversion webhook."""
        key = (self.folder / "key.pub").read_text().replace("\n", "\n        ")
        return f"""apiVersion: policy.sigstore.dev/v1alpha1
kind: ClusterImagePolicy
metadata:
  name: signed
spec:
  images: [{{glob: "{self.registry.host}/**"}}]
  authorities:
  - name: k
    key:
      data: |
        {key}
"""

    def reviews_of(self, pods, name):
        path = self.folder / f"{name}.reviews"
        path.write_text("".join(json.dumps(review(images)) + "\n" for images in pods))
        return path

    def plain_client(self):
        path = self.folder / "plain"
        path.write_text("\n".join(self.references[0]))
        begin = time.perf_counter()
        self.quiet([self.args.programs / "plain-client", path])
        speed = len(self.references[0]) / (time.perf_counter() - begin)
        return {"cold": speed, "rows": {"cold, 16 clients: reviews/s": f"{speed:,.0f}"}}

    def has_policy_controller(self, program):
        parts = (self.args.policy_controller / program, self.args.parts / "control-plane/kube-apiserver")
        missing = [str(part) for part in parts if not part.exists()]
        if missing:
            print(f"left out: {', '.join(missing)} is not there", file=sys.stderr)
        return not missing

    def surroundings(self):
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        now = datetime.datetime.now(datetime.timezone.utc)
        return (f"{now:%Y-%m-%d %H:%M} UTC, Linux {platform.release()}, {os.cpu_count()} processors "
                f"({model.group(1) if model else platform.machine()}), load average before it: {averages()}")


class Process:
    """A program that is ended with its block; what it prints is in a file of its name."""
    bursts = False

    def start(self, bench, name, argv, **environment):
        self.log = bench.folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in argv], cwd=bench.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=os.environ | environment)

    def wait(self, what, look, seconds=120):
        """The first true value of `look`, which may raise OSError until then. The program ends where it does not come."""
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end and self.process.poll() is None:
                with contextlib.suppress(OSError):
                    if found := look():
                        return found
                time.sleep(0.1)
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            sys.exit(f"{what} did not come; {self.log}:\n{tail}")
        except BaseException:
            self.__exit__()
            raise

    def told(self, pattern):
        found = re.search(pattern, self.log.read_text(errors="replace"))
        return found and found.group(1)

    def resident(self, which="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s*(\d+) kB", status).group(1)) / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Registry(Process):
    def __init__(self, bench):
        self.root = bench.folder / "registry"
        self.figures = f"127.0.0.1:{free_port()}"
        (bench.folder / "registry.yml").write_text(f"""version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {self.root}}}}}
http:
  addr: '127.0.0.1:0'
  secret: bench
  debug: {{addr: '{self.figures}', prometheus: {{enabled: true, path: /metrics}}}}
""")
        program = bench.args.parts / "docker-registry/usr/bin/docker-registry"
        self.start(bench, "registry", [program, "serve", "registry.yml"])
        self.host = self.wait("the registry", lambda: self.told(r'msg="listening on (127[0-9.:]*)'))

    def requests(self):
        """How many it has answered."""
        with urllib.request.urlopen(f"http://{self.figures}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(int(float(n)) for n in re.findall(r"^registry_http_requests_total\{.*\} (\S+)$", text, re.M))


class Sigward(Process):
    repeats = 20_000

    def __init__(self, bench):
        policies = bench.folder / "policies"
        policies.mkdir(exist_ok=True)
        (policies / "policy.yaml").write_text(bench.policy())
        self.start(bench, "sigward", [
            bench.args.sigward, "--policies", policies, "--listen", "127.0.0.1:0", "--tls-cert", "tls.crt", "--tls-key",
            "tls.key", "--disable-tuf", "--allow-network", "127.0.0.0/8", "--allow-http-registry"])
        self.address = self.wait("sigward-admission", lambda: self.told(r"listening on (\S+)\n"))
        self.authority = bench.folder / "tls.crt"


class ControlPlane:
    """A Kubernetes API server with policy-controller's objects."""

    def __init__(self, bench):
        self.programs = bench.args.parts / "control-plane"
        self.bench = bench
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        # Its processes must not hold our pipes.
        subprocess.run([CONTROL_PLANE, "up", self.programs, self.folder.name], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        self.kubeconfig = pathlib.Path(self.folder.name) / "kubeconfig"
        try:
            self.kubectl("create", "namespace", "apps")
            self.kubectl("create", "serviceaccount", "default", "-n", "apps")
            self.kubectl("apply", "-k", f"{self.bench.args.policy_controller / 'config'}/")
            crds = ("clusterimagepolicies", "trustroots")
            self.kubectl("wait", "--for=condition=Established", "--timeout=60s",
                         *(f"crd/{name}.policy.sigstore.dev" for name in crds))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run([CONTROL_PLANE, "down", self.folder.name], check=True, stdin=subprocess.DEVNULL)
        self.folder.cleanup()

    def kubectl(self, *words, text=None):
        done = subprocess.run([self.programs / "kubectl", "--kubeconfig", self.kubeconfig, *words], input=text, text=True,
                              capture_output=True)
        if done.returncode != 0:
            sys.exit(f"kubectl {' '.join(words)}: {done.stderr}")
        return done.stdout


class PolicyController(Process):
    # What it asks its API server with is limited: 2,000 reviews are 50 seconds.
    repeats = 2_000
    bursts = True

    def __init__(self, bench, cluster, program):
        # The webhook for policies has no rules until the program gives it some, so it is not asked.
        cluster.kubectl("apply", "-f", "-", text=bench.policy())
        token = cluster.kubectl("create", "token", "webhook", "-n", "cosign-system", "--duration", "2h").strip()
        clusters, _ = cluster.kubeconfig.read_text().split("users:")
        own = bench.folder / "policy-controller.kubeconfig"
        own.write_text(f"{clusters}users: [{{name: admin, user: {{token: {token}}}}}]\n")
        self.address = "127.0.0.1:8443"
        self.authority = bench.folder / "policy-controller.crt"
        self.start(bench, program, [bench.args.policy_controller / program, "--disable-tuf"], KUBECONFIG=str(own),
                   SYSTEM_NAMESPACE="cosign-system", CONFIG_LOGGING_NAME="config-logging", WEBHOOK_NAME="webhook",
                   METRICS_DOMAIN="sigstore.dev/policy", METRICS_PROMETHEUS_PORT=str(free_port()),
                   KUBERNETES_MIN_VERSION="1.21.0")
        self.wait("policy-controller", self.is_ready)
        self.authority.write_text(self.wait("its certificate", lambda: certificate_of(cluster)))
        self.wait("its policy", lambda: admits(bench, self))

    def is_ready(self):
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"https://{self.address}/", headers={"k-kubelet-probe": "webhook"})
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status == 200


def certificate_of(cluster):
    secret = json.loads(cluster.kubectl("get", "secret", "webhook-certs", "-n", "cosign-system", "-o", "json"))
    return base64.b64decode(secret.get("data", {}).get("ca-cert.pem", "")).decode()


def admits(bench, webhook):
    """Whether its policy is in force: no image without one is admitted by it."""
    reviews = bench.reviews_of([bench.references[2][:1]], "first")
    return run(bench, webhook, reviews, count=1, connections=1, all_admitted=False)["admitted"] == 1


def post(bench, webhook, images, count=None, connections=16, containers=1):
    """Reviews of a Pod for each image."""
    reviews = bench.reviews_of([[image] * containers for image in images], "some")
    return run(bench, webhook, reviews, count or len(images), connections)


def run(bench, webhook, reviews, count, connections=16, rate=None, all_admitted=True):
    argv = [bench.args.programs / "admission-load", "--url", f"https://{webhook.address}/validations?timeout=25s",
            "--reviews", reviews, "--count", str(count), "--connections", str(connections), "--seconds", "300",
            "--cacert", webhook.authority, "--server-name", NAME, *(["--rate", str(rate)] if rate else [])]
    result = json.loads(bench.quiet(argv))
    if all_admitted and result["admitted"] != count:
        sys.exit(f"{webhook.log.name}: expected {count} admitted, found {json.dumps(result)}")
    return result


def review(images):
    """A Pod as the API server sends it."""
    pod = {"group": "", "version": "v1", "kind": "Pod"}
    pods = {"group": "", "version": "v1", "resource": "pods"}
    containers = [{
        "name": f"c{number}", "image": image, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "ports": [{"containerPort": 8080, "protocol": "TCP"}], "env": [{"name": "A", "value": "b"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent", "securityContext": {"runAsNonRoot": True},
    } for number, image in enumerate(images)]
    fields = {"f:metadata": {"f:labels": {".": {}, "f:run": {}}}, "f:spec": {
        "f:containers": {f'k:{{"name":"{c["name"]}"}}': {f"f:{field}": {} for field in c} for c in containers},
        "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {}}}
    wait = [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("not-ready", "unreachable")]
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "79ccc58d-5a99-4637-869e-ea6f988d813c", "kind": pod, "resource": pods, "requestKind": pod,
        "requestResource": pods, "name": "bench", "namespace": "apps", "operation": "CREATE", "dryRun": False,
        "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
        "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {
            "name": "bench", "namespace": "apps", "uid": "fdf9b1ff-d5cf-49fc-a6b7-b91d16a3103e", "generation": 1,
            "creationTimestamp": "2026-11-24T13:10:59Z", "labels": {"run": "bench"},
            "managedFields": [{"manager": "kubectl-run", "operation": "Update", "apiVersion": "v1",
                               "time": "2026-11-24T13:10:59Z", "fieldsType": "FieldsV1", "fieldsV1": fields}]},
            "spec": {"containers": containers, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                     "dnsPolicy": "ClusterFirst", "securityContext": {}, "schedulerName": "default-scheduler",
                     "tolerations": wait, "priority": 0, "enableServiceLinks": True,
                     "preemptionPolicy": "PreemptLowerPriority"}, "status": {"phase": "Pending"}},
        "oldObject": None, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}}


def averages():
    return " ".join(f"{average:.1f}" for average in os.getloadavg())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
