"""The targets: a ratio each, from the runs or from google-benchmark's files in build/bench."""

import json

from .stats import Spread

PEERS = ["nng", "nginx", "libh2o", "haproxy", "lighttpd"]
FILE_PEERS = ["nng", "nginx", "lighttpd", "h2o"]
TITLES = {"cpu_per_request": "CPU", "cpu_per_gb": "CPU per GB", "p99_us": "p99",
          "rate": "throughput"}


class Target:
    """One row. `ratio` is a Spread, false when it was not run."""

    def __init__(self, ident, work, what, limit, ratio, at_least=False, unit="×"):
        self.ident, self.work, self.what, self.limit = ident, work, what, limit
        self.ratio, self.at_least, self.unit = ratio, at_least, unit

    def met(self):
        if self.at_least:
            return self.ratio.median >= self.limit
        return self.ratio.median <= self.limit

    def sure(self):
        """Whether all rounds say the same."""
        ends = (self.ratio.low, self.ratio.high)
        return all((e >= self.limit if self.at_least else e <= self.limit) == self.met()
                   for e in ends)


# ---- From the runs -------------------------------------------------------------------------------

def against(results, work, peer, metric, limit, at_least=False, ours=None, title=None):
    ratio = results.ratio(ours or (work, "ours"), (work, peer), metric)
    what = f"{TITLES[metric]} against {title or peer}"
    return Target(f"{work}.{metric}.{peer}", work, what, limit, ratio, at_least)


def against_best(results, work, metric, limit=1.0, at_least=False, peers=None):
    best = results.best(work, peers or PEERS, metric, at_least)
    if best is None:
        return Target(f"{work}.{metric}.best", work, f"{TITLES[metric]} against the best peer",
                      limit, Spread([]), at_least)
    target = against(results, work, best, metric, limit, at_least,
                     title=f"the best peer ({best})")
    target.ident = f"{work}.{metric}.best"
    return target


def from_runs(results):
    cpu = "cpu_per_request"
    rows = [
        against(results, "keep64", "ref_writev", cpu, 1.10, title="minimal io_uring, WRITEV"),
        against(results, "keep64", "ref_direct", cpu, 1.10,
                title="minimal io_uring, SEND, direct descriptors"),
        against(results, "keep64", "nginx", cpu, 0.75),
        against(results, "keep64", "libh2o", cpu, 0.92),
        against(results, "keep64", "nng", cpu, 0.65),
        against_best(results, "keep64", "p99_us"),
    ]
    for work in ("keep1", "keep512", "wrk64"):
        rows += [against_best(results, work, cpu), against_best(results, work, "p99_us")]
    rows += [
        Target("call64.cpu", "call64", "CPU against our static handler", 1.10,
               results.ratio(("call64", "ours"), ("keep64", "ours"), cpu)),
        against_best(results, "pipe16", "rate", 6.0, at_least=True),
        against(results, "pipe16", "ref_writev", cpu, 1.6, title="minimal io_uring, WRITEV"),
        against(results, "big_memory", "ref_writev", "cpu_per_gb", 1.05,
                title="minimal io_uring, WRITEV"),
        against_best(results, "big_file", "cpu_per_gb", peers=FILE_PEERS),
        Target("idle10k.rate", "idle10k", "throughput against none idle", 0.97,
               results.ratio(("idle10k", "ours"), ("idle0", "ours"), "rate"), at_least=True),
    ]
    fresh = Spread([v / 1024 for v in
                    results.rounds("keep1", "ours", "rss_first_kib").values()])
    rows.append(Target("fresh.rss", "keep1", "memory of a fresh server with one loop", 4.0, fresh,
                       unit="MiB"))
    return rows


# ---- From google-benchmark -----------------------------------------------------------------------

# Names begin with WORK/WHO/CASE, as in write_all/ours/64 (what google-benchmark adds behind another
# slash does not matter): the title, WORK/WHO above and below the line, the cases, the metric (a time
# or a counter), and what the ratio, or the value itself, may be.
SIZES = ["64", "4096", "65536", "1048576"]
MICRO = [
    ("write_all chained, CPU against a bare io_uring WRITEV loop",
     "write_all/ours", "write_all/bare", SIZES, "cpu_time", 1.10),
    ("write_all chained, CPU against NNG",
     "write_all/ours", "write_all/nng", SIZES, "cpu_time", 1.00),
    ("write_all on 32 connections, CPU against bare io_uring",
     "write_all_32/ours", "write_all_32/bare", SIZES[:2], "cpu_time", 1.10),
    ("write_all with a timeout, CPU against none set",
     "write_all_timeout/ours", "write_all/ours", SIZES, "cpu_time", 1.03),
    ("write_all waited for, time per operation against NNG",
     "write_all_waited/ours", "write_all_waited/nng", ["pinned", "free"], "real_time", 0.25),
    ("write_all waited for, CPU against NNG",
     "write_all_waited/ours", "write_all_waited/nng", ["pinned", "free"], "cpu_time", 0.30),
    ("write_all waited for, time per operation against a bare ring",
     "write_all_waited/ours", "write_all_waited/bare", ["pinned", "free"], "real_time", 1.25),
    ("a whole exchange waited for, time against NNG's client",
     "exchange/ours", "exchange/nng", ["own", "nginx"], "real_time", 0.667),
    ("allocations in a keep-alive request with a static handler",
     "keep_alive_request/ours", None, ["static"], "allocs", 0),
]
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def read_micro(folder):
    """All repetitions of all benchmarks: {name: [entry]}; files that are something else are not."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            entries = json.loads(path.read_text())["benchmarks"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        for entry in entries:
            if entry.get("run_type", "iteration") == "iteration":
                found.setdefault(entry.get("run_name", entry["name"]), []).append(entry)
    return found


def values(micro, name, metric):
    for known, entries in micro.items():
        if (known + "/").startswith(name + "/"):
            scale = [UNITS[e.get("time_unit", "ns")] if metric.endswith("_time") else 1
                     for e in entries]
            return [e[metric] * s for e, s in zip(entries, scale) if metric in e]
    return []


def from_micro(micro):
    """A row for each case; one for all of them when none was run."""
    rows = []
    for title, above, below, cases, metric, limit in MICRO:
        some = []
        for case in cases:
            a = values(micro, f"{above}/{case}", metric)
            if below:
                b = values(micro, f"{below}/{case}", metric)
                a = [x / y for x, y in zip(a, b) if y]
            some.append(Target(f"{above}/{case}.{metric}", "google-benchmark", f"{title}: {case}",
                               limit, Spread(a), unit="×" if below else ""))
        if not any(row.ratio for row in some):
            some = [Target(above, "google-benchmark", title, limit, Spread([]),
                           unit="×" if below else "")]
        rows += some
    return rows
