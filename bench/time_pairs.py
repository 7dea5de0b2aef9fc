#!/usr/bin/env python3
"""Times commands in turn, so that a busy machine is unfair to none of them, and prints medians, ratios and memory.

    time_pairs.py ROUNDS NAME=SHELL_COMMAND...

The first command is the one that the others are compared with. Every command must succeed. The ratio is the median of
the ratios within a round.
"""
import random, shlex, shutil, statistics, subprocess, sys, tempfile, time

TIME = shutil.which("time")


def run(argv):
    """Wall time of one run, in seconds."""
    start = time.perf_counter()
    process = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    elapsed = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{shlex.join(argv)}: exit {process.returncode}\n{process.stdout.decode(errors='replace')}")
    return elapsed


def peak(argv):
    """Peak resident memory of one run, in MiB, as GNU time tells it: a child of this process would inherit its peak."""
    if TIME is None:
        return "-"
    with tempfile.NamedTemporaryFile() as out:
        run([TIME, "-f", "%M", "-o", out.name, *argv])
        return f"{int(out.read()) / 1024:.1f} MiB"


def main():
    rounds = int(sys.argv[1])
    commands = [(name, shlex.split(line)) for name, _, line in (a.partition("=") for a in sys.argv[2:])]
    times = {name: [] for name, _ in commands}
    memory = {name: peak(argv) for name, argv in commands}
    for _ in range(rounds):
        # Whoever follows a large process finds the processor's caches empty: that must not always be the same one.
        for name, argv in random.sample(commands, len(commands)):
            times[name].append(run(argv))
    first = commands[0][0]
    print(f"{'':28} {'median':>12} {'fastest':>12} {'times ' + first:>14} {'peak memory':>14}")
    for name, _ in commands:
        ratio = statistics.median(t / f for t, f in zip(times[name], times[first]))
        print(f"{name:28} {statistics.median(times[name]) * 1e3:9.2f} ms {min(times[name]) * 1e3:9.2f} ms "
              f"{ratio:13.2f}x {memory[name]:>14}")


if __name__ == "__main__":
    main()
