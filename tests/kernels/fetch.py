# SPDX-License-Identifier: MIT
"""Kernels: Debian's, unpacked below a directory and never installed, and images that are there."""

import functools
import os
import pathlib
import re
import subprocess
import sys


class Missing(Exception):
    """A kernel that cannot be had; says why, and what to do."""


# Lines of kernels of a release that machines no longer have among their sources.
RELEASES = {"5.10": "bullseye-security"}
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
TRIED = 3  # packages of a line, from the newest on
PATIENCE = ["-o", "Acquire::Retries=5", "-o", "Acquire::http::Timeout=30"]


def output(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more).stdout


def lists_of(release, cache):
    """Options that have apt use lists of that release alone, which are kept in the cache, from where
    the machine has those of its own release; none where it is not Debian."""
    targets = output("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)")
    uris = {uri for uri, codename in (target.split() for target in targets.splitlines())
            if codename.endswith("-security")}
    if not uris:
        return []
    folder = (cache / release).resolve()
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    (folder / "archives/partial").mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text("".join(
        f"deb [signed-by={KEYS} check-valid-until=no] {uri} {release} main\n" for uri in uris))
    return ["-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=-",
            "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}",
            "-o", "APT::Get::List-Cleanup=0"]


def newer(one, other):
    """Compares (package, version), for sort()."""
    for word, value in ("gt", 1), ("lt", -1):
        if subprocess.run(["dpkg", "--compare-versions", one[1], word, other[1]], check=False).returncode == 0:
            return value
    return 0


def packages(line, lists):
    """Debian's packages of the kernel line "6.1", and their versions, from the newest on."""
    pattern = re.compile(re.escape(f"linux-image-{line}") + r"\.\d[^-]*(-\d+)?-cloud-amd64")
    names = output("apt-cache", *lists, "pkgnames", f"linux-image-{line}.").split()
    names = sorted(filter(pattern.fullmatch, names))
    if not names:
        return []
    shown = output("apt-cache", *lists, "show", "--no-all-versions", *names)
    found = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", shown, re.M | re.S)
    return sorted(found, key=functools.cmp_to_key(newer), reverse=True)


def update(lists):
    """Fetches the lists of packages. Without a terminal sudo cannot ask, and is to fail."""
    as_root = [] if lists or os.getuid() == 0 else ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    print("kernel-matrix: apt-get update", flush=True)
    try:
        subprocess.run([*as_root, "apt-get", *lists, *PATIENCE, "-q", "update"], stdout=subprocess.DEVNULL,
                       timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"kernel-matrix: {error}; going on with the lists that are here", file=sys.stderr)


def download(package, lists, folder):
    """Downloads the package and unpacks it. False, and a line that says why, when it cannot be had."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    print(f"kernel-matrix: downloading {package}", flush=True)
    try:
        subprocess.run(["apt-get", *lists, *PATIENCE, "-q", "download", package], cwd=folder, check=True,
                       timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        (archive,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
        archive.unlink()
        return any(folder.glob("boot/vmlinuz-*"))
    except (subprocess.SubprocessError, ValueError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        print(f"kernel-matrix: {package} cannot be had: {said[-1] if said else error}", flush=True)
        return False


def from_packages(found, lists, cache):
    """The image of the first that is here or can be had. The one before the newest is there for when
    a mirror has dropped the newest, or not got it yet."""
    for package, version in found[:TRIED]:
        folder = cache / f"{package}_{version}"
        if any(folder.glob("boot/vmlinuz-*")) or download(package, lists, folder):
            return next(folder.glob("boot/vmlinuz-*"))
    return None


def debian(line, cache):
    """The image of Debian's newest kernel of a line, or of one before that."""
    try:
        lists = lists_of(RELEASES[line], cache) if line in RELEASES else []
        found = packages(line, lists)
        chosen = from_packages(found, lists, cache)
        if chosen is None:  # what the lists name may be gone from the archive
            update(lists)
            found = packages(line, lists)
            chosen = from_packages(found, lists, cache)
    except FileNotFoundError as error:
        raise Missing(f"debian:{line}: there is no {error.filename} here; give the path of a "
                      "kernel's bzImage instead") from error
    if chosen is not None:
        return chosen
    if not found:
        raise Missing(f"debian:{line}: apt knows no linux-image-{line}.*-cloud-amd64. Debian 12 "
                      "has 6.1 and, in bookworm-security, 6.12: add its sources to "
                      "/etc/apt/sources.list.d, or give the path of a kernel's bzImage")
    raise Missing(f"debian:{line}: {found[0][0]} cannot be downloaded; try apt-get download "
                  f"{found[0][0]}, or give the path of a kernel's bzImage")


def image(kernel, cache):
    """The image of "debian:LINE", or of a path."""
    if kernel.startswith("debian:"):
        line = kernel.removeprefix("debian:")
        if not re.fullmatch(r"\d+\.\d+", line):
            raise Missing(f"{kernel}: give a line of kernels, such as debian:6.1")
        return debian(line, cache)
    if not os.access(kernel, os.R_OK):
        raise Missing(f"{kernel}: no such file; give debian:6.1, debian:6.12 or the path of a "
                      "kernel's bzImage")
    return pathlib.Path(kernel).resolve()
