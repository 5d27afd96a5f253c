# SPDX-License-Identifier: MIT
"""Pages of section 1: what the program's --help says of a command, and prose of src/cmd/man.

src/cmd/man/COMMAND.mdoc is mdoc(7) from DESCRIPTION on, with its NAME line first (".Nd ..."); the
line "@options@" stands for the options of --help. main.mdoc is about the program itself, and has
"@commands@"."""

import re
import subprocess

from .headers import Breach
from .mdoc import Prose, argument, escape


class Help:
    """The help of the program, or of one command: usage lines and options."""

    def __init__(self, program, command):
        self.command = command
        shown = subprocess.run([program, *([command] if command else []), "--help"], check=True,
                               capture_output=True, text=True, timeout=20).stdout
        self.usage = re.findall(r"(?m)^(?:usage:|      ) +nng-uring (.*(?:\n {12,}\S.*)*)", shown)
        self.usage = [" ".join(line.split()) for line in self.usage]
        self.commands = sorted({line.split()[0] for line in self.usage} - {"--version", "--help"},
                               key=[line.split()[0] for line in self.usage].index)
        if command:
            self.usage = [line for line in self.usage if line.split()[0] == command]
            part = re.search(rf"(?ms)^{command} .*?(?=^[a-z]+ |\Z)", shown)
            shown = part[0] if part else shown
        self.named = set(re.findall(r"--([a-z][a-z-]+)", " ".join([*self.usage, shown])))
        self.options = dict(self.read_options(shown))

    def read_options(self, text):
        """{"--listen": what}: an option starts a line, what goes on below it is indented more."""
        found = re.finditer(r"(?m)^( +)(-[^\s,]+(?: [A-Z]\S*)?(?:, -[^\s,]+(?: [A-Z]\S*)?)*)  +(\S.*(?:\n\1 {4,}\S.*)*)", text)
        for match in found:
            yield match[2], " ".join(match[3].split())

    def value(self, option):
        """What an option takes, by the usage lines."""
        for line in self.usage:
            match = re.search(rf"{option}[ =]((?:\[[^\]]*\])?[A-Z][A-Z:]*)", line)
            if match:
                return match[1]
        limits = "--LIMIT N" in " ".join(self.usage)
        return "N" if limits and re.search(r"-(timeout|bytes|fields|rate)$|^--connections$", option) else None

    def repeats(self, option):
        return any(re.search(rf"\[{option}\b[^\]]*\][^ ]*\]\.\.\.|\[{option}\b[^\]]*\]\.\.\.", line)
                   for line in self.usage)

    def about(self, option):
        """The beginning of what is said of an option, for a line of a menu."""
        for names, what in self.options.items():
            if option in re.split(r",? ", names):
                return re.split(r"[:;.,(]", what)[0].strip()
        return "what there is to type"


def flags(help_text, names):
    out = []
    for name in names.split(", "):
        option, _, value = name.partition(" ")
        value = value or help_text.value(option)
        out.append(f"Fl {escape(option[1:])}" + (f" {usage_part(value)}" if value else ""))
    return " , ".join(out)


def options(help_text, prose):
    if not help_text.options:
        raise Breach(f"nng-uring {help_text.command} --help: no option is recognised; each wants a "
                     "line of its own, '  --name  what it does'")
    yield ".Bl -tag -width Ds"
    for names, what in help_text.options.items():
        yield f".It {flags(help_text, names)}"
        yield from prose.paragraph(what[:1].upper() + what[1:].rstrip(".,;") + ".")
    yield ".El"


def outer_words(line):
    """The words of a usage line; what is in brackets is one, and so is an option with its value."""
    words, depth = [""], 0
    for char in line:
        depth += (char == "[") - (char == "]")
        if char == " " and depth == 0:
            words.append("")
        else:
            words[-1] += char
    joined = []
    for word in words:
        if joined and joined[-1].startswith("-") and word.isupper():
            joined[-1] += " " + word
        elif joined and (word == "|" or joined[-1].endswith("|")):
            joined[-1] += " " + word
        else:
            joined.append(word)
    return joined


def synopsis(lines):
    for line in lines:
        yield ".Nm nng-uring"
        for word in outer_words(line):
            optional = re.fullmatch(r"\[(.*)\](\.\.\.)?", word)
            parts = " ".join(usage_part(part) for part in (optional[1] if optional else word).split())
            yield f".Op {parts}{' ...' if optional[2] else ''}" if optional else f".{parts}"


def usage_part(part):
    nested = re.fullmatch(r"\[(.+)\](.+)", part)
    if nested:
        return f"Oo Cm {nested[1]} Oc Ns {usage_part(nested[2])}"
    if part.startswith("[") or part.endswith("]"):
        return ("Oo " if part.startswith("[") else "") + usage_part(part.strip("[]")) + \
            (" Oc" if part.endswith("]") else "")
    if part.startswith("--LIMIT"):
        return "Fl - Ns Ar LIMIT"
    if part.startswith("-"):
        return f"Fl {part[1:]}"
    if part == "|":
        return part
    return f"Ar {part}" if part.isupper() or ":" in part else f"Cm {part}"


def summary(top, command):
    path = top / "src/cmd/man" / f"{command or 'main'}.mdoc"
    if not path.exists():
        raise Breach(f"{path.relative_to(top)}: write it, for nng-uring-{command}(1): its .Nd line, "
                     "then mdoc from .Sh DESCRIPTION on, with @options@ where those go")
    first, _, rest = path.read_text().partition("\n")
    while first.startswith(".\\\""):
        first, _, rest = rest.partition("\n")
    if not first.startswith(".Nd "):
        raise Breach(f"{path.relative_to(top)}:1: the first line has to be '.Nd what it does'")
    return first, rest


def render(top, program, command, headers, release):
    help_text = Help(program, command)
    name = f"nng-uring-{command}" if command else "nng-uring"
    prose = Prose(headers.by_function, headers.constants)
    nd, body = summary(top, command)
    out = [*release.head(name, 1, f"src/cmd/man/{command or 'main'}.mdoc and --help"), ".Sh NAME",
           f".Nm {name}", nd, ".Sh SYNOPSIS", *synopsis(help_text.usage)]
    for line in body.rstrip("\n").split("\n"):
        if line == "@options@":
            out += options(help_text, prose)
        elif line == "@commands@":
            out.append(".Bl -tag -width Ds")
            for each in help_text.commands:
                what = summary(top, each)[0][4:]
                out += [f".It Cm {each}", what[:1].upper() + what[1:] + ":",
                        f".Xr nng-uring-{each} 1 ."]
            out.append(".El")
        else:
            out.append(line)
    wanted = help_text.named if command else {"version", "help"}
    missing = [option for option in sorted(wanted) if not re.search(rf"Fl -{option}\b(?!-)", "\n".join(out))]
    if missing:
        raise Breach(f"src/cmd/man/{command or 'main'}.mdoc: --help knows of {missing}: let a line "
                     "@options@ bring them in, and in --help two spaces follow the option")
    return "\n".join(out) + "\n", help_text.commands
