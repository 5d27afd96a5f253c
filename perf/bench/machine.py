# SPDX-License-Identifier: MIT
"""Facts about the machine and the build, for the report."""

import os
import platform
import subprocess
import time


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return default


def said(*command):
    """The first line that a command prints, or ''."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return out.stdout.splitlines()[0] if out.returncode == 0 and out.stdout else ""
    except (OSError, subprocess.SubprocessError):
        return ""


def cpu_model():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def distribution():
    for line in read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return "unknown"


def memory_gib():
    for line in read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) / 1024 / 1024
    return 0.0


def governor():
    found = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if found:
        return found
    virtual = " hypervisor" in read("/proc/cpuinfo")
    return "none to be seen" + (" (a virtual machine)" if virtual else "")


def cpu_times():
    """Jiffies of all CPUs: everything, and stolen."""
    fields = [int(x) for x in read("/proc/stat", "cpu 0").splitlines()[0].split()[1:9]]
    fields += [0] * (8 - len(fields))
    return sum(fields), fields[7]


def stolen(before):
    """The host's share of the CPUs' time since `before`."""
    total, taken = (now - then for now, then in zip(cpu_times(), before))
    return round(taken / max(1, total), 4)


def facts(server_cpu, load_cpu):
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "kernel": platform.release(),
        "distribution": distribution(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory_gib(), 1),
        "governor": governor(),
        "congestion_control": read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "tcp_wmem": " ".join(read("/proc/sys/net/ipv4/tcp_wmem").split()),
        "tcp_rmem": " ".join(read("/proc/sys/net/ipv4/tcp_rmem").split()),
        "load_at_start": read("/proc/loadavg"),
        "server_cpu": server_cpu,
        "load_cpu": load_cpu,
        "compiler": said("gcc", "--version"),
        "liburing": said("pkg-config", "--modversion", "liburing"),
        "commit": said("git", "describe", "--always", "--dirty") or "unknown",
    }
