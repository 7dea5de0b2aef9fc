#!/usr/bin/env python3
"""Verdicts of CUE policies, timed beside CUE itself in one run.

    cue.py SHARED [ROUNDS]

SHARED holds fixtures/policies and oracle/policies (Go); SIGWARD_CUE_ORACLE names the oracle if it is built already. Both
programs read one case a line and answer with one verdict a line, each with compilation, the default validation and the
final one; the time is from the line to its answer, pipes and JSON included, the programs taking turns. What is compared must
agree first. For the report, the time of a case whose policy is empty is told too: that is what reading takes.
"""
import json, os, pathlib, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(sys.argv[1]).resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15


def report():
    """A vulnerability report of ten thousand findings, 2.5 MB."""
    findings = [
        {"VulnerabilityID": f"CVE-2024-{n}", "PkgName": f"package-{n % 300}", "InstalledVersion": "1.2.3",
         "FixedVersion": "1.2.4", "Severity": ("LOW", "MEDIUM", "HIGH")[n % 3],
         "Title": "a title of about eighty characters, which is what these reports have in them, so",
         "PrimaryURL": f"https://example.com/{n}"}
        for n in range(10_000)]
    return {"predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
            "predicate": {"scanner": {"result": {"Results": findings}}}}


RESULTS = "predicate: scanner: result: Results: "
REPORT_POLICIES = (
    "",
    "predicateType: string",
    RESULTS + '[...{Severity: !="CRITICAL"}]',
    RESULTS + '[...{VulnerabilityID: =~"^(CVE|GHSA)-[0-9A-Za-z-]+$"}]',
    RESULTS + '[...{Severity: "LOW" | "MEDIUM" | "HIGH", PkgName: string}]',
    # As the policies against log4shell and text4shell do it.
    'import "list"\nlet known = ["log4j-api", "log4j-core"]\n' + RESULTS + '''[...{
        PkgName: PkgName
        if list.Contains(known, PkgName) {err: "vulnerable", PkgName: err}
    }]''',
    RESULTS + '''[...]
        critical: [for f in predicate.scanner.result.Results if f.Severity == "CRITICAL" {f.VulnerabilityID}]
        critical: []''',
)


class Program:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        start = time.perf_counter()
        self.process.stdin.write(line)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return time.perf_counter() - start, json.loads(answer)["ok"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(ours, cue, case, rounds):
    """Medians of both, after one round that is not counted."""
    line = (json.dumps(case) + "\n").encode()
    rows = [(ours.ask(line), cue.ask(line)) for _ in range(rounds + 1)]
    (_, mine), (_, theirs) = rows[0]
    assert mine == theirs, case["policy"]
    return tuple(statistics.median(seconds for seconds, _ in column) for column in zip(*rows[1:]))


def build(folder):
    """The oracle and our program."""
    oracle = os.environ.get("SIGWARD_CUE_ORACLE")
    if oracle is None:
        oracle = pathlib.Path(folder) / "oracle"
        subprocess.run(["go", "build", "-o", oracle, "."], cwd=SHARED / "oracle/policies", check=True)
    subprocess.run(["cargo", "build", "--release", "--locked", "-q", "-p", "sigward-cue", "--example", "stream"],
                   cwd=HERE.parent, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version=1"], cwd=HERE.parent,
                              capture_output=True, check=True)
    target = pathlib.Path(json.loads(metadata.stdout)["target_directory"])
    return target / "release/examples/stream", oracle


def main():
    with tempfile.TemporaryDirectory() as folder:
        stream, oracle = build(folder)
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{os.cpu_count()} processors, load {load}, {ROUNDS} rounds")
        ours, cue = Program(stream), Program(oracle, "stream")
        try:
            compare(ours, cue)
        finally:
            ours.close()
            cue.close()


def compare(ours, cue):
    cases = json.loads((SHARED / "fixtures/policies/cases_catalog.json").read_text())
    pairs = [
        timed(ours, cue, {"type": "cue", "policy": case["policy"], "input": case["input"]}, ROUNDS)
        for case in cases if case["type"] == "cue"]
    columns = [sorted(column) for column in zip(*pairs)]
    for name, at in (("median", 0.5), ("p95", 0.95), ("slowest", 1)):
        mine, theirs = (column[min(int(len(column) * at), len(column) - 1)] for column in columns)
        print(f"{len(pairs)} catalogue cases, {name}: {mine * 1e6:.0f} µs, CUE {theirs * 1e6:.0f} µs, "
              f"{theirs / mine:.1f} times")
    document = report()
    for policy in REPORT_POLICIES:
        mine, theirs = timed(ours, cue, {"type": "cue", "policy": policy, "input": document}, max(ROUNDS // 3, 3))
        print(f"report of 2.5 MB: {mine * 1e3:.0f} ms, CUE {theirs * 1e3:.0f} ms, {theirs / mine:.1f} times: "
              f"{' '.join(policy.split()) or 'no policy'}")


if __name__ == "__main__":
    main()
