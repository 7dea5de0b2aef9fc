#!/usr/bin/env python3
"""Verdicts of CUE policies, timed beside CUE itself in one run.

    cue.py SHARED [ROUNDS]

SHARED holds fixtures/policies. Needs Go >= 1.25 and its module proxy for CUE v0.15.4 (bench/cue), unless
SIGWARD_CUE_TIMER names that program. Both programs read one case a line, take turns for each round, and evaluate the same
bytes: compile the policy, read the document, unify, and validate as policy-controller does (`Validate()` without options).
The time is measured within each program around that, without pipes; what Go collects later is not in it. The processor's
time is that of the whole process by /proc for the same line, less what reading the line takes: with Go's collector, and
without the waiting that other work on the machine causes. The verdicts must agree first.
"""
import json, os, pathlib, re, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(sys.argv[1]).resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
REPEATED = 10


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
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.tasks = pathlib.Path(f"/proc/{self.process.pid}/task")

    def processor(self):
        """Seconds of the processor so far; exact while the program waits for a line."""
        time.sleep(0.003)
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self.tasks.iterdir()) / 1e9

    def ask(self, case, times):
        """The verdict, and the seconds of each evaluation."""
        self.process.stdin.write((json.dumps({**case, "times": times}, separators=(",", ":")) + "\n").encode())
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["ok"], [nanoseconds / 1e9 for nanoseconds in answer["nanoseconds"] or ()]

    def time(self, case):
        """Seconds of one evaluation, and those of the processor."""
        before = self.processor()
        self.ask(case, 0)
        read = self.processor()
        _, [seconds] = self.ask(case, 1)
        return seconds, max(self.processor() - read - (read - before), 0)

    def peak(self):
        """MiB of memory at most."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def agree(programs, case):
    """One round that is not counted."""
    verdicts = {program.ask(case, 1)[0] for program in programs}
    assert len(verdicts) == 1, case["policy"]


def build(folder):
    """Our program and CUE's."""
    timer = os.environ.get("SIGWARD_CUE_TIMER")
    if timer is None:
        timer = pathlib.Path(folder) / "timer"
        subprocess.run(["go", "build", "-o", timer, "."], cwd=HERE / "cue", check=True)
    subprocess.run(["cargo", "build", "--release", "--locked", "-q", "-p", "sigward-cue", "--example", "timed"],
                   cwd=HERE.parent, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version=1"], cwd=HERE.parent,
                              capture_output=True, check=True)
    target = pathlib.Path(json.loads(metadata.stdout)["target_directory"])
    return target / "release/examples/timed", timer


def main():
    with tempfile.TemporaryDirectory() as folder:
        commands = build(folder)
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{os.cpu_count()} processors, load {load}, {ROUNDS} rounds")
        catalogue([Program(command) for command in commands])
        for policy in REPORT_POLICIES:
            # Of its own, so that the peak is that of this policy.
            one_report([Program(command) for command in commands], policy)


def catalogue(programs):
    """Each program evaluates a case REPEATED times in its turn; the median is that of all."""
    cases = json.loads((SHARED / "fixtures/policies/cases_catalog.json").read_text())
    medians = []
    for case in cases:
        if case["type"] == "cue":
            case = {"policy": case["policy"], "input": case["input"]}
            agree(programs, case)
            turns = [[program.ask(case, REPEATED)[1] for program in programs] for _ in range(ROUNDS)]
            medians.append([statistics.median(sum(column, [])) for column in zip(*turns)])
    ours, cue = (sorted(column) for column in zip(*medians))
    for name, at in (("median", 0.5), ("p95", 0.95), ("slowest", 1)):
        mine, theirs = (column[min(int(len(column) * at), len(column) - 1)] for column in (ours, cue))
        print(f"{len(ours)} catalogue cases, {name}: {mine * 1e6:.0f} µs, CUE {theirs * 1e6:.0f} µs, "
              f"{theirs / mine:.0f} times")
    for program in programs:
        program.close()


def one_report(programs, policy):
    case = {"policy": policy, "input": report()}
    agree(programs, case)
    turns = [[program.time(case) for program in programs] for _ in range(ROUNDS)]
    texts, processors = [], []
    for program, column in zip(programs, zip(*turns)):
        seconds, processor = zip(*column)
        processors.append(statistics.median(processor))
        texts.append(f"{statistics.median(seconds) * 1e3:.1f} ms (best {min(seconds) * 1e3:.1f}, processor "
                     f"{processors[-1] * 1e3:.1f}, peak {program.peak():.0f} MiB)")
        program.close()
    print(f"report of 2.5 MB: {texts[0]}, CUE {texts[1]}, {processors[1] / processors[0]:.0f} times by the processor: "
          f"{' '.join(policy.split()) or 'no policy'}")


if __name__ == "__main__":
    main()
