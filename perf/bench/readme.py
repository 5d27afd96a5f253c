# SPDX-License-Identifier: MIT
"""The section "How fast" of perf/README.md: some rows of the report, and nothing that is not in it."""

import re

from .report import limit_text, spread_text
from .stats import Results
from .targets import all_targets

# A row of the report, how the table calls the work, and what it is compared with; "" is as above.
ROWS = [
    ("keep64.cpu_per_request.ref_writev", "13 bytes, keep-alive, 64 connections: CPU",
     "minimal io_uring server"),
    ("keep64.cpu_per_request.nginx", "", "nginx"),
    ("keep64.cpu_per_request.libh2o", "", "libh2o"),
    ("keep64.cpu_per_request.nng", "", "NNG"),
    ("keep64.p99_us.best", "the same: p99", "the best peer"),
    ("keep1.cpu_per_request.best", "the same, 1 connection: CPU", "the best peer"),
    ("keep512.cpu_per_request.best", "the same, 512 connections: CPU", "the best peer"),
    ("call64.cpu", "a callback handler: CPU", "our static one"),
    ("pipe16.rate.best", "pipelined 16 deep: throughput", "the best peer"),
    ("pipe16.cpu_per_request.ref_writev", "the same: CPU", "minimal io_uring server"),
    ("big_memory.cpu_per_gb.ref_writev", "1 MiB from memory: CPU per GB",
     "minimal io_uring server"),
    ("big_file.cpu_per_gb.best", "1 MiB from a file: CPU per GB", "the best peer"),
    ("idle10k.rate", "64 connections beside 10,000 idle ones: throughput", "none idle"),
    ("keep64.epoll.cpu_per_request.ref_epoll",
     "on epoll: 13 bytes, keep-alive, 64 connections: CPU", "minimal epoll server"),
    ("keep64.epoll.cpu_per_request.nginx", "", "nginx"),
    ("pipe16.epoll.rate.nginx", "on epoll: pipelined 16 deep: throughput", "nginx"),
    ("big_file.epoll.cpu_per_gb.nginx", "on epoll: 1 MiB from a file: CPU per GB", "nginx"),
    ("chained_64.cpu_time.bare", "write_all of 64 bytes, chained: CPU", "a bare ring"),
    ("chained_65536.cpu_time.bare", "write_all of 64 KiB, chained: CPU", "a bare ring"),
    ("waited_free.real_time.nng", "write_all of 64 bytes, waited for: time", "NNG"),
    ("exchange_ours_free.real_time.nng", "a request and its response, waited for: time",
     "NNG's client"),
]


def lines(found):
    results = Results(found["runs"])
    rows = {row.ident: row for row in all_targets(results)}
    run = [row for row in rows.values() if row.ratio]
    facts, command = found["machine"], "make bench"
    if found["quick"]:
        command += "-quick"
    if found["rounds"] != found["usual_rounds"]:
        command += f' BENCH_ARGS="--rounds {found["rounds"]}"'
    yield "## How fast\n"
    yield (f"On {facts['date'][:10]}, Linux {facts['kernel'].split('-')[0]}, {facts['cpus']} virtual "
           f"CPUs, {facts['congestion_control']}; by `{command}`,\nwhose report has all of it: "
           f"{sum(row.met() for row in run)} of {len(run)} targets met, and for the others what "
           "bounds them, with profiles.\nEach ratio is the median of the rounds', with the least "
           "and the most; less is better but for throughput.\n")
    yield "| work | against | ratio | target |\n|---|---|---|---|"
    for ident, work, against in ROWS:
        row = rows[ident]
        if row.ratio:
            best = re.search(r"\(.*?\)", row.what) if "best" in against else None
            yield (f"| {work} | {against}{f' {best.group(0)}' if best else ''} | "
                   f"{spread_text(row.ratio, '×')} | {limit_text(row)} |")
    yield (f"\nA keep-alive request to a static handler makes "
           f"{rows['request.allocations'].ratio.median:g} allocations; a fresh server with one loop "
           f"has {rows['fresh.rss'].ratio.median:.1f} MiB resident.\n\n"
           "`scripts/bench --readme` writes this anew from the last run.\n\n")


def write(found, readme):
    """Replaces the section, which another one follows."""
    text = readme.read_text()
    start = text.index("## How fast\n")
    end = text.index("\n## ", start) + 1
    readme.write_text(text[:start] + "\n".join(lines(found)) + text[end:])
