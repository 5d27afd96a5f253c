# SPDX-License-Identifier: MIT
"""Reads include/nng: sections, types, and functions with their comments.

A comment stands directly above one function, or above several (a family, with one page). It is

    Sets the limit, and so on. The first sentence becomes the page's NAME line.

    More of it, in paragraphs. A line that begins with "- " is an item of a list, lines that are
    indented by two spaces or more are shown as they are. `code` and `argument` are in backticks.

    Returns: what, where it is not just 0 or an error.
    Errors: NNG_EINVAL: when; NNG_ENOMEM: no memory; those of nng_other().
    Threads: any.
    NNG: what is different there.
    Example:
      code, which is compiled
    See: nng_other(), socket(7), RFC 9110 section 15.

Errors is needed where the function returns int or takes an aio ("none" is an answer), Threads
everywhere. What is none of these tags belongs to the tag before it.
"""

import pathlib
import re

TAGS = ("Returns", "Errors", "Threads", "NNG", "Example", "See")
LONGEST_SUMMARY = 78


class Breach(Exception):
    """What an author has to put right."""


class Comment:
    """The text of a comment, without its stars, taken apart."""

    def __init__(self, raw, where):
        lines = [re.sub(r"^ ?\*( |$)", "", line) for line in raw[2:-2].split("\n")]
        lines[0] = lines[0].strip()
        self.where, self.tags, text = where, {}, []
        target = text
        for line in (line.rstrip() for line in lines):
            tag = re.match(r"(%s):(?: |$)(.*)" % "|".join(TAGS), line)
            if tag:
                if tag[1] in self.tags:
                    raise Breach(f"{where}: '{tag[1]}:' stands here twice")
                target = self.tags[tag[1]] = [tag[2]]
            else:
                target.append(line)
        self.text = "\n".join(text).strip("\n ")

    def tag(self, name):
        return "\n".join(self.tags[name]).strip("\n") if name in self.tags else None

    def summary(self):
        """The first sentence, as it stands in a NAME line."""
        first = re.split(r"(?<=[.:])\s", " ".join(self.text.split("\n\n")[0].split()), maxsplit=1)[0]
        first = first.rstrip(".:")
        word, _, rest = first.partition(" ")
        if re.fullmatch(r"[A-Z][a-z]*[^s]s", word):
            word = third_person_to_imperative(word)
            rest = re.sub(r"\b(and|or) (gets|sets|lets|frees|closes|binds|leaves|waits)\b",
                          lambda match: f"{match[1]} {third_person_to_imperative(match[2])}", rest)
        return word[:1].lower() + word[1:] + (" " + rest if rest else "")


def third_person_to_imperative(verb):
    if verb.lower() == "has":
        return "have"
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("oes", "o")):
        if verb.endswith(ending):
            return verb[:-len(ending)] + instead
    return verb[:-1]


class Function:
    def __init__(self, text, where):
        match = re.match(r"NNG_DECL\s+(.*?)(\w+)\s*\((.*)\)\s*;$", " ".join(text.split()))
        if not match:
            raise Breach(f"{where}: this is not read as a function: {text}")
        self.returns, self.name = match[1].strip(), match[2]
        self.arguments = [part.strip() for part in split_arguments(match[3])]
        self.where = where

    def takes_aio(self):
        return any(re.match(r"nng_aio \*\w*$", argument) for argument in self.arguments)

    def argument_names(self):
        for argument in self.arguments:
            name = re.search(r"\(\*(\w+)\)|(\w+)(?:\[\])?$", argument)
            if name and argument not in ("void", "..."):
                yield name[1] or name[2]


def split_arguments(text):
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


class Page:
    """A family of functions with their comment."""

    def __init__(self, header, section, comment, functions):
        self.header, self.section, self.comment = header, section, comment
        self.functions = functions
        self.name = functions[0].name


class Headers:
    """All of it. `sections` is a list of (title, text); `types` finds a definition by name."""

    def __init__(self, top):
        self.pages, self.sections, self.types, self.constants = [], [], {}, set()
        self.about = {}
        for path in sorted((top / "include").rglob("*.h")):
            self.read(path, str(path.relative_to(top / "include")), top)
        self.by_function = {function.name: page for page in self.pages
                            for function in page.functions}

    def read(self, path, header, top):
        text, section = path.read_text(), header
        self.constants |= set(re.findall(r"\bNNG_\w+", text))
        if "#ifndef NNG_URING_NNG" in text:
            return  # NNG's own, which only passes through us: its manual is NNG's
        for chunk in re.finditer(r"(?:^.+\n)+", hide_blank_lines(text), re.M):
            line = text.count("\n", 0, chunk.start()) + 1
            code = chunk[0].replace(BLANK, "")
            title = re.match(r"/\* -{3,} (.*?) -{3,} \*/", code)
            if title:
                section = title[1]
                self.sections.append((section, []))
            elif "SPDX" in code:
                self.about[header] = re.sub(r"(?s)^/\* SPDX.*?\*/\s*", "", code)
            else:
                self.read_chunk(header, section, code, path.relative_to(top), line)

    def read_chunk(self, header, section, code, path, line):
        comment, functions = None, []
        for part in re.finditer(r"(?s)/\*.*?\*/|NNG_DECL\b.*?;|(?:typedef |struct |enum |union )"
                                r"[^;{]*(?:\{.*?^\})?[^;]*;|#[^\n]*|\S+", code, re.M):
            piece = part[0]
            at = f"{path}:{line + code.count(chr(10), 0, part.start())}"
            if piece.startswith("/*"):
                self.add(header, section, comment, functions)
                comment, functions = Comment(piece, at), []
            elif piece.startswith("NNG_DECL"):
                functions.append(Function(piece, at))
            else:
                self.add_type(piece)
        if functions:
            self.add(header, section, comment, functions)
        elif comment and self.sections:
            self.sections[-1][1].append(comment.text)

    def add(self, header, section, comment, functions):
        if functions:
            if comment is None:
                raise Breach(f"{functions[0].where}: {functions[0].name}() has no comment directly "
                             "above it; scripts/manpages/headers.py says what it holds")
            self.pages.append(Page(header, section, comment, functions))

    def add_type(self, code):
        name = re.search(r"\(\*(\w+)\)\(", code) or re.search(r"^typedef .*?\}\s*(\w+);$", code, re.S) \
            or re.match(r"(?:struct|enum|union) (\w+) \{", code)
        if name:
            self.types[name[1]] = code


BLANK = "\x01"


def hide_blank_lines(text):
    """Blank lines within comments and braces do not end a chunk."""
    def filled(match):
        return re.sub(r"\n(?=\n)", "\n" + BLANK, match[0])
    return re.sub(r"(?ms)/\*.*?\*/|^(?:typedef )?(?:struct|enum|union) [^;{]*\{.*?^\}", filled, text)
