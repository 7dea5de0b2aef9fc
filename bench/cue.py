#!/usr/bin/env python3
"""Verdicts of CUE policies, timed beside CUE itself in one run.

    cue.py SHARED [ROUNDS]

SHARED holds fixtures/policies and oracle/policies (Go). Both programs read one case a line and answer with one verdict a
line, each with compilation, the default validation and the final one; the time is from the line to its answer, pipes and
JSON included. What is compared must agree first.
"""
import json, pathlib, statistics, subprocess, sys, tempfile, time

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


def timed(program, case, rounds):
    line = (json.dumps(case) + "\n").encode()
    answers = [program.ask(line) for _ in range(rounds)]
    return statistics.median(seconds for seconds, _ in answers), answers[0][1]


def main():
    with tempfile.TemporaryDirectory() as folder:
        oracle = pathlib.Path(folder) / "oracle"
        subprocess.run(["go", "build", "-o", oracle, "."], cwd=SHARED / "oracle/policies", check=True)
        subprocess.run(["cargo", "build", "--release", "--locked", "-q", "-p", "sigward-cue", "--example", "stream"],
                       cwd=HERE.parent, check=True)
        metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version=1"], cwd=HERE.parent,
                                  capture_output=True, check=True)
        target = pathlib.Path(json.loads(metadata.stdout)["target_directory"])
        ours, cue = Program(target / "release/examples/stream"), Program(oracle, "stream")
        compare(ours, cue)
        ours.close()
        cue.close()


def compare(ours, cue):
    cases = json.loads((SHARED / "fixtures/policies/cases_catalog.json").read_text())
    pairs = []
    for case in cases:
        if case["type"] == "cue":
            pair = {"type": "cue", "policy": case["policy"], "input": case["input"]}
            (mine, verdict), (theirs, expected) = timed(ours, pair, ROUNDS), timed(cue, pair, ROUNDS)
            assert verdict == expected, case["name"]
            pairs.append((mine, theirs))
    mine, theirs = (statistics.median(column) for column in zip(*pairs))
    print(f"{len(pairs)} catalogue cases, medians: {mine * 1e6:.0f} µs, CUE {theirs * 1e6:.0f} µs")
    document = report()
    for policy in ("predicateType: string",
                   "predicate: scanner: result: Results: [...{Severity: \"LOW\" | \"MEDIUM\" | \"HIGH\", "
                   "PkgName: string}]",
                   "predicate: scanner: result: Results: [...{Severity: !=\"CRITICAL\"}]"):
        case = {"type": "cue", "policy": policy, "input": document}
        (mine, verdict), (theirs, expected) = timed(ours, case, 5), timed(cue, case, 5)
        assert verdict == expected, policy
        print(f"report of 2.5 MB: {mine * 1e3:.0f} ms, CUE {theirs * 1e3:.0f} ms: {policy}")


if __name__ == "__main__":
    main()
