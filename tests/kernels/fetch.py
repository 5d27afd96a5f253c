# SPDX-License-Identifier: MIT
"""Kernels: Debian's, unpacked below a directory and never installed, and images that are there."""

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


def newest(line, lists):
    """The newest of Debian's packages of the kernel line "6.1", and its version, or None."""
    pattern = re.compile(re.escape(f"linux-image-{line}") + r"\.\d[^-]*(-\d+)?-cloud-amd64")
    names = output("apt-cache", *lists, "pkgnames", f"linux-image-{line}.").split()
    names = sorted(filter(pattern.fullmatch, names))
    if not names:
        return None
    shown = output("apt-cache", *lists, "show", "--no-all-versions", *names)
    found = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", shown, re.M | re.S)
    best = None
    for name, version in found:
        newer = ["dpkg", "--compare-versions", version, "gt", best[1] if best else ""]
        if subprocess.run(newer, check=False).returncode == 0:
            best = name, version
    return best


def update(lists):
    """Fetches the lists of packages. Without a terminal sudo cannot ask, and is to fail."""
    as_root = [] if lists or os.getuid() == 0 else ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    print("kernel-matrix: apt-get update", flush=True)
    try:
        subprocess.run([*as_root, "apt-get", *lists, "-q", "update"], stdout=subprocess.DEVNULL,
                       timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"kernel-matrix: {error}; going on with the lists that are here", file=sys.stderr)


def download(package, lists, folder):
    """Downloads the package and unpacks it. False when it is no longer to be had."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    print(f"kernel-matrix: downloading {package}", flush=True)
    try:
        subprocess.run(["apt-get", *lists, "-q", "download", package], cwd=folder, check=True,
                       timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (archive,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
        archive.unlink()
        return True
    except (subprocess.SubprocessError, ValueError):
        return False


def debian(line, cache):
    """The image of Debian's newest kernel of a line."""
    try:
        lists = lists_of(RELEASES[line], cache) if line in RELEASES else []
        found = newest(line, lists)
        for attempt in range(2):
            if found is not None:
                folder = cache / f"{found[0]}_{found[1]}"
                images = list(folder.glob("boot/vmlinuz-*"))
                if images or download(found[0], lists, folder):
                    return next(folder.glob("boot/vmlinuz-*"))
            if attempt == 0:  # what the lists name may be gone from the archive
                update(lists)
                found = newest(line, lists)
    except FileNotFoundError as error:
        raise Missing(f"debian:{line}: there is no {error.filename} here; give the path of a "
                      "kernel's bzImage instead") from error
    if found is None:
        raise Missing(f"debian:{line}: apt knows no linux-image-{line}.*-cloud-amd64. Debian 12 "
                      "has 6.1 and, in bookworm-security, 6.12: add its sources to "
                      "/etc/apt/sources.list.d, or give the path of a kernel's bzImage")
    raise Missing(f"debian:{line}: {found[0]} cannot be downloaded; try apt-get download "
                  f"{found[0]}, or give the path of a kernel's bzImage")


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
