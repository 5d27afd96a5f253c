# SPDX-License-Identifier: MIT
"""Runs the workloads and the micro groups: rounds, one server or program at a time, and writes down
what comes out."""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

from . import machine, micro
from .servers import BODY, MESSAGES, UPLOAD, Failed, all_servers
from .workloads import WORKLOADS

# A run of whose time the host took more than this is repeated, once, and in all not more than one
# run of twenty.
STOLEN = 0.05


class Bench:
    """What all runs share. `quick` makes rounds, workloads and servers fewer."""

    def __init__(self, top, quick, rounds=None, only=None):
        self.build = top / "build"
        self.root = self.build / "peers" / "root"
        self.libraries = ":".join(map(str, self.root.glob("usr/lib/*-linux-gnu*")))
        self.out = self.build / "bench"
        self.scratch = self.out / "scratch"
        self.files = self.out / "files"
        self.top, self.quick = top, quick
        # Many short rounds, since a virtual machine changes its speed for seconds at a time.
        self.usual_rounds = 3 if quick else 11
        self.rounds = rounds or self.usual_rounds
        self.window, self.warmup = 0.6, 0.2
        # Micro groups are shorter still: they have some rounds in each round.
        self.micro_rounds, self.min_time = 2, 0.05
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.load_cpu = cpus[0], cpus[-1]
        self.servers = {}
        self.missing = {}
        self.workloads = [w for w in WORKLOADS
                          if (w.name in only if only else w.quick or not quick)]
        self.groups = [g for g in micro.GROUPS if not only or g.name in only]
        self.options = {}  # of sockets, by server
        self.runs = []

    # ---- What is there ----

    def find(self):
        """Looks which servers can be run; the others are named in the report."""
        versions = {path.stem: path.read_text().strip()
                    for path in (self.build / "peers").glob("*.version")}
        for server in all_servers():
            program = server.command("small")[0] if callable(server.command) else server.command[0]
            program = program.format(build=self.build, root=self.root)
            if server.peer and server.peer not in versions:
                self.missing[server.name] = "no package to be had (scripts/bench-peers says why)"
            elif not os.access(program, os.X_OK):
                self.missing[server.name] = f"{program} is not there"
            else:
                self.servers[server.name] = server
        for tool in ("wrk", "h2load"):
            if tool not in versions:
                self.missing[tool] = "no package to be had (scripts/bench-peers says why)"
        self.workloads = [w for w in self.workloads
                          if w.generator.removesuffix("_beside") not in self.missing]
        self.groups = micro.runnable(self.groups, self.build, self.servers)
        return versions

    def prepare(self):
        self.files.mkdir(parents=True, exist_ok=True)
        (self.files / "hello.txt").write_text("Hello, world!")
        (self.files / "big.bin").write_bytes(b"x" * BODY["file"])
        items = [{"id": i, "price": i, "quantity": 1 + i % 9} for i in range(1, 51)]
        (self.files / "dataset.json").write_text(json.dumps(items, separators=(",", ":")))
        for name, key in (("ecdsa", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                          ("rsa", ["rsa:2048"])):
            path = self.files / f"{name}.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-subj",
                            "/CN=127.0.0.1", "-days", "30", "-keyout", f"{path}.key", "-out",
                            f"{path}.cert"], check=True, capture_output=True, timeout=60)
            path.write_text("".join(pathlib.Path(f"{path}.{part}").read_text()
                                    for part in ("cert", "key")))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if hard < 11000:
            print(f"  only {hard} descriptors may be open, so nothing runs beside 10,000 idle")
            self.workloads = [w for w in self.workloads if w.idle == 0]

    # ---- Generators ----

    def generator(self, *command, limit):
        env = dict(os.environ, LD_LIBRARY_PATH=self.libraries)
        try:
            done = subprocess.run(["taskset", "-c", str(self.load_cpu), *map(str, command)],
                                  capture_output=True, text=True, timeout=limit, env=env,
                                  check=False)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{command[0]} did not end within {limit:.0f} s") from late
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Failed(said[-1] if said else f"{command[0]} ended with {done.returncode}")
        return done.stdout

    def load(self, server, work):
        text = self.generator(
            self.build / "perf" / "load", "-p", server.port, "-c", work.connections, "-d",
            work.depth, "-u", server.paths[work.kind], "-t", self.window, "-w", self.warmup,
            "-i", work.idle, "-b", BODY[work.kind], "-P", ",".join(map(str, server.pids())),
            *(["-x"] if work.kind == "sum" else []), *(["-H"] if work.heads else []), "-k", work.per_connection,
            "-B", UPLOAD if work.kind == "upload" else 0, "-W", MESSAGES.get(work.kind, 0),
            *(["-r"] if server.name == "ref_echo" else []),
            limit=self.window + self.warmup + 60)
        result = json.loads(text)
        if result["requests"] == 0:
            raise Failed("no response within the window")
        return result

    def wrk(self, server, work, seconds=None):
        seconds = seconds or max(1, round(self.window))  # wrk takes whole ones
        text = self.generator(
            self.root / "usr/bin/wrk", "-t", 1, "-c", work.connections, "-d", f"{seconds}s",
            "-s", self.top / "perf/bench/wrk.lua", self.url(server, work), limit=seconds + 30)
        return json.loads(re.search(r"^JSON (.*)$", text, re.M).group(1))

    def h2load(self, server, work):
        seconds = max(1, round(self.window))
        text = self.generator(
            self.root / "usr/bin/h2load", "--h1", "-t", 1, "-c", work.connections, "-D", seconds,
            self.url(server, work), limit=seconds + 30)
        total = re.search(r"^finished in ([\d.]+)s, ([\d.]+) req/s", text, re.M)
        count = re.search(r"^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", text, re.M)
        traffic = re.search(r"^traffic: .*\((\d+)\) total", text, re.M)
        requests = int(count.group(1))
        return {"requests": requests, "seconds": requests / float(total.group(2)),
                "bytes": int(traffic.group(1)),
                "errors": int(count.group(2)) + int(count.group(3))}

    def shake_hands(self, server, rate, resume, seconds):
        return [self.build / "perf/handshakes", server.port, seconds, rate, resume]

    def handshakes(self, server, _work, resume=0):
        seconds = max(1, round(self.window))
        return json.loads(self.generator(*self.shake_hands(server, 0, resume, seconds),
                                         limit=seconds + 30))

    def resumptions(self, server, work):
        return self.handshakes(server, work, resume=1)

    def wrk_beside(self, server, work):
        """wrk, and 500 handshakes a second once its connections are there."""
        seconds = max(3, round(self.window))
        command = ["taskset", "-c", self.load_cpu, "sh", "-c", 'sleep 0.5; exec "$@"', "sh",
                   *self.shake_hands(server, 500, 0, seconds - 0.5)]
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as beside:
            try:
                result = self.wrk(server, work, seconds)
            finally:
                beside.wait(seconds + 30)
        if beside.returncode != 0:
            raise Failed("the handshakes beside it failed")
        return result

    @staticmethod
    def url(server, work):
        scheme = "https" if work.kind.startswith("tls") else "http"
        return f"{scheme}://127.0.0.1:{server.port}{server.paths[work.kind]}"

    # ---- One run ----

    def serve(self, work, name):
        server = self.servers[name]
        server.start(self, work.kind)
        try:
            if server.name not in self.options:
                self.options[server.name] = server.socket_options(work.kind)
            if work.generator == "load":
                return self.load(server, work)
            before, began = server.cpu_ns(), time.monotonic()
            result = getattr(self, work.generator)(server, work)
            result["cpu_us"] = (server.cpu_ns() - before) / 1e3
            result["cpu_seconds"] = time.monotonic() - began  # the CPU time is for all of these
            result["rate"] = result["requests"] / result["seconds"]
            return result
        except (OSError, AttributeError, ValueError) as err:
            raise Failed(f"{type(err).__name__}: {err}") from err
        finally:
            server.stop()

    def run(self, work, name):
        """What came out, or "error"; and "stolen", the host's share of all CPUs' time meanwhile."""
        before = machine.cpu_times()
        try:
            entry = micro.run(self, work, name) if work.kind == "micro" else self.serve(work, name)
        except Failed as err:
            entry = {"error": str(err)}
        return dict(entry, stolen=machine.stolen(before))

    # ---- All of them ----

    def plan(self):
        """(round, work, name), in each round another workload and another server come first."""
        for number in range(self.rounds):
            for work in turned(self.workloads, number):
                names = [name for name in work.servers_for(self.quick) if name in self.servers]
                yield from rotated(number, work, names, number)
            for at in range(number * self.micro_rounds, (number + 1) * self.micro_rounds):
                for group in self.groups:
                    yield from rotated(at, group, list(group.contenders), at)

    def run_all(self):
        plan = list(self.plan())
        began, cost = time.monotonic(), {}
        guess = self.window + self.warmup + 1, 0.2 + 2 * self.min_time  # what a run takes
        busy = machine.cpu_times()
        may_repeat = len(plan) // 20
        for at, (number, work, name) in enumerate(plan):
            left = sum(cost.get(w.name, guess[w.kind == "micro"]) for _, w, _ in plan[at:])
            start = time.monotonic()
            entry = self.run(work, name)
            if entry["stolen"] > STOLEN and may_repeat > 0:
                may_repeat -= 1
                entry = dict(self.run(work, name), repeated_for=entry["stolen"])
            self.runs.append(dict(entry, round=number, workload=work.name, server=name))
            took = time.monotonic() - start
            cost[work.name] = 0.5 * cost.get(work.name, took) + 0.5 * took
            print(f"  [{at + 1}/{len(plan)}] round {number + 1}  {work.name:<21} {name:<11} "
                  f"{outcome(entry)}   ({minutes(left)} left)", flush=True)
        return {"seconds": time.monotonic() - began, "stolen": machine.stolen(busy)}


def turned(things, by):
    at = by % max(1, len(things))
    return things[at:] + things[:at]


def rotated(number, work, names, by):
    return [(number, work, name) for name in turned(names, by)]


def outcome(entry):
    if "error" in entry:
        return f"failed: {entry['error']}"
    if "real_time" in entry:
        return f"{entry['real_time']:>11,.0f} ns"
    return f"{entry['rate']:>11,.0f} req/s"


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def stop_on_signals():
    """SIGTERM ends us as Ctrl-C does, so that no server is left behind."""
    def leave(number, _frame):
        sys.exit(128 + number)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, leave)
