# SPDX-License-Identifier: MIT
"""The report: one HTML file that needs nothing else."""

import json
import pathlib
from html import escape

from .plots import bars, short
from .profile_table import profile_table
from .stats import Results, figure
from .targets import all_targets

STYLE = pathlib.Path(__file__).with_name("style.css")
BUSY_ELSEWHERE = 0.5  # load average at the start from which the figures are doubtful

# A column: its title, the metric, what it is multiplied with, and what is better; "" is no matter
# of better or worse, and has no ratio.
CPU = ("CPU µs/request", "cpu_per_request", 1, "less")
CPU_GB = ("CPU s/GB", "cpu_per_gb", 1, "less")
RATE = ("1,000 requests/s", "rate", 1e-3, "more")
CPU_GB_UP = ("CPU s/GB", "cpu_per_gb_up", 1, "less")
GB = ("GB/s", "gb_per_second", 1, "more")
LATENCY = [("p50 µs", "p50_us", 1, "less"), ("p99 µs", "p99_us", 1, "less"),
           ("p99.9 µs", "p999_us", 1, "less")]
RSS = ("resident MiB", "rss_end_kib", 1 / 1024, "less")
BUSY = ("core busy %", "busy", 100, "")
SINGLE = [("ns", "real_time", 1, "less"), ("CPU ns", "cpu_time", 1, "less"),
          ("enters", "enters", 1, ""), ("SQEs", "sqes", 1, ""),
          ("wake-ups", "wake_ups", 1, ""), ("allocations", "allocations", 1, ""),
          ("segments", "segments", 1, "")]
PLOTTED = {"rate", "gb_per_second", "cpu_per_request", "cpu_per_gb", "cpu_per_gb_up", "p99_us", "idle_bytes",
           "real_time", "cpu_time"}


def columns(work):
    if work["kind"] == "micro":
        return SINGLE
    large = work["kind"] in ("big", "file", "tls_big", "tls_file")
    found = [GB, CPU_GB] if large else [RATE, CPU]
    if work["kind"] == "upload":
        found = [RATE, CPU_GB_UP]
    if work["generator"] in ("load", "wrk", "wrk_beside"):
        found += LATENCY
    if work["generator"] == "load":
        found.append(RSS)
    if work["idle"]:
        found.append(("bytes/idle connection", "idle_bytes", 1, "less"))
    return found + [BUSY]


# ---- Targets -------------------------------------------------------------------------------------

def verdict(row):
    if not row.ratio:
        return "not run"
    return ("met" if row.met() else "not met") + ("" if row.sure() else ", not in all rounds")


def spread_text(spread, unit=""):
    if spread.low == spread.high:
        return f"{short(spread.median)}{unit}"
    return f"{short(spread.median)}{unit} ({short(spread.low)}–{short(spread.high)})"


def limit_text(row):
    sign = "≥" if row.at_least else "≤"
    return f"{sign} {row.limit:g}{'' if row.unit == '×' else ' '}{row.unit}".strip()


def as_text(row):
    value = spread_text(row.ratio) if row.ratio else "–"
    return f"{verdict(row):<26} {row.work:<21} {row.what}: {value}, target {limit_text(row)}"


def targets_table(rows, works, bounds):
    out = ["<div class='scroll'><table><tr><th>work</th><th class='words'>what</th><th>target</th>"
           "<th>measured</th><th class='words'>verdict</th></tr>"]
    last = None
    for row in rows:
        kind = "none" if not row.ratio else "met" if row.met() else "not"
        value = spread_text(row.ratio, row.unit if row.unit == "×" else "") if row.ratio else "–"
        bound = bounds.get(row.ident, "") if kind == "not" else ""
        title = works.get(row.work)
        work = f"<a href='#{row.work}'>{escape(title)}</a>" if title else escape(row.work)
        work, last = "" if row.work == last else work, row.work
        out.append(f"<tr><td class='words'>{work}</td><td class='words'>{escape(row.what)}"
                   f"{f'<small>{escape(bound)}</small>' if bound else ''}</td>"
                   f"<td>{limit_text(row)}</td><td>{value}</td>"
                   f"<td class='words {kind}'>{verdict(row)}</td></tr>")
    return "".join(out) + "</table></div>"


# ---- One workload --------------------------------------------------------------------------------

