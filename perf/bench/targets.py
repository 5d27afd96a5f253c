# SPDX-License-Identifier: MIT
"""The targets: a ratio each."""

from .stats import Spread

PEERS = ["nng", "nginx", "libh2o", "haproxy", "lighttpd"]
FILE_PEERS = ["nng", "nginx", "lighttpd", "h2o"]
TITLES = {"cpu_per_request": "CPU", "cpu_per_gb": "CPU per GB", "cpu_per_gb_up": "CPU per GB", "p99_us": "p99",
          "rate": "throughput", "idle_bytes": "memory of an idle connection", "cpu_time": "CPU", "real_time": "time per operation"}


class Target:
    """One row. `ratio` is a Spread, false when it was not run; `sides` are the two (workload,
    server) that it compares, if it does."""

    def __init__(self, ident, work, what, limit, ratio, at_least=False, unit="×", sides=()):
        self.ident, self.work, self.what, self.limit = ident, work, what, limit
        self.ratio, self.at_least, self.unit, self.sides = ratio, at_least, unit, sides

    def met(self):
        if self.at_least:
            return self.ratio.median >= self.limit
        return self.ratio.median <= self.limit

    def sure(self):
        """Whether all rounds say the same."""
        ends = (self.ratio.low, self.ratio.high)
        return all((e >= self.limit if self.at_least else e <= self.limit) == self.met()
                   for e in ends)


# ---- Servers -------------------------------------------------------------------------------------

def compared(results, ident, what, metric, limit, sides, at_least=False):
    return Target(ident, sides[0][0], what, limit, results.ratio(*sides, metric), at_least,
                  sides=sides)


def against(results, work, peer, metric, limit, at_least=False, title=None):
    what = f"{TITLES[metric]} against {title or peer}"
    return compared(results, f"{work}.{metric}.{peer}", what, metric, limit,
                    ((work, "ours"), (work, peer)), at_least)


def against_best(results, work, metric, limit=1.0, at_least=False, peers=None):
    best = results.best(work, peers or PEERS, metric, at_least)
    if best is None:
        return Target(f"{work}.{metric}.best", work, f"{TITLES[metric]} against the best peer",
                      limit, Spread([]), at_least)
    target = against(results, work, best, metric, limit, at_least,
                     title=f"the best peer ({best})")
    target.ident = f"{work}.{metric}.best"
    return target


def callbacks(results):
    cpu, rows = "cpu_per_request", []
    for work in ("ok_pipe64", "ok_pipe512"):
        rows += [
            against(results, work, "ref_writev", "rate", 0.6, at_least=True,
                    title="minimal io_uring, WRITEV"),
            against_best(results, work, "rate", 6.0, at_least=True),
        ]
    for work in ("mix64", "mix512"):
        rows += [
            against(results, work, "ref_writev", cpu, 1.12, title="minimal io_uring, WRITEV"),
            against(results, work, "libh2o", cpu, 0.75),
        ]
    return rows + [
        against_best(results, "short512", cpu),
        against(results, "upload", "ref_recv", "cpu_per_gb_up", 1.15, title="a bare receive loop"),
    ]


def web_sockets(results):
    return [against(results, work, peer, "cpu_per_request", limit, title=title)
            for work in ("ws64", "ws512", "ws64_large", "ws512_large")
            for peer, limit, title in (("libwebsockets", 0.5, None), ("ws", 0.5, "npm ws"),
                                       ("ref_echo", 1.5, "minimal io_uring, no framing"))]


def on_epoll(results):
    def row(work, peer, metric, limit, at_least=False, title=None):
        return compared(results, f"{work}.epoll.{metric}.{peer}",
                        f"on epoll: {TITLES[metric]} against {title or peer}", metric, limit,
                        ((work, "ours_epoll"), (work, peer)), at_least)
    return [
        row("keep64", "ref_epoll", "cpu_per_request", 1.10, title="minimal epoll"),
        row("keep64", "nginx", "cpu_per_request", 0.85),
        row("pipe16", "nginx", "rate", 5.0, at_least=True),
        row("big_file", "nginx", "cpu_per_gb", 1.05),
        row("idle10k", "ours", "idle_bytes", 1.1, title="io_uring's"),
    ]


