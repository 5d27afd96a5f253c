# SPDX-License-Identifier: MIT
"""Which of the library's tests are run on which kernel: those that meet it, on io_uring and on
epoll."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ["io", "net", "http", "race", "cmd"]
BACKENDS = ["io_uring", "epoll"]

# Suites and tests that are not run on other kernels, and why.
SUITES_LEFT_OUT = {"check": "of the output of nng-uring check, which is run by itself"}
SUITES_LEFT_OUT |= dict.fromkeys(
    "address buffers cpus intake mime out router router_cost slots sockaddr vec".split(),
    "of what asks the kernel nothing")
LEFT_OUT = {
    "tcp_write::beyond_2_gib_from_a_thread": "minutes on an emulated CPU",
    "tcp_write::beyond_2_gib_from_the_owner": "minutes on an emulated CPU",
    "serve::terminal_that_goes_away": "guests have no pseudo-terminals",
}

# What is run on epoll where io_uring has had all of them: each kind of operation, through all layers.
ON_EPOLL_AS_WELL = ("fallback file listener loop op open_beneath pairs runtime serve session "
                    "tcp tcp_file tcp_read tcp_write tcp_write_errors transact").split()

# What is not run where io_uring is not to be had, and why.
WITHOUT_RING = {}


def tests(backend="io_uring", alone=False):
    """suite::test of each test, by folder. Alone: there is no other backend on that kernel."""
    found = {}
    for folder in FOLDERS:
        names = set()
        for source in sorted((TOP / "tests" / folder).glob("*.c")):
            names |= {"::".join(test) for test in
                      re.findall(r"^Test\((\w+), *(\w+)", source.read_text(), re.M)
                      if test[0] not in SUITES_LEFT_OUT
                      and (backend == "io_uring" or alone or test[0] in ON_EPOLL_AS_WELL)}
        names -= LEFT_OUT.keys()
        found[folder] = sorted(names - WITHOUT_RING.keys() if alone else names)
    return found


# What is run on a kernel, by backend.
def pattern(wanted, alone):
    """The filter for Criterion, which fails on one with all names in it."""
    suites = sorted({name.split("::")[0] for names in wanted.values() for name in names})
    names = LEFT_OUT | WITHOUT_RING if alone else LEFT_OUT
    left_out = sorted({name.split("::")[1] for name in names})
    return f"@({'|'.join(suites)})/!({'|'.join(left_out)})"


class Plan:
    """What is run on a kernel: tests by backend, and the filters that find them."""

    def __init__(self, *backends):
        alone = len(backends) == 1
        self.name = "+".join(backends)
        self.tests = {backend: tests(backend, alone) for backend in backends}
        self.filters = {backend: pattern(wanted, alone) for backend, wanted in self.tests.items()}


BOTH, EPOLL = Plan("io_uring", "epoll"), Plan("epoll")
