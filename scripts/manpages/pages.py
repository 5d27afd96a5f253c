# SPDX-License-Identifier: MIT
"""Pages of section 3: one for each function, or for each family of functions."""

import re
import textwrap

from .headers import LONGEST_SUMMARY, Breach
from .mdoc import Prose, argument

LONGEST_TYPE = 40  # lines of a type's definition that a synopsis shows
LONGEST_LINE = 71  # of an example or a definition, which are indented by nine columns


def parse_errors(page, pages):
    """{NNG_E*: when} of a page, with what it takes over from others."""
    return collect_errors(page, pages, ())


def collect_errors(page, pages, on_the_way):
    text = page.comment.tag("Errors")
    errors, others = {}, []
    if text is None or text.startswith("none"):
        return errors
    for item in re.split(r"[;.]\s+(?=NNG_E[A-Z0-9]+(?::|,| and| or)|those of )", " ".join(text.split())):
        item = item.strip().rstrip(".")
        codes = re.match(r"((?:NNG_E[A-Z0-9]+)(?:(?:, | and | or )NNG_E[A-Z0-9]+)*): (.+)$", item)
        if codes:
            for code in re.findall(r"NNG_E[A-Z0-9]+", codes[1]):
                errors.setdefault(code, codes[2])
        elif re.match(r"those of (\w+\(\)(, | and )?)+$", item):
            others += re.findall(r"(\w+)\(\)", item)
        else:
            raise Breach(f"{page.comment.where}: Errors: '{item}' is neither 'NNG_ECODE: when' nor "
                         "'those of nng_function()', with ';' in between")
    for name in others:
        if name not in pages:
            raise Breach(f"{page.comment.where}: Errors: there is no function {name}()")
        if name in on_the_way:
            raise Breach(f"{page.comment.where}: Errors: {name}() refers back to this")
        for code, when in collect_errors(pages[name], pages, (*on_the_way, page.name)).items():
            errors.setdefault(code, when)
    return errors


def check(page, headers):
    """Complains about what a comment lacks."""
    comment, name = page.comment, page.name
    summary = comment.summary()
    if not summary or len(summary) > LONGEST_SUMMARY:
        yield (f"{comment.where}: {name}(): the first sentence becomes the page's NAME line; it has "
               f"{len(summary)} characters, let it have {LONGEST_SUMMARY} or less: '{summary}'")
    if comment.tag("Threads") is None:
        yield (f"{comment.where}: {name}(): add a line 'Threads: any.' (or which, and what runs "
               "where)")
    if comment.tag("Errors") is None:
        for function in page.functions:
            if function.returns == "int" or function.takes_aio() and page.header != "nng/nng.h":
                yield (f"{comment.where}: {function.name}(): add 'Errors: NNG_EINVAL: when; "
                       "NNG_ENOMEM: no memory.', or 'Errors: none.' if it has none")
                break
    for code in parse_errors(page, headers.by_function):
        if code not in headers.constants:
            yield f"{comment.where}: {name}(): there is no {code}"
    texts = [comment.text, *(comment.tag(tag) or "" for tag in comment.tags if tag != "Example")]
    for other in re.findall(r"\b(nng_\w+)\(\)", " ".join(texts)):
        if other not in headers.by_function:
            yield f"{comment.where}: {name}(): there is no function {other}()"


def shown_types(page, headers):
    """Definitions that a reader of the prototypes wants to see, from the same header."""
    used = re.findall(r"\w+", " ".join(argument for function in page.functions for argument in
                                       [*function.arguments, function.returns]))
    for name in dict.fromkeys(used):
        code = headers.types.get(name)
        if code and "\n" in code and code.count("\n") <= LONGEST_TYPE:
            yield code


def fitting(code):
    """A definition none of whose lines a terminal cuts: comments stand above what they are about."""
    if max(map(len, code.split("\n"))) <= LONGEST_LINE:
        return code
    if "{" not in code:
        return "\n".join(wrapped(re.sub(r"\s+", " ", code), "", "    ")).replace("\0", " ")
    lines = []
    for row in re.findall(r"(?m)^[^\n/]*(?:/\*[\s\S]*?\*/)?[^\n]*$", code):
        before, comment = re.fullmatch(r"(?s)([^/]*?) *(?:/\*(.*)\*/)?", row).groups()
        indent = " " * (len(row) - len(row.lstrip()))
        if comment:
            text = re.sub(r"(?:\s*\n\s*\*)+\s*", " ", comment).strip()
            lines += textwrap.wrap(f"/* {text}\0*/", LONGEST_LINE, initial_indent=indent,
                                   subsequent_indent=indent + " * ")
        if before.strip() or not comment:
            lines += wrapped(re.sub(r"(?<=\S) {2,}", " ", before.strip()), indent, indent + "    ")
    return "\n".join(lines).replace("\0", " ")


def wrapped(code, first, later):
    """Lines of a declaration, broken behind commas."""
    return textwrap.wrap(re.sub("(?<!,) ", "\0", code), LONGEST_LINE, initial_indent=first,
                         subsequent_indent=later, break_long_words=False) or [""]