def cell(results, work, server, column):
    _, metric, factor, better = column
    spread = results.spread(work, server, metric)
    if not spread:
        return "<td class='none'>–</td>"
    text = short(spread.median * factor)
    text += f"<small>{short(spread.low * factor)}–{short(spread.high * factor)}</small>"
    if better and server != "ours":
        ratio = results.ratio((work, "ours"), (work, server), metric)
        if ratio:
            wins = ratio.median > 1 if better == "more" else ratio.median < 1
            text += f"<small class='{'met' if wins else 'not'}'>{spread_text(ratio, '×')}</small>"
    return f"<td>{text}</td>"


def size_of(results, work, server):
    for run in results.by.get((work, server), {}).values():
        if run.get("head"):
            return f"{run['head']:,} + {run['body']:,}"
        if figure(run, "rate") and run["bytes"]:
            return f"{run['bytes'] / run['requests']:,.0f}"
    return "–"


def last_cells(results, work, server):
    """What only a server has."""
    errors = sum(results.rounds(work, server, "errors").values())
    silent = sum(results.rounds(work, server, "silent").values())
    return (f"<td>{size_of(results, work, server)}</td><td>{errors}"
            f"{f'<small>{silent} silent</small>' if silent else ''}</td>")


def table(results, work, known):
    name, shown, micro = work["name"], columns(work), work["kind"] == "micro"
    out = [f"<div class='scroll'><table><tr><th>{'' if micro else 'server'}</th>"]
    out += [f"<th>{escape(c[0])}</th>" for c in shown]
    out.append("</tr>" if micro else "<th>response bytes</th><th>errors</th></tr>")
    for server in known:
        mark = " class='ours'" if server["group"] == "ours" else ""
        error = results.error(name, server["name"])
        note = f"<small class='failed'>{escape(error)}</small>" if error else ""
        out.append(f"<tr{mark}><td>{escape(server['title'])}{note}</td>")
        out += [cell(results, name, server["name"], c) for c in shown]
        out.append("</tr>" if micro else last_cells(results, name, server["name"]) + "</tr>")
    return "".join(out) + "</table></div>"


def workload(found, results, work):
    name = work["name"]
    known = [s for s in work.get("contenders", found["servers"]) if (name, s["name"]) in results.by]
    out = [f"<h2 id='{name}'>{escape(work['title'])}</h2><p>{escape(work['about'])}</p>"]
    plots = [bars(c[0], "", [(s["title"], s["group"], scaled(results, name, s["name"], c))
                             for s in known], c[3]).replace("<span>, ", "<span>")
             for c in columns(work) if c[1] in PLOTTED]
    out.append(f"<div class='plots'>{''.join(plots)}</div>")
    titles = {s["name"]: s["title"] for s in known}
    return "".join(out) + table(results, work, known) + profile_table(found, results, work, titles)


def scaled(results, work, server, column):
    spread = results.spread(work, server, column[1])
    if spread:
        spread.values = [v * column[2] for v in spread.values]
        spread.median *= column[2]
        spread.low *= column[2]
        spread.high *= column[2]
    return spread


# ---- The whole -----------------------------------------------------------------------------------

def percent(share):
    return f"{100 * share:.1f} %"


def machine_facts(found):
    m, totals, runs = found["machine"], found["totals"], found["runs"]
    facts = [
        ("Date", m["date"]), ("Commit", m["commit"]), ("Kernel", m["kernel"]),
        ("System", m["distribution"]), ("CPU", f"{m['cpus']} × {m['cpu']}"),
        ("Memory", f"{m['memory_gib']} GiB"), ("Governor", m["governor"]),
        ("Congestion control", m["congestion_control"]), ("tcp_wmem", m["tcp_wmem"]),
        ("tcp_rmem", m["tcp_rmem"]), ("Compiler", m["compiler"]), ("liburing", m["liburing"]),
        ("Server on / generator on", f"CPU {m['server_cpu']} / CPU {m['load_cpu']}"),
        ("Load average at the start", m["load_at_start"]),
        ("Load average at the end", m["load_at_end"]),
        ("Rounds, window, warm-up",
         f"{found['rounds']}, {found['window']} s, {found['warmup']} s"),
        ("Rounds, window of single operations",
         f"{found['rounds'] * found['micro_rounds']}, {found['min_time']} s"),
        ("It took", f"{totals['seconds'] / 60:.1f} minutes"),
        ("Stolen by the host", f"{percent(totals['stolen'])} of the CPUs' time, of a single run's "
                               f"up to {percent(max(r['stolen'] for r in runs))}"),
        ("Repeated for what was stolen",
         f"{sum('repeated_for' in r for r in runs)} of {len(runs)} runs"),
    ]
    return "<div class='facts'>" + "".join(
        f"<div><b>{escape(k)}</b>{escape(str(v))}</div>" for k, v in facts) + "</div>"


