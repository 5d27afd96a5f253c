# SPDX-License-Identifier: MIT
"""Which NNG_E* a function of src can return: what it names itself, and what those it calls name,
as far as they return an int. Comparisons and cases name no result. This sees neither through
pointers nor what an errno becomes, and takes an int for an error where it is one of ours: what is
not so is listed here, with its reason.

What an operation on an aio can end with is followed further: into functions that return nothing,
that are given away as callbacks, and that a call through a table may mean (`stream->ops->write()` is
whatever stands at `.write =`)."""

import re

# Functions whose int is no error, or is dealt with by whoever calls them.
NOT_PASSED_ON = {
    "nu_address_parse",  # NNG_ENOENT: a name, which is looked up then; else NNG_EADDRINVAL
}

# Errors that a public function cannot have, although the way is there.
NOT_THIS = {
    "nng_http_req_alloc": ("NNG_EMSGSIZE",),  # no host of a URL has 1 GiB
    "nng_http_res_alloc_error": ("NNG_EMSGSIZE",),  # its fields are ours
    "nng_http_server_get_addr": ("NNG_EADDRINVAL",),  # of other families than ours
    "nng_uring_conn_local_addr": ("NNG_EADDRINVAL",),
    "nng_uring_conn_remote_addr": ("NNG_EADDRINVAL",),
    "nng_http_client_alloc": ("NNG_EINVAL", "NNG_EBUSY"),  # the URL was parsed; it is new
    "nng_stream_dialer_alloc": ("NNG_EBUSY",),  # the configuration is new
    "nng_stream_dialer_alloc_url": ("NNG_EBUSY",),
}

# What every operation on an aio can end with, by nng_aio_begin() and what ends it early.
ANY_AIO = ("NNG_ECANCELED", "NNG_ECLOSED", "NNG_ENOTSUP", "NNG_ETIMEDOUT")

# Where an operation leaves what it began with: the library at large, and other operations.
AIO_LEAVES = re.compile(r"n(?:u|ng)_(?:aio|runtime|loop|op|timers?|owner|worker)_\w+")

# Ways of an operation that no name tells: what its completion calls, and tables without names.
AIO_GOES_ON = {
    "nu_tcp_write": ("nu_tcp_write_done",),
    "nu_tcp_read": ("nu_tcp_read_done",),
    "nng_stream_send": ("bytes_send", "ws_stream_send"),
    "nng_stream_recv": ("bytes_recv", "ws_stream_recv"),
    "nng_stream_dialer_dial": ("stream_dialer_dial", "ws_dialer_dial"),
    "nng_stream_listener_accept": ("stream_listener_accept", "ws_listener_accept"),
}

# Functions whose errors do not become an operation's.
AIO_NOT_PASSED_ON = {
    "tcp_write_verdict",  # NNG_EAGAIN: it waits then; NNG_ECONNRESET is nu_tcp_write's
    "nu_address_parse", "nu_resolve_numeric",  # NNG_ENOENT: it is a name, and looked up
    "nu_headers_del",  # NNG_ENOENT: there was none
    "session_conn_read",  # of a lent connection, whose reads say so; no stream has one below it
}

# Errors that an operation cannot end with, although the way is there.
AIO_NOT_THIS = {
    # A write over TLS reads on, and leaves it to reads to say that the peer has sent its last.
    **dict.fromkeys(("nng_http_conn_write", "nng_http_conn_write_all", "nng_http_conn_write_req",
                     "nng_http_conn_write_res"), ("NNG_ECONNSHUT",)),
    # So does a WebSocket's, whose sends end with NNG_ECLOSED when it is closed for what was read.
    **dict.fromkeys(("nng_stream_send", "nng_uring_ws_send"), ("NNG_ECONNSHUT", "NNG_EMSGSIZE")),
    # Its receives see to it that sends go on, too.
    **dict.fromkeys(("nng_stream_recv", "nng_uring_ws_recv"), ("NNG_ESTATE",)),
    # A dial ends when TCP is there; what becomes of the connection is the first read's or write's.
    "nng_http_client_connect": ("NNG_ECONNRESET", "NNG_ECONNSHUT", "NNG_EPEERAUTH", "NNG_EPROTO"),
    "nng_stream_dialer_dial": ("NNG_EINVAL", "NNG_ESTATE"),  # a URL that was parsed, a connection of its own
}


class Function:
    def __init__(self, name, returns, body):
        self.name, self.returns_int = name, bool(re.fullmatch(r"(static )?(inline )?int", returns))
        text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', " ", body, flags=re.S)
        text = re.sub(r"(?:[=!]=|case|<|>)\s*NNG_E[A-Z0-9]+|NNG_E[A-Z0-9]+\s*[=!]=", " ", text)
        self.codes = set(re.findall(r"\bNNG_E[A-Z0-9]+\b", text)) - {"NNG_ESYSERR", "NNG_ETRANERR"}
        text = re.sub(r"\(void\) \w+\(", " (", text)
        self.calls = set(re.findall(r"\b(\w+)\(", text))
        self.mentions = set(re.findall(r"\b[a-z]\w+\b", text))
        self.through = set(re.findall(r"(?:->|\.)(\w+)\(", text))


class Sources:
    def __init__(self, top):
        self.functions, self.tables = {}, {}
        for path in sorted((top / "src").rglob("*.[ch]")):
            if path.parts[-2] in ("cmd", "check"):
                continue
            text = path.read_text()
            for member, name in re.findall(r"\.(\w+) = (\w+)\b", text):
                self.tables.setdefault(member, set()).add(name)
            for match in re.finditer(r"(?ms)^([a-z_][\w *]*?[ *])(\w+)\(([^;{}]*?)\)\n\{\n(.*?)^\}", text):
                function = Function(match[2], match[1].strip(), match[4])
                # The names of statics are unique in src: they carry their file's.
                self.functions[function.name] = function

    def errors(self, name):
        """{NNG_E*: the way there, by names of functions}"""
        found, seen = {}, set()

        def visit(name, way):
            function = self.functions.get(name)
            if function is None or name in seen or name in NOT_PASSED_ON or \
                    (way and not function.returns_int):
                return
            seen.add(name)
            for code in function.codes:
                if code not in NOT_THIS.get((way + [name])[0], ()):
                    found.setdefault(code, way + [name])
            for called in sorted(function.calls):
                visit(called, way + [name])

        visit(name, [])
        return found

    def ends(self, name):
        """The same of an operation on an aio that this function starts. The ways are the shortest."""
        found, seen, ways = {code: [name] for code in ANY_AIO}, set(), [[name]]
        for way in ways:
            last = way[-1]
            function = self.functions.get(last)
            if function is None or last in seen or last in AIO_NOT_PASSED_ON or \
                    (len(way) > 1 and AIO_LEAVES.fullmatch(last)):
                continue
            seen.add(last)
            for code in function.codes - set(AIO_NOT_THIS.get(name, ())):
                found.setdefault(code, way)
            onward = function.mentions.union(AIO_GOES_ON.get(last, ()),
                                             *(self.tables.get(each, ()) for each in function.through))
            ways += [way + [each] for each in sorted(onward)]
        return found