def over_tls(results):
    peers, cpu, rows = ["nginx_tls", "libh2o_tls"], "cpu_per_request", []

    def row(work, metric, limit, peer=None, what=None):
        best = peer or results.best(work, peers, metric, False)
        title = peer.removesuffix("_tls") if peer else f"the best peer ({best})"
        rows.append(compared(results, f"{work}.{metric}.{peer or 'best'}",
                             f"{what or TITLES[metric]} against {title}", metric, limit,
                             ((work, "ours_tls"), (work, best))))

    row("tls_keep64", cpu, 0.8, "nginx_tls")
    row("tls_keep64", cpu, 1.0, "libh2o_tls")
    for work in ("tls_memory", "tls_file"):
        row(work, "cpu_per_gb", 1.0)
    for work in ("tls_ecdsa", "tls_rsa", "tls_resumed"):
        row(work, cpu, 1 / 0.95, what="CPU of a handshake")
    row("tls_beside", "p99_us", 1.0)
    return rows


def servers(results):
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
        compared(results, "call64.cpu", "CPU against our static handler", cpu, 1.10,
                 (("call64", "ours"), ("call64", "static"))),
        against_best(results, "pipe16", "rate", 6.0, at_least=True),
        against(results, "pipe16", "ref_writev", cpu, 1.6, title="minimal io_uring, WRITEV"),
        against(results, "big_memory", "ref_writev", "cpu_per_gb", 1.05,
                title="minimal io_uring, WRITEV"),
        against_best(results, "big_file", "cpu_per_gb", peers=FILE_PEERS),
        compared(results, "idle10k.rate", "throughput against none idle", "rate", 0.97,
                 (("idle10k", "ours"), ("idle0", "ours")), at_least=True),
    ]
    fresh = Spread([v / 1024 for v in
                    results.rounds("keep1", "ours", "rss_first_kib").values()])
    rows.append(Target("fresh.rss", "keep1", "memory of a fresh server with one loop", 4.0, fresh,
                       unit="MiB"))
    return rows


# ---- Single operations ---------------------------------------------------------------------------

def chained(results, size):
    work = f"chained_{size}"
    return [
        against(results, work, "bare", "cpu_time", 1.10, title="a bare io_uring loop"),
        against(results, work, "nng", "cpu_time", 1.00, title="NNG"),
        compared(results, f"{work}.cpu_time.timeout", "CPU with a timeout against none", "cpu_time",
                 1.03, ((work, "timeout"), (work, "ours"))),
    ]


def waited(results, where):
    work = f"waited_{where}"
    return [
        against(results, work, "nng", "real_time", 0.25, title="NNG"),
        against(results, work, "nng", "cpu_time", 0.30, title="NNG"),
        against(results, work, "bare", "real_time", 1.25, title="the thread's own bare ring"),
    ]


def single(results):
    rows = []
    for size in (64, 4096, 65536, 1048576):
        rows += chained(results, size)
    for size in (64, 4096):
        rows.append(against(results, f"chained32_{size}", "bare", "cpu_time", 1.10,
                            title="a bare io_uring loop"))
    for where in ("pinned", "free"):
        rows += waited(results, where)
    for server in ("ours", "nginx"):
        for where in ("pinned", "free"):
            rows.append(against(results, f"exchange_{server}_{where}", "nng", "real_time", 0.667,
                                title="NNG's client"))
    rows.append(Target("request.allocations", "request", "allocations", 0,
                       results.spread("request", "ours", "allocations"), unit=""))
    return rows


def all_targets(results):
    return servers(results) + over_tls(results) + on_epoll(results) + callbacks(results) + \
        web_sockets(results) + single(results)
