# SPDX-License-Identifier: MIT
"""The files of a guest: busybox, the static program, the tests with their libraries, and what those
look for."""

import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUSYBOX = shutil.which("busybox") or "busybox"  # a static one
# The tests serve these and compare; on a system without them their tests fail.
SERVED = [TOP / "src/cmd/site", pathlib.Path("/usr/share/common-licenses")]


def libraries(program):
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


def put(source, root, inside=None):
    target = root / str(inside or source).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if pathlib.Path(source).is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy(source, target)


def put_filters(folder, plans):
    """PLAN/BACKEND, the filters for the tests, a line for each run of them."""
    for plan in plans:
        (folder / plan.name).mkdir(parents=True)
        for backend, patterns in plan.filters.items():
            (folder / plan.name / backend).write_text("\n".join(patterns) + "\n")


def make(folder, program, tests, plans):
    """Writes folder/initramfs.cpio from folder/root, which is made anew."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in "bin dev etc proc sys tmp".split():
        (root / name).mkdir(parents=True)
    put(BUSYBOX, root, "bin/busybox")
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    for applet in applets.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    put(HERE / "init", root, "init")
    put(HERE / "run", root, "run")
    put(program, root, "nng-uring")
    subprocess.run(["strip", "-o", str(root / "tests"), str(tests)], check=True)
    for library in libraries(tests):
        put(library, root)
    for served in SERVED:
        if served.exists():
            put(served, root, served.relative_to(TOP) if served.is_relative_to(TOP) else None)
    put_filters(root / "filters", plans)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    packed = folder / "initramfs.cpio"
    with open(packed, "wb") as out:
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        subprocess.run([BUSYBOX, "cpio", "-o", "-H", "newc", "-R", "0:0"], cwd=root, input=names,
                       stdout=out, stderr=subprocess.DEVNULL, check=True)
    return packed


def make_disk(folder):
    """For /tmp, an empty file system: tmpfs cannot be read without waiting, and files are sent from
    the page cache only where that can be tried."""
    disk = folder / "disk"
    with open(disk, "wb") as file:
        file.truncate(1 << 30)
    subprocess.run([BUSYBOX, "mke2fs", "-F", str(disk)], stdout=subprocess.DEVNULL, check=True)
    return disk
