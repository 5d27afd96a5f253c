# SPDX-License-Identifier: MIT
"""nng-uring(7): scripts/manpages/nng-uring.7, with the list of functions by section of a header."""

from .mdoc import Prose

# Parts of the list that are not called like the section of the header they come from.
TITLES = {
    "nng/nng.h Types": "Addresses",
    "nng/nng.h Errors": "Errors, and the library as a whole",
    "nng/nng.h Threads": "Threads and locks",
    "nng/stream.h Streams": "Streams of bytes",
    "nng/supplemental/http/http.h Requests": "HTTP: requests",
    "nng/supplemental/http/http.h Responses": "HTTP: responses",
    "nng/supplemental/http/http.h Connections": "HTTP: connections",
    "nng/supplemental/http/http.h Handlers": "HTTP: handlers",
    "nng/supplemental/http/http.h Servers": "HTTP: servers",
    "nng/supplemental/http/http.h Clients": "HTTP: clients",
    "nng/supplemental/tls/tls.h": "TLS configurations",
    "nng/supplemental/util/idhash.h": "Maps of numbers",
    "nng/supplemental/util/options.h": "Command lines",
    "nng/uring.h": "This library's own: io_uring, loops, connections",
    "nng/uring.h TLS": "This library's own: TLS",
    "nng/uring.h Servers": "This library's own: servers and messages",
}


def functions(headers):
    last = None
    for page in headers.pages:
        if title(page) != last:
            if last is not None:
                yield ".El"
            last = title(page)
            yield ".Ss " + last
            yield ".Bl -tag -width Ds -compact"
        # Each on a line of its own: a tag that is broken looks like what stands below it.
        yield from (f".It Xr {function.name} 3" for function in page.functions)
        yield from Prose(headers.by_function, headers.constants).paragraph(page.comment.summary())
    yield ".El"


def title(page):
    if page.header.startswith("nng/transport/"):
        return "Transports"
    name = page.header if page.section.endswith(".h") else f"{page.header} {page.section}"
    return TITLES.get(name, page.section)


def render(top, headers, release):
    source = "scripts/manpages/nng-uring.7"
    text = (top / source).read_text()
    listed = "\n".join(functions(headers))
    head = "\n".join(release.head("nng-uring", 7, source))
    return head + "\n" + text.partition("\n")[2].replace("@functions@\n", listed + "\n")
