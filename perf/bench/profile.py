# SPDX-License-Identifier: MIT
"""Where the time of a row that is not met goes: samples of its two sides, taken after the rounds."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from . import micro
from .servers import Failed

RATE = "1999"  # samples a second of CPU time; virtual machines rarely have better than a clock
WINDOW = 1.5   # seconds of load
SINK = "sink"  # what writes go to (perf/peer.cc), in a process whose time does not count


def tool(bench):
    """The path of perf, or None."""
    unpacked = bench.root / "usr/bin/perf"
    return str(unpacked) if unpacked.exists() else shutil.which("perf")


def sides(rows):
    """What the rows that are not met compare: (workload, server or contender), each once."""
    found = [side for row in rows if row.ratio and not row.met() for side in row.sides]
    return list(dict.fromkeys(found))


def take(bench, rows):
    """A list of {"workload", "server", "samples": [[share, object, symbol], ...]}."""
    perf, wanted = tool(bench), sides(rows)
    if not perf:
        print("  no profiles of what is not met: perf is not there (Debian's package linux-perf)")
        return []
    works = {work.name: work for work in bench.workloads + bench.groups}
    found, window, bench.window = [], bench.window, WINDOW
    for at, (work, name) in enumerate(wanted):
        print(f"  [{at + 1}/{len(wanted)}] profile    {work:<21} {name}", flush=True)
        try:
            samples = one(bench, perf, works[work], name)
        except (Failed, OSError, subprocess.SubprocessError) as err:
            print(f"    failed: {err}")
            continue
        found.append({"workload": work, "server": name, "samples": samples})
    bench.window = window
    return found


def one(bench, perf, work, name):
    data = bench.scratch / "perf.data"
    record = [perf, "record", "-q", "-e", "cpu-clock", "-F", RATE, "-o", str(data)]
    bench.scratch.mkdir(parents=True, exist_ok=True)
    if work.kind == "micro":
        micro.run(bench, work, name, record, 10 * bench.min_time)
    else:
        under_load(bench, record, work, bench.servers[name])
    return samples_in(bench, perf, data)


def under_load(bench, record, work, server):
    server.start(bench, work.kind)
    try:
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(getattr(bench, work.generator), server, work)
            time.sleep(bench.warmup + work.idle * 1e-4)
            pids = ",".join(map(str, server.pids()))
            called(bench, record + ["-p", pids, "--", "sleep", str(WINDOW / 2)])
            load.result()
    finally:
        server.stop()


def samples_in(bench, perf, data):
    text = called(bench, [perf, "report", "-i", str(data), "--stdio", "-q", "-t", "|",
                          "--sort", "comm,dso,symbol"])
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) >= 4 and parts[0].endswith("%") and parts[1] != SINK:
            symbol = parts[3][4:] if parts[3].startswith("[") else parts[3]
            found.append([float(parts[0][:-1]), parts[2], symbol])
    total = sum(percent for percent, _, _ in found)
    if total == 0:
        raise Failed("perf has no samples")
    return [[percent / total, dso, symbol] for percent, dso, symbol in found]


def called(bench, command):
    env = dict(os.environ, LD_LIBRARY_PATH=bench.libraries)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {(done.stderr.strip().splitlines() or ['it failed'])[-1]}")
    return done.stdout