def servers_table(found):
    out = ["<div class='scroll'><table><tr><th>server</th><th class='words'>version</th>"
           "<th class='words'>TCP_NODELAY</th><th class='words'>congestion control</th></tr>"]
    for server in found["servers"]:
        socket = found["sockets"].get(server["name"], {})
        nodelay = {True: "on", False: "off"}.get(socket.get("nodelay"), "cannot be seen")
        version = found["versions"].get(server["peer"], "") if server["peer"] else \
            found["machine"]["commit"]
        out.append(f"<tr><td>{escape(server['title'])}</td><td class='words'>{escape(version)}</td>"
                   f"<td class='words'>{nodelay}</td><td class='words'>"
                   f"{escape(socket.get('congestion_control', 'cannot be seen'))}</td></tr>")
    for name, why in found["missing"].items():
        out.append(f"<tr><td>{escape(name)}</td><td class='words not' colspan='3'>left out: "
                   f"{escape(why)}</td></tr>")
    tools = ", ".join(f"{n} {found['versions'][n]}" for n in ("wrk", "h2load")
                      if n in found["versions"])
    return "".join(out) + f"</table></div><p>Other generators: {escape(tools) or 'none'}.</p>"


INTRO = """Every server runs alone, with one thread or process on one core; the generator has the
other. Each figure is the median over the rounds, with the least and the most below it. A ratio is
taken round by round, ours divided by the other's, and then its median: no figure is compared with
one of another run. In the tables below a figure's second line is its spread, the third is ours
divided by it, green where we are ahead. For targets that are not
met, the section has a profile of both sides (in those of single operations the program has the
library in it). CPU is the server's user and system time, of all its threads and processes.
Peers keep their own setting of TCP_NODELAY, which the last table names, and their own response
heads; bodies are equal. Errors are connections lost, and silent ones those that got no response in
a whole window. The last sections are single operations, each by a program of its own; what it talks
to is another process, on the server's core where the program is pinned to the generator's, and on
both where both are free. Their CPU time is that program's, and all of them have TCP_NODELAY on and
the congestion control reno."""


def page(found, rows, bounds):
    results = Results(found["runs"])
    works = {w["name"]: w["title"] for w in found["workloads"]}
    run = [row for row in rows if row.ratio]
    met = sum(row.met() for row in run)
    load = float(found["machine"]["load_at_start"].split()[0])
    out = ["<!doctype html><html lang='en'><head><meta charset='utf-8'>"
           "<meta name='viewport' content='width=device-width, initial-scale=1'>"
           f"<title>nng-uring and its peers</title><style>{STYLE.read_text()}</style></head><body>",
           "<h1>nng-uring and its peers</h1>",
           f"<p>{met} of {len(run)} targets met; {len(rows) - len(run)} rows were not run. "
           f"{'A quick run. ' if found['quick'] else ''}"
           f"{escape(found['machine']['date'])}, Linux {escape(found['machine']['kernel'])}.</p>"]
    if load > BUSY_ELSEWHERE or found["machine"]["server_cpu"] == found["machine"]["load_cpu"]:
        out.append(f"<div class='warning'>The machine was busy when this began (load average "
                   f"{load}): do not quote these figures.</div>")
    out.append("<nav><a href='#targets'>Targets</a>")
    out += [f"<a href='#{n}'>{escape(t)}</a>" for n, t in works.items()]
    out.append("<a href='#machine'>Machine and servers</a></nav>")
    out.append(f"<h2 id='targets'>Targets</h2><p>{INTRO}</p>")
    out.append(targets_table(rows, works, bounds))
    out.append("<p class='key' style='margin-top:2rem'>In the plots:<i style='background:"
               "var(--ours)'></i>nng-uring<i style='background:var(--limit)'></i>minimal servers, "
               "the practical limit<i style='background:var(--peer)'></i>peers. A bar is the "
               "median, a dot is a round.</p>")
    out += [workload(found, results, work) for work in found["workloads"]]
    out.append(f"<h2 id='machine'>Machine and servers</h2>{machine_facts(found)}<br>"
               f"{servers_table(found)}</body></html>\n")
    return "".join(out)


def write(found, out, bounds_file):
    """Writes report.html into `out`, and returns the targets' rows."""
    rows = all_targets(Results(found["runs"]))
    bounds = json.loads(bounds_file.read_text()) if bounds_file.exists() else {}
    (out / "report.html").write_text(page(found, rows, bounds), encoding="utf-8")
    return rows
