# SPDX-License-Identifier: MIT
"""Single operations on google-benchmark: groups of contenders that run right after each other."""

import json
import os
import subprocess

from .servers import Failed

FIRST = "ours"  # what the others of a group are compared with


class Contender:
    """A benchmark of a program in build/perf; `group` is ours, limit or peer."""

    def __init__(self, name, title, group, program, benchmark):
        self.name, self.title, self.group = name, title, group
        self.program, self.benchmark = program, benchmark


class Group:
    """A section of the report. Pinned, the program has one CPU and what it talks to the other;
    otherwise both have all. `server`: whom the contenders ask, and not a process of their own."""

    kind, generator, idle = "micro", "google-benchmark", 0

    def __init__(self, name, title, about, contenders, pinned=True, server=None):
        self.name, self.title, self.about = name, title, about
        self.contenders = {c.name: c for c in contenders}
        self.pinned, self.server = pinned, server

    def describe(self):
        return {"name": self.name, "title": self.title, "about": self.about, "kind": self.kind,
                "generator": self.generator, "idle": self.idle, "pinned": self.pinned,
                "contenders": [{"name": c.name, "title": c.title, "group": c.group}
                               for c in self.contenders.values()]}


def ours(program, benchmark, name=FIRST, title="nng-uring"):
    return Contender(name, title, "ours", program, benchmark)


def nng(program, benchmark):
    return Contender("nng", "NNG", "peer", f"{program}_nng", benchmark)


# ---- The groups ----------------------------------------------------------------------------------

SIZES = {64: "64 bytes", 4096: "4 KiB", 65536: "64 KiB", 1048576: "1 MiB"}
PINNED = {"pinned": True, "free": False}
SERVERS = {"ours": "nng-uring", "nginx": "nginx"}


def writes(way, size, conns, timeout=0):
    return f"write_all/{way}/size:{size}/conns:{conns}/timeout:{timeout}"


def bare_ring(size, conns):
    return Contender("bare", "bare io_uring loop", "limit", "write",
                     f"bare_ring/size:{size}/conns:{conns}/timeout:0")


def chained(size):
    name = writes("chained", size, 1)
    return Group(f"chained_{size}", f"write_all, {SIZES[size]}, chained from the callback",
                 "One connection. Each callback starts the next write; the bare loop has one "
                 "WRITEV under way, without a library.",
                 [ours("write", name), bare_ring(size, 1), nng("write", name),
                  ours("write", writes("chained", size, 1, 1), "timeout",
                       "nng-uring, with a timeout")])


def chained32(size):
    return Group(f"chained32_{size}", f"write_all, {SIZES[size]}, on 32 connections",
                 "As before, with a write under way on each; the bare loop submits all of a turn "
                 "at once.",
                 [ours("write", writes("chained", size, 32)), bare_ring(size, 32)])


def waited(where):
    name = writes("waited", 64, 1)
    return Group(f"waited_{where}", f"write_all, 64 bytes, waited for ({where})",
                 "An application thread starts a write and waits for it; the bare ring is that "
                 "thread's own.",
                 [ours("write", name), bare_ring(64, 1), nng("write", name)], PINNED[where])


def exchange(server, where):
    return Group(f"exchange_{server}_{where}",
                 f"An exchange with {SERVERS[server]}, waited for ({where})",
                 "An application thread waits for write_req, then read_res, then read_all; the "
                 "bare client is a blocking socket that does not parse.",
                 [ours("exchange", "exchange"),
                  Contender("bare", "blocking socket", "limit", "exchange", "bare"),
                  nng("exchange", "exchange")], PINNED[where], server)


GROUPS = [
    *map(chained, SIZES), *map(chained32, (64, 4096)), *map(waited, PINNED),
    *(exchange(server, where) for server in SERVERS for where in PINNED),
    Group("request", "A keep-alive request to a static handler",
          "Server and client are one process, and the client is a blocking socket that neither "
          "allocates nor has a ring: what is counted is the server's.",
          [ours("exchange", "serve"), nng("exchange", "serve")]),
]


# ---- One run -------------------------------------------------------------------------------------

def runnable(groups, build, servers):
    """Of the groups what is there; without NNG its programs are not."""
    for group in groups:
        group.contenders = {name: c for name, c in group.contenders.items()
                            if os.access(build / "perf" / c.program, os.X_OK)}
    return [g for g in groups if g.contenders and (not g.server or g.server in servers)]


def run(bench, group, name, under=(), min_time=None):
    """What google-benchmark says about one repetition; `under`: a command that runs the program."""
    server = bench.servers.get(group.server)
    contender = group.contenders[name]
    every = f"{bench.server_cpu},{bench.load_cpu}"
    env = dict(os.environ, NNG_URING_LOOPS="1", PERF_CONGESTION="reno")
    command = ["taskset", "-c", str(bench.load_cpu) if group.pinned else every, *under,
               str(bench.build / "perf" / contender.program), "--benchmark_format=json",
               f"--benchmark_filter=^{contender.benchmark}/process_time/real_time$",
               f"--benchmark_min_time={min_time or bench.min_time}"]
    try:
        if server:
            server.start(bench, "small", None if group.pinned else every)
            env["PERF_URL"] = f"http://127.0.0.1:{server.port}{server.paths['small']}"
        return result_of(command, env)
    finally:
        if server:
            server.stop()


def result_of(command, env):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env,
                              check=False)
        found = json.loads(done.stdout)["benchmarks"][0]
    except subprocess.TimeoutExpired as late:
        raise Failed("it did not end within 60 s") from late
    except (ValueError, LookupError) as err:
        said = done.stderr.strip().splitlines()
        raise Failed(said[-1] if said else "no result") from err
    if found.get("error_occurred"):
        raise Failed(found["error_message"])
    return found
