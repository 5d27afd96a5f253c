# SPDX-License-Identifier: MIT
"""Runs the checks and the tests on a kernel: in a guest, or on this machine's own."""

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from . import contract

TOP = pathlib.Path(__file__).resolve().parent.parent.parent  # where the tests look for files

# Seconds: for all of it, and to the first line of user space with and without KVM.
DEADLINE, STARTUP_KVM, STARTUP = 1500, 20, 120


@dataclasses.dataclass
class Check:
    verdict: str = ""
    seen: str = ""
    instead: str = ""
    relies: str = ""
    failed: bool = False


@dataclasses.dataclass
class Result:
    """What was seen on one kernel, as far as it came."""
    name: str
    how: str  # it was run
    plan: contract.Plan
    kernel: str = ""
    checks: dict = dataclasses.field(default_factory=dict)  # Check by name
    tests: dict = dataclasses.field(default_factory=dict)  # PASS, FAIL or SKIP by (backend, suite::test)
    notes: list = dataclasses.field(default_factory=list)  # lines that belong to failures
    fate: str = ""  # "hung" or "died", if it did not come to its end
    problem: str = ""  # how that came
    seconds: float = 0


def kvm_works():
    """Some machines have a /dev/kvm that cannot run a kernel; their CPUs say so."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            flags = re.search(r"^flags\s*:(.*)$", file.read(), re.M)
    except OSError:
        return False
    return (flags is not None and not {"vmx", "svm"}.isdisjoint(flags[1].split())
            and os.access("/dev/kvm", os.R_OK | os.W_OK))


# An emulated CPU is ten to twenty times slower than a real one. With -icount the guest's clock goes
# by the instructions it has executed, 2 ns each, and jumps when it waits: so timings are those of
# a machine that is merely not fast, and waiting costs nothing. (A second CPU makes it ten times
# slower again.) norandmaps: what was translated is used again where addresses are the same.
EMULATED = ["-accel", "tcg", "-icount", "shift=1,sleep=off"]
VIRTUAL = ["-accel", "kvm", "-cpu", "host"]
OPTIONS = "console=ttyS0 panic=-1 quiet norandmaps"


@dataclasses.dataclass
class Machine:
    """What all guests get."""
    initramfs: pathlib.Path
    disk: pathlib.Path  # what is written to it is forgotten


def qemu(image, plan, machine, console, accelerator):
    return ["qemu-system-x86_64", *accelerator, "-m", "1024", "-kernel", str(image),
            "-initrd", str(machine.initramfs), "-append", f"{OPTIONS} PLAN={plan.name}",
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-drive", f"file={machine.disk},format=raw,if=none,id=disk,snapshot=on,cache=unsafe",
            "-device", "nvme,drive=disk,serial=1",
            "-serial", f"file:{console}", "-serial", "stdio"]


class Reader:
    """Turns the lines of tests/kernels/run into a Result, and says how far it is."""

    def __init__(self, result, say):
        self.result, self.say = result, say
        self.part, self.backend, self.check, self.ended = "", "", None, False
        self.last, self.said = "", []  # the last line; those of the test in hand
        self.began = time.monotonic()

    def take(self, line):
        line = re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip())
        self.last = line or self.last
        if line.startswith("@kernel "):
            self.result.kernel = line.split()[1]
            self.say(f"{self.result.kernel} is up after {time.monotonic() - self.began:.0f} s")
        elif line.startswith("@"):
            self.part, _, self.backend = line[1:].partition(" ")
            self.ended = self.part == "end"
        elif self.part == "checks":
            self.take_check(line)
        elif self.part == "tests":
            self.take_test(line)

    def take_check(self, line):
        """TAP with a block of YAML, whose texts are quoted."""
        if found := re.match(r"(not )?ok \d+ - (\S+)", line):
            self.check = Check(failed=found[1] is not None)
            self.result.checks[found[2]] = self.check
        elif self.check and (found := re.match(r"  (verdict|seen|instead|relies): \"(.*)\"", line)):
            setattr(self.check, found[1], re.sub(r"\\(.)", r"\1", found[2]))
        elif line == "  ..." and len(self.result.checks) % 10 == 0:
            self.say(f"{len(self.result.checks)} checks")
        elif line.startswith("Bail out!"):
            self.result.notes.append(line)

    def take_test(self, line):
        found = re.match(r"\[(PASS|FAIL|SKIP)\] *(\w+::\w+)", line)
        if found and not line.endswith(": Test is disabled"):  # by the filter
            self.result.tests[self.backend, found[2]] = found[1]
            if found[1] == "FAIL":
                self.result.notes += self.said[:10] + [f"{line} ({self.backend})"]
            if len(self.result.tests) % 50 == 0:
                self.say(f"{len(self.result.tests)} tests")
        elif line.startswith("[RUN "):
            self.said = []
        else:
            self.said.append(line)


running = set()  # process groups


def kill(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop():
    """Ends all that runs."""
    for group in list(running):
        kill(group)


def run(result, command, say, startup=None):
    """Runs the command until its results end, or its time does."""
    began = time.monotonic()
    reader = Reader(result, say)
    late = []

    def end(why):
        late.append(why)
        kill(process.pid)

    def end_unless_up():
        if not result.kernel:
            end(f"no user space after {startup} s")

    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          cwd=TOP, start_new_session=True) as process:
        running.add(process.pid)
        timers = [threading.Timer(DEADLINE, end, [f"not done after {DEADLINE} s"])]
        if startup is not None:
            timers.append(threading.Timer(startup, end_unless_up))
        for timer in timers:
            timer.start()
        for line in process.stdout:
            reader.take(line)
            if reader.ended:
                break
        kill(process.pid)  # not every kernel can switch its machine off
        process.wait()
        running.discard(process.pid)
        for timer in timers:
            timer.cancel()
    result.seconds = time.monotonic() - began
    if not reader.ended:
        result.fate = "hung" if late else "died"
        why = late[0] if late else f"it ended with status {process.returncode}"
        result.problem = f"{why}; its last words: {reader.last or 'none'}"
    say(f"{result.fate}: {result.problem}" if result.fate else f"done after {result.seconds:.0f} s")
    return result


def boot(name, image, plan, machine, folder, say):
    """On another kernel. Its messages are left in the folder."""
    console = folder / f"console-{name.replace('/', '_').replace(':', '-')}.log"
    result = None
    if kvm_works():
        result = run(Result(name, "KVM", plan), qemu(image, plan, machine, console, VIRTUAL), say,
                     STARTUP_KVM)
    if result is None or not result.kernel:
        result = run(Result(name, "emulation", plan),
                     qemu(image, plan, machine, console, EMULATED), say, STARTUP)
    if result.fate:
        result.problem += f"; its kernel's: {console}"
    return result


def here(command, plan, say):
    """On the running kernel."""
    return run(Result("running", "this machine", plan), command, say)
