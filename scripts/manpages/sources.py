# SPDX-License-Identifier: MIT
"""Which NNG_E* a function of src can return: what it names itself, and what those it calls name,
as far as they return an int. Comparisons and cases name no result. This sees neither through
pointers nor what an errno becomes, and takes an int for an error where it is one of ours: what is
not so is listed here, with its reason."""

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


class Function:
    def __init__(self, name, returns, body):
        self.name, self.returns_int = name, bool(re.fullmatch(r"(static )?(inline )?int", returns))
        text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', " ", body, flags=re.S)
        text = re.sub(r"(?:[=!]=|case|<|>)\s*NNG_E[A-Z0-9]+|NNG_E[A-Z0-9]+\s*[=!]=", " ", text)
        self.codes = set(re.findall(r"\bNNG_E[A-Z0-9]+\b", text)) - {"NNG_ESYSERR", "NNG_ETRANERR"}
        text = re.sub(r"\(void\) \w+\(", " (", text)
        self.calls = set(re.findall(r"\b(\w+)\(", text))


class Sources:
    def __init__(self, top):
        self.functions = {}
        for path in sorted((top / "src").rglob("*.[ch]")):
            if path.parts[-2] in ("cmd", "check"):
                continue
            for match in re.finditer(r"(?ms)^([a-z_][\w *]*?[ *])(\w+)\(([^;{}]*?)\)\n\{\n(.*?)^\}",
                                     path.read_text()):
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
