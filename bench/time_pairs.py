#!/usr/bin/env python3
"""Times commands in turn, so that a busy machine is unfair to none of them, and prints medians, ratios and memory.

    time_pairs.py ROUNDS NAME=SHELL_COMMAND...

The first command is the one that the others are compared with. Every command must succeed. The ratio is the median of
the ratios within a round.
"""
import os, shlex, statistics, subprocess, sys, time


def run(argv):
    """Wall time in seconds and peak resident memory in KiB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{shlex.join(argv)}: exit {process.returncode}\n{output.decode(errors='replace')}")
    return elapsed, usage.ru_maxrss


def main():
    rounds = int(sys.argv[1])
    commands = [(name, shlex.split(line)) for name, _, line in (a.partition("=") for a in sys.argv[2:])]
    times = {name: [] for name, _ in commands}
    memory = dict.fromkeys(times, 0)
    for name, argv in commands:
        run(argv)
    for _ in range(rounds):
        for name, argv in commands:
            elapsed, peak = run(argv)
            times[name].append(elapsed)
            memory[name] = max(memory[name], peak)
    first = commands[0][0]
    print(f"{'':28} {'median':>12} {'fastest':>12} {'times ' + first:>14} {'peak memory':>14}")
    for name, _ in commands:
        ratio = statistics.median(t / f for t, f in zip(times[name], times[first]))
        print(f"{name:28} {statistics.median(times[name]) * 1e3:9.2f} ms {min(times[name]) * 1e3:9.2f} ms "
              f"{ratio:13.2f}x {memory[name] / 1024:10.1f} MiB")


if __name__ == "__main__":
    main()
