# SPDX-License-Identifier: MIT
"""The profiles of a section, side by side: what each symbol costs per request or operation."""

from html import escape

ROWS = 24  # symbols shown

# The cost that samples are shares of, by kind of workload: metric, unit, and a factor.
COSTS = {"micro": ("cpu_time", "ns/operation", 1), "big": ("cpu_per_gb", "ms/GB", 1e3),
         "file": ("cpu_per_gb", "ms/GB", 1e3)}
USUAL = ("cpu_per_request", "ns/request", 1e3)


def owner(dso):
    """Whose code an object is: kernel, libc, library or program."""
    if dso.startswith("["):
        return "kernel"
    if dso.startswith(("libc.so", "ld-linux")):
        return "libc"
    return "library" if dso.startswith("lib") else "program"


def by_symbol(sides, totals):
    """({owner: [cost of each side]}, {(symbol, owner): the same})."""
    owners, symbols = {}, {}
    for at, side in enumerate(sides):
        for share, dso, symbol in side["samples"]:
            for table, key in ((owners, owner(dso)), (symbols, (symbol, owner(dso)))):
                table.setdefault(key, [0] * len(sides))[at] += share * totals[at]
    return owners, symbols


def row(name, of, values, strong):
    mark = " class='ours'" if strong else ""
    return (f"<tr{mark}><td>{escape(name)}</td><td class='words'>{of}</td>" +
            "".join(f"<td>{value:,.0f}</td>" for value in values) + "</tr>")


def profile_table(found, results, work, titles):
    metric, unit, factor = COSTS.get(work["kind"], USUAL)
    sides = [p for p in found.get("profiles", []) if p["workload"] == work["name"]]
    spreads = [results.spread(work["name"], side["server"], metric) for side in sides]
    if not sides or not all(spreads):
        return ""
    totals = [spread.median * factor for spread in spreads]
    owners, symbols = by_symbol(sides, totals)
    most = sorted(symbols, key=lambda key: -max(symbols[key]))[:ROWS]
    out = [f"<details><summary>Where the time goes, {unit}</summary><div class='scroll'><table>"
           "<tr><th>symbol</th><th class='words'>of</th>"]
    out += [f"<th>{escape(titles[side['server']])}</th>" for side in sides]
    out += ["</tr>", row("all", "", totals, True)]
    out += [row("", name, owners[name], True)
            for name in sorted(owners, key=lambda name: -max(owners[name]))]
    out += [row(name, of, symbols[name, of], False) for name, of in most]
    return "".join(out) + "</table></div></details>"
