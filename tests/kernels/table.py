# SPDX-License-Identifier: MIT
"""One table of the results: checks down, kernels across."""

import html

from . import contract

BEGIN, END = "<!-- scripts/kernel-matrix begins -->", "<!-- scripts/kernel-matrix ends -->"

STYLE = """body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em }
table { border-collapse: collapse } th, td { padding: .2em .8em; text-align: left }
tr { border-top: 1px solid #ddd } small { color: #666; display: block }
.good { color: #17692b } .other { color: #8a5a00 } .bad { color: #b00020; font-weight: bold }"""


class Cell:
    """Text, whether that is "good", "other" or "bad", and what more there is to say."""

    def __init__(self, text, kind, more=""):
        self.text, self.kind, self.more = text, kind, more


def checked(result):
    """Of a kernel without an io_uring for us there is nothing to check."""
    return "io_uring" in result.plan.tests


def check_cell(result, name):
    check = result.checks.get(name)
    if not checked(result):
        return Cell("not run", "good")
    if check is None or not check.verdict:
        return Cell(result.fate or "not there", "bad", result.problem)
    kind = "bad" if check.failed else "good" if check.verdict == "ok" else "other"
    more = f"{check.seen}; instead: {check.instead}" if check.instead else check.seen
    return Cell(check.verdict, kind, more)


def tests_cell(result, backend, folder):
    names = result.plan.tests.get(backend, {}).get(folder, [])
    if not names:
        return Cell("not run", "good")
    found = [result.tests.get((backend, name)) for name in names]
    counts = {state: found.count(state) for state in ("PASS", "FAIL", "SKIP", None)}
    missing = counts[None]
    said = [f"{number} {what}" for number, what in
            [(counts["PASS"], "passed"), (counts["FAIL"], "failed"), (counts["SKIP"], "skipped"),
             (missing, f"not reached: it {result.fate}" if result.fate else "not there")]
            if number or what == "passed"]
    return Cell(", ".join(said), "bad" if counts["FAIL"] + missing else "good")


def checks_cell(result, names):
    if not checked(result):
        return Cell("not run", "good")
    cells = [check_cell(result, name) for name in names]
    counts = {}
    for cell in cells:
        counts[cell.text] = counts.get(cell.text, 0) + 1
    kinds = [cell.kind for cell in cells]
    return Cell(", ".join(f"{number} {text}" for text, number in counts.items()) or "none",
                "bad" if "bad" in kinds or not cells else "good")


class Table:
    def __init__(self, results, date, command):
        self.results, self.date, self.command = results, date, command
        self.relies = {name: check.relies for result in results
                       for name, check in result.checks.items()}
        self.head = [result.kernel or result.name for result in results]
        self.sums = [("run in", [Cell(result.how, "good") for result in results]),
                     ("checks", [checks_cell(result, self.relies) for result in results])]
        self.sums += [(f"{backend}, tests/{folder}",
                       [tests_cell(result, backend, folder) for result in results])
                      for backend in contract.BACKENDS for folder in contract.FOLDERS]
        self.checks = [(name, [check_cell(result, name) for result in results])
                       for name in self.relies]

    def good(self):
        return (all(not result.fate for result in self.results)
                and all(cell.kind != "bad" for _, cells in self.sums for cell in cells))

    def totals(self):
        """How many checks and tests passed, and how many did not, over all kernels."""
        passed = failed = 0
        for result in self.results:
            cells = [check_cell(result, name) for name in self.relies if checked(result)]
            good = sum(cell.kind != "bad" for cell in cells)
            wanted = [(backend, name) for backend, found in result.plan.tests.items()
                      for names in found.values() for name in names]
            tests = sum(result.tests.get(name) in ("PASS", "SKIP") for name in wanted)
            passed += good + tests
            failed += len(cells) - good + len(wanted) - tests
        return passed, failed

    def problems(self):
        """Lines about what went wrong."""
        for title, result in zip(self.head, self.results):
            if result.fate:
                yield f"{title}: it {result.fate}: {result.problem}"
            for name, check in result.checks.items():
                if check.failed:
                    yield f"{title}: {name}: {check.verdict}: {check.seen}"
            for note in result.notes:
                yield f"{title}: {note}"

    def lines(self):
        rows = [("", self.head)] + [(name, [cell.text for cell in cells])
                                    for name, cells in self.checks + self.sums]
        widths = [max(len(([name] + texts)[i]) for name, texts in rows)
                  for i in range(len(self.head) + 1)]
        for name, texts in rows:
            cells = (text.ljust(width) for text, width in zip([name] + texts, widths))
            yield "  ".join(cells).rstrip()

    def differences(self):
        """A list of what is not ok everywhere."""
        for name, cells in self.checks:
            said = [f"{title}: {cell.text}; {cell.more}" for title, cell in zip(self.head, cells)
                    if cell.text not in ("ok", "not run")]
            if said:
                yield f"- `{name}`, {self.relies[name]}"
                yield from (f"  - {line}" for line in said)

    def markdown_rows(self, rows):
        yield "| | " + " | ".join(self.head) + " |"
        yield "|---" * (len(self.head) + 1) + "|"
        for name, cells in rows:
            texts = [f"**{cell.text}**" if cell.kind == "bad" else cell.text for cell in cells]
            yield f"| {name} | " + " | ".join(texts) + " |"

    def markdown(self):
        return "\n".join([
            f"On {self.date}, by `{self.command}`:", "", *self.markdown_rows(self.sums), "",
            "Not ok everywhere:", "", *(list(self.differences()) or ["- nothing"]), "",
            f"<details><summary>All {len(self.checks)} checks</summary>", "",
            *self.markdown_rows(self.checks), "", "</details>", ""])

    def html(self):
        head = "".join(f"<th>{html.escape(title)}</th>" for title in self.head)
        rows = []
        for name, cells in self.sums + self.checks:
            texts = "".join(f'<td class="{cell.kind}">{html.escape(cell.text)}'
                            f"<small>{html.escape(cell.more)}</small></td>" for cell in cells)
            relies = html.escape(self.relies.get(name, ""))
            rows.append(f"<tr><th>{html.escape(name)}<small>{relies}</small></th>{texts}</tr>")
        problems = "".join(f"<li>{html.escape(line)}</li>" for line in self.problems())
        return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Kernels</title>'
                f"<style>{STYLE}</style><h1>What nng-uring relies on, on these kernels</h1>"
                f"<p>{html.escape(self.date)}, <code>{html.escape(self.command)}</code></p>"
                f"<ul>{problems}</ul><table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
                "</html>\n")
