# SPDX-License-Identifier: MIT
"""Which of the library's tests are run on which kernel: those that meet it, on io_uring and on
epoll."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ["io", "net", "http", "race", "cmd"]
BACKENDS = ["io_uring", "epoll"]
LONGEST = 1000  # bytes of names of suites in a filter

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
ON_EPOLL_AS_WELL = ("confined fallback file listener loop op open_beneath pairs runtime serve session "
                    "tcp tcp_file tcp_read tcp_write tcp_write_errors transact transact_many").split()

# What is left out where no kernel was named, for on an emulated CPU it takes minutes: limits of time
# and number, HTTP's rules, and what is above the operations that the others have tried.
LENGTHY = """answer answer_redirect client client_transact conn_msg docroot exchange_borrow file_cache
             file_range handler handler_gone handlers_nested handlers_slow hijack_elsewhere limits
             limits_collect limits_connections limits_slip limits_time options pages placement
             placement_busy request request_expect request_read serve_full serve_reload
             serve_upgrade server_load transact""".split()

# What is not run where io_uring is not to be had, and why.
WITHOUT_RING = {
    "cli::backend_asked_for": "asks for io_uring",
    "cli::probe": "what it prints where there is io_uring",
    "cli::what_cannot_be_printed": "the exit status of probe where there is io_uring",
    "cli::little_lockable_memory": "refused for what the kernel lacks, and not for memory",
    "cli::seccomp_refuses_register": "refused for what the kernel lacks, and not by the filter",
    "serve::closed_streams": "the exit status of probe where there is io_uring",
    "features::findings": "of io_uring's features",
    "mutual::same_outcomes": "compares with io_uring",
    "hijack_elsewhere::while_the_loop_is_held": "takes one backend after the other",
}
SUITES_WITHOUT_RING = {
    "attempt": "of what application threads do on rings of their own",
    "bufring": "of a ring",
    "rx": "of a ring's buffers",
    "uring": "of a ring",
    "handler_gone": "takes one backend after the other",
}
WITHOUT_RING |= dict.fromkeys(
    ["fallback::nosignal", "fallback::no_nosignal", "fallback::no_nowait", "fallback::no_dontwait",
     "fallback::no_msg_ring"], "takes a feature of io_uring away")


def suites(backend, alone, short):
    found = set()
    for folder in FOLDERS:
        for source in (TOP / "tests" / folder).glob("*.c"):
            found |= set(re.findall(r"^Test\((\w+),", source.read_text(), re.M))
    found -= SUITES_LEFT_OUT.keys()
    if backend == "epoll" and (short or not alone):
        found &= {*ON_EPOLL_AS_WELL, "cli" if alone else ""}
    if short:
        found -= {*LENGTHY}
    return found - SUITES_WITHOUT_RING.keys() if alone else found


def tests(backend, alone, short):
    """suite::test of each test, by folder. Alone: there is no other backend on that kernel."""
    found, chosen = {}, suites(backend, alone, short)
    for folder in FOLDERS:
        names = set()
        for source in sorted((TOP / "tests" / folder).glob("*.c")):
            names |= {"::".join(test) for test in
                      re.findall(r"^Test\((\w+), *(\w+)", source.read_text(), re.M)
                      if test[0] in chosen}
        names -= LEFT_OUT.keys()
        found[folder] = sorted(names - WITHOUT_RING.keys() if alone else names)
    return found


def patterns(backend, alone, short):
    """Filters for Criterion, which fails on one that is too long, and on one with all names of tests."""
    names = LEFT_OUT | WITHOUT_RING if alone else LEFT_OUT
    left_out = "|".join(sorted({name.split("::")[1] for name in names}))
    chosen = sorted(suites(backend, alone, short))
    runs = 1 + len("|".join(chosen)) // LONGEST
    return [f"@({'|'.join(chosen[i::runs])})/!({left_out})" for i in range(runs)]


class Plan:
    """What is run on a kernel: tests by backend, and the filters that find them."""

    def __init__(self, *backends, short=False):
        kind = len(backends) == 1, short
        self.name = "+".join(backends) + ("-short" if short else "")
        self.tests = {backend: tests(backend, *kind) for backend in backends}
        self.filters = {backend: patterns(backend, *kind) for backend in backends}


BOTH, BOTH_SHORT = Plan("io_uring", "epoll"), Plan("io_uring", "epoll", short=True)
EPOLL, EPOLL_SHORT = Plan("epoll"), Plan("epoll", short=True)
