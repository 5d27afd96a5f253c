# SPDX-License-Identifier: MIT
"""Turns the text of comments into mdoc(7)."""

import re

WIDTH = 72
TRAILING = ".,:;!?)]"


def escape(text):
    text = text.replace("\\", "\\e").replace("\"", "\\(dq")
    return "\\&" + text if text[:1] in (".", "'") else text


def argument(text):
    """One argument of a macro."""
    text = escape(text).replace("-", "\\-") if text.startswith("-") else escape(text)
    return f'"{text}"' if " " in text or text == "" else text


class Prose:
    """Knows what words are: functions, errors, constants, arguments."""

    def __init__(self, pages, constants, own=(), arguments=()):
        self.pages, self.constants, self.own = pages, constants, own
        self.arguments = set(arguments)

    def macro(self, word):
        """The macro for a word, or None."""
        function = re.fullmatch(r"(\w+)\(\)", word)
        if function and function[1] in self.own:
            return f".Fn {function[1]}"
        if function and function[1] in self.pages:
            return f".Xr {function[1]} 3"
        if function:
            return f".Fn {function[1]}"
        call = re.fullmatch(r"`(\w+)`\(`(\w+)`\)", word)
        if call:
            return f".Fn {call[1]} {call[2]}"
        page = re.fullmatch(r"([\w.-]+)\((\d\w*)\)", word)
        if page:
            return f".Xr {page[1]} {page[2]}"
        header = re.fullmatch(r"<([\w/]+\.h)>", word)
        if header:
            return f".In {header[1]}"
        quoted = re.fullmatch(r"`([^`]+)`", word)
        if quoted and quoted[1].lstrip("*") in self.arguments:
            return f".Fa {argument(quoted[1])}"
        if quoted:
            return f".Ql {argument(quoted[1])}"
        if re.fullmatch(r"NNG_E[A-Z0-9]+", word) and word in self.constants:
            return f".Er {word}"
        if re.fullmatch(r"NNG_URING_LOOPS|NNG_URING_BACKEND|NNG_URING_CALLBACKS|NNG_URING_WORKERS|NNG_URING_LIMITS|NO_COLOR|NNG_LOG_NO_COLOR", word):
            return f".Ev {word}"
        if word == "NULL" or (word.startswith("NNG_") and word in self.constants):
            return f".Dv {word}"
        return None

    def line(self, word):
        """The lines for a word that a macro is about, else None."""
        match = re.fullmatch(r"([(\[]*)(`[^`]+`|.*?)([.,:;!?)\]]*)", word)
        before, core, after = match.groups()
        if after.startswith(")") and (core.endswith("(") or re.search(r"\(`\w+`$", core)):  # nng_x().
            core, after = core + ")", after[1:]
        elif re.search(r"\(\d\w*$", core):  # read(2),
            core, after = core + ")", after[1:]
        macro, glued = self.macro(core), ""
        if macro is None:
            split = re.fullmatch(r"(`[^`]+`|\w+\(\)|NNG_[A-Z0-9_]+)(\W.*)", core)
            macro = split and self.macro(split[1])
            if macro is None:
                return None
            glued = " Ns " + argument(split[2])
        name, _, arguments = macro.partition(" ")
        opening = "".join(f" {char}" for char in before)
        closing = "".join(f" {char}" for char in after)
        return f"{name}{opening} {arguments}{glued}{closing}"

    def paragraph(self, text):
        """Filled text: every sentence begins a line."""
        words = re.findall(r"(?:`[^`]+`|\S)+", " ".join(text.split()))
        lines, current = [], ""
        for word in words:
            macro = self.line(word)
            if macro:
                lines += [current] if current else []
                lines.append(macro)
                current = ""
                continue
            if len(escape(current)) + len(escape(word)) >= WIDTH:
                lines.append(current)
                current = ""
            current = f"{current} {word}" if current else word
            if re.search(r"[A-Za-z0-9_)\]\"]{2}[.!?]\)?$", word):
                lines.append(current)
                current = ""
        lines += [current] if current else []
        return [line if line.startswith(".") and line[1:2].isupper() else escape(line)
                for line in lines]

    def literal(self, text):
        return [".Bd -literal -offset 4n", *(escape(line) for line in text.split("\n")), ".Ed"]

    def blocks(self, text):
        """Paragraphs, lists and literal text."""
        lines, first = [], True
        for block in re.split(r"\n{2,}", text.strip("\n")):
            made = self.block(block)
            if not first and not made[0].startswith((".Bd", ".Bl")):
                lines.append(".Pp")
            lines += made
            first = False
        return lines

    def block(self, block):
        rows = block.split("\n")
        if rows[0].startswith("  "):
            indent = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
            return self.literal("\n".join(row[indent:] for row in rows))
        at = next((i for i, row in enumerate(rows) if row.startswith("- ")), None)
        if at is None:
            return self.paragraph(block)
        made = self.paragraph("\n".join(rows[:at])) if at else []
        made.append(".Bl -bullet -compact")
        for item in re.split(r"(?m)^- ", "\n".join(rows[at:]))[1:]:
            made += [".It", *self.paragraph(item)]
        return made + [".El"]