def synopsis(page, headers):
    yield f".In {page.header}"
    for code in shown_types(page, headers):
        yield from Prose({}, ()).literal(fitting(code))
    for function in page.functions:
        yield f".Ft {argument(function.returns)}"
        yield f".Fo {function.name}"
        for each in function.arguments:
            yield f".Fa {argument(each)}"
        yield ".Fc"


def description(page, prose):
    """The comment's text; of a lone function's first sentence that function is the subject."""
    text = page.comment.text
    verb = text.split()[0]
    if len(page.functions) == 1 and re.fullmatch(r"[A-Z][a-z]*[^s]s", verb):
        text = f"{page.name}() {text[:1].lower()}{text[1:]}"
    return prose.blocks(text)


def returns(page, prose):
    text = page.comment.tag("Returns")
    names = [function.name for function in page.functions if function.returns == "int"]
    if text is None and not names:
        return
    yield ".Sh RETURN VALUES"
    if text is not None:
        yield from prose.blocks(sentence(text))
    elif len(names) == len(page.functions):
        yield "0 on success, otherwise one of the errors below."
    else:
        for i, name in enumerate(names):
            yield f".Fn {name}" + ("" if i == len(names) - 1 else
                                   " ," if i < len(names) - 2 else "\nand")
        yield ("returns" if len(names) == 1 else "return") + \
            " 0 on success, otherwise one of the errors below."


def errors(page, headers, prose):
    found = parse_errors(page, headers.by_function)
    if not found:
        return
    yield ".Sh ERRORS"
    if any(function.takes_aio() and function.returns == "void" for function in page.functions):
        yield from prose.paragraph("The function itself returns nothing. The result of the "
                                   "operation, which nng_aio_result() gives, is 0 or one of these:")
    yield f".Bl -tag -width [{max(found, key=len)}]"
    for code in sorted(found):
        when = found[code]
        yield f".It Bq Er {code}"
        yield from prose.paragraph(sentence(when) + ".")
    yield ".El"


def example(page):
    text = page.comment.tag("Example")
    if text is None:
        return None
    rows = text.strip("\n").split("\n")
    indent = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
    return "\n".join(row[indent:] for row in rows)


def see_also(page, headers):
    """(section, name) of other pages, and what is not a page."""
    text = " ".join((page.comment.tag("See") or "").split()).rstrip(".")
    found, others = set(), []
    for item in filter(None, re.split(r", ", text)):
        other = re.fullmatch(r"(\w[\w-]*)\((\d?\w*)\)", item)
        if other:
            found.add((other[2] or "3", other[1]))
        else:
            others.append(item)
    own = {function.name for function in page.functions}
    for name in re.findall(r"\b(nng_\w+)\(\)", page.comment.text + (page.comment.tag("Errors") or "")):
        if name in headers.by_function and name not in own:
            found.add(("3", headers.by_function[name].name))
    found.add(("7", "nng-uring"))
    return sorted(found), others


def render(page, headers, release):
    own = [function.name for function in page.functions]
    arguments = {name for function in page.functions for name in function.argument_names()}
    prose = Prose(headers.by_function, headers.constants, own, arguments)
    out = [*release.head(page.name, 3, f"include/{page.header}"), ".Sh NAME"]
    out += [f".Nm {name}" + (" ," if name != own[-1] else "") for name in own]
    out += [f".Nd {escape_summary(page.comment.summary())}", ".Sh LIBRARY",
            "nng-uring (libnng-uring, \\-lnng-uring;", ".Ql pkg-config nng-uring )",
            ".Sh SYNOPSIS", *synopsis(page, headers),
            ".Sh DESCRIPTION", *description(page, prose), *returns(page, prose)]
    code = example(page)
    if code:
        out += [".Sh EXAMPLES", *prose.literal(code)]
    out += errors(page, headers, prose)
    if page.comment.tag("Threads"):
        out += [".Sh THREADS", *prose.blocks(sentence(page.comment.tag("Threads")))]
    if page.comment.tag("NNG"):
        out += [".Sh DIFFERENCES FROM NNG", *prose.blocks(sentence(page.comment.tag("NNG"), "NNG"))]
    found, others = see_also(page, headers)
    out += [".Sh SEE ALSO"]
    out += [f".Xr {name} {section}" + (" ," if i < len(found) - 1 else "")
            for i, (section, name) in enumerate(found)]
    if others:
        out += [".Pp", *prose.paragraph(", ".join(others) + ".")]
    return "\n".join(out) + "\n"


def escape_summary(text):
    return text.replace("`", "").replace("\\", "\\e")


def sentence(text, it="It"):
    if text.strip().rstrip(".") == "any":
        return "Any thread may call it, completion callbacks included."
    if text.startswith("it "):
        return it + text[2:]
    return text if re.match(r"nng_|`", text) else text[:1].upper() + text[1:]
