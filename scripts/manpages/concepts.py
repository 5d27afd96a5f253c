# SPDX-License-Identifier: MIT
"""nng-uring(7): scripts/manpages/nng-uring.7, with the list of functions by section of a header."""

from .mdoc import Prose


def functions(headers):
    section = None
    yield ".Bl -tag -width Ds"
    for page in headers.pages:
        if page.section != section:
            if section is not None:
                yield ".El"
                yield ".Ss " + title(page)
                yield ".Bl -tag -width Ds"
        section = page.section
        last = page.functions[-1].name
        names = [f"Xr {function.name} 3" + ("" if function.name == last else " ,")
                 for function in page.functions]
        yield f".It {names[0]}" if len(names) == 1 else ".It " + " ".join(names)
        yield from Prose(headers.by_function, headers.constants).paragraph(page.comment.summary())
    yield ".El"


def title(page):
    """Headers without sections are called by their name."""
    return f"In {page.header}" if page.section.endswith(".h") else page.section


def render(top, headers, release):
    source = "scripts/manpages/nng-uring.7"
    text = (top / source).read_text()
    first = headers.pages[0]
    listed = "\n".join([".Ss " + title(first), *functions(headers)])
    head = "\n".join(release.head("nng-uring", 7, source))
    return head + "\n" + text.partition("\n")[2].replace("@functions@\n", listed + "\n")
