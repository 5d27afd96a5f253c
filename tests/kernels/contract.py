# SPDX-License-Identifier: MIT
"""Which of the library's tests are run on other kernels: those that meet the kernel."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ["io", "net", "http", "race", "cmd"]

# Suites and tests that are not run on other kernels, and why.
SUITES_LEFT_OUT = {"check": "of the output of nng-uring check, which is run by itself"}
SUITES_LEFT_OUT |= dict.fromkeys(
    "address buffers cpus intake mime out router router_cost slots sockaddr vec".split(),
    "of what asks the kernel nothing")
LEFT_OUT = {
    "tcp_write::beyond_2_gib_from_a_thread": "minutes on an emulated CPU",
    "tcp_write::beyond_2_gib_from_the_owner": "minutes on an emulated CPU",
    "mutual::same_outcomes": "minutes on an emulated CPU",
    "serve::terminal_that_goes_away": "guests have no pseudo-terminals",
}


def tests():
    """suite::test of each test, by folder."""
    found = {}
    for folder in FOLDERS:
        names = set()
        for source in sorted((TOP / "tests" / folder).glob("*.c")):
            names |= {"::".join(test) for test in
                      re.findall(r"^Test\((\w+), *(\w+)", source.read_text(), re.M)
                      if test[0] not in SUITES_LEFT_OUT}
        found[folder] = sorted(names - LEFT_OUT.keys())
    return found


def pattern(wanted):
    """The filter for Criterion, which fails on one with all names in it."""
    suites = sorted({name.split("::")[0] for names in wanted.values() for name in names})
    left_out = sorted(name.split("::")[1] for name in LEFT_OUT)
    return f"@({'|'.join(suites)})/!({'|'.join(left_out)})"
