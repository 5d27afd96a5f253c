# SPDX-License-Identifier: MIT
"""From runs to figures: medians over the rounds, and ratios taken round by round."""

import statistics


def figure(run, metric):
    """A metric of one run, or None when it has none."""
    if "error" in run or run.get("requests") == 0:
        return None
    if metric == "cpu_per_request":
        return run["cpu_us"] / run["requests"]
    if metric == "cpu_per_gb":
        return run["cpu_us"] / 1e6 / (run["bytes"] / 1e9)
    if metric == "cpu_per_gb_up":
        return run["cpu_us"] / 1e6 / (run["requests"] * run["upload"] / 1e9)
    if metric == "gb_per_second":
        return run["bytes"] / 1e9 / run["seconds"]
    if metric == "busy":
        return run["cpu_us"] / 1e6 / run.get("cpu_seconds", run["seconds"])
    if metric == "idle_bytes":
        if not run.get("idle"):
            return None
        return (run["rss_idle_kib"] - run["rss_first_kib"]) * 1024 / run["idle"]
    return run.get(metric)


class Spread:
    """The median of some values and how far they go; false when there are none."""

    def __init__(self, values):
        self.values = [v for v in values if v is not None]
        if self.values:
            self.median = statistics.median(self.values)
            self.low, self.high = min(self.values), max(self.values)

    def __bool__(self):
        return bool(self.values)


class Results:
    """All runs of a benchmark."""

    def __init__(self, runs):
        self.by = {}
        for run in runs:
            self.by.setdefault((run["workload"], run["server"]), {})[run["round"]] = run

    def rounds(self, workload, server, metric):
        """The metric by round."""
        runs = self.by.get((workload, server), {})
        found = {number: figure(run, metric) for number, run in runs.items()}
        return {number: value for number, value in found.items() if value is not None}

    def spread(self, workload, server, metric):
        return Spread(self.rounds(workload, server, metric).values())

    def ratio(self, above, below, metric):
        """above and below are (workload, server); the ratio of each round that has both."""
        a, b = self.rounds(*above, metric), self.rounds(*below, metric)
        return Spread([a[n] / b[n] for n in sorted(a) if b.get(n)])

    def best(self, workload, servers, metric, highest):
        """The server with the best median, or None."""
        medians = {s: self.spread(workload, s, metric) for s in servers}
        medians = {s: m.median for s, m in medians.items() if m}
        if not medians:
            return None
        return (max if highest else min)(medians, key=medians.get)

    def error(self, workload, server):
        for run in self.by.get((workload, server), {}).values():
            if "error" in run:
                return run["error"]
        return None
