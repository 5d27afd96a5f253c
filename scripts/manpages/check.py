# SPDX-License-Identifier: MIT
"""What has to hold of the manual pages. Each function yields what does not, with what to do."""

import os
import re
import shutil
import subprocess
import tempfile

from . import pages, sources
from .headers import Breach

# mandoc asks whether other packages' pages are installed, and wants BSD's name for the system.
NOT_MEANT = re.compile(r"referenced manual not found|operating system explicitly specified")


def comments(headers):
    for page in headers.pages:
        try:
            yield from pages.check(page, headers)
        except Breach as breach:
            yield str(breach)


def examples(top, headers):
    """They fit a terminal, and compile with the headers alone."""
    for page in headers.pages:
        code = pages.example(page)
        if code is None:
            continue
        for line in code.split("\n"):
            if len(line) > pages.LONGEST_LINE:
                yield (f"{page.comment.where}: {page.name}(): a line of the example is longer than "
                       f"{pages.LONGEST_LINE} columns: {line.strip()}")
        source = "".join(f"#include <{header}>\n" for header in
                         ["stdio.h", "stdlib.h", "string.h", *sorted({page.header for page in headers.pages})])
        done = subprocess.run(
            [os.environ.get("CC", "cc").split()[0], "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
             f"-I{top / 'include'}", "-xc", "-"], input=source + code + "\n", capture_output=True,
            text=True, check=False)
        if done.returncode != 0:
            yield f"{page.comment.where}: {page.name}(): the example does not compile:\n{done.stderr}"


def errors(top, headers):
    """What the sources can return stands in the comment."""
    found = sources.Sources(top)
    for page in headers.pages:
        documented = pages.parse_errors(page, headers.by_function)
        for function in page.functions:
            if function.returns == "int":
                ways = found.errors(function.name)
            elif function.returns == "void" and function.takes_aio() and page.header != "nng/nng.h":
                ways = found.ends(function.name)
            else:
                continue
            for code, way in sorted(ways.items()):
                if code not in documented:
                    yield (f"{page.comment.where}: {function.name}() can end with {code} (by "
                           f"{' > '.join(way)}): say when under 'Errors:', or see "
                           "scripts/manpages/sources.py")


def environment(top):
    """What is read from the environment is in nng-uring(7), or a command's page."""
    pages = [top / "scripts/manpages/nng-uring.7", *sorted((top / "src/cmd/man").glob("*.mdoc"))]
    manual = "".join(page.read_text() for page in pages)
    for path in sorted((top / "src").rglob("*.c")):
        for name in re.findall(r'getenv\("(\w+)"\)', path.read_text()):
            if name != "TERM" and not re.search(rf"\b{name}\b", manual):
                yield (f"{path.relative_to(top)}: {name} is not in the ENVIRONMENT of "
                       "scripts/manpages/nng-uring.7")


def rendering(out):
    """Neither mandoc nor groff has anything to say about the pages."""
    files = sorted(str(path) for path in out.rglob("*.[137]") if not path.is_symlink())
    tools = {"mandoc": ["mandoc", "-Tlint", "-Wstyle", *files],
             "man": ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", *files]}
    for name, command in tools.items():
        if shutil.which(name) is None:
            yield f"man: there is no {name} to check the pages with: run scripts/install-deps ci"
            continue
        with tempfile.TemporaryFile("w+") as sink:
            done = subprocess.run(command, stdout=subprocess.PIPE if name == "mandoc" else sink,
                                  stderr=subprocess.PIPE, text=True, check=False,
                                  env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80"})
        text = (done.stdout or "") + done.stderr
        for line in text.splitlines():
            if line.strip() and not NOT_MEANT.search(line) and "mandoc.db" not in line:
                yield f"{name}: {line}"
