# SPDX-License-Identifier: MIT
"""Completions for bash, zsh and fish, from what --help says."""

import re

from .commands import Help, summary


def words(help_text):
    """Every option of a command, in the order of --help."""
    text = " ".join([*help_text.usage, *help_text.options])
    found = re.findall(r"(--[a-z][a-z-]*)", text)
    return list(dict.fromkeys([*found, "--help"]))


# What is neither an option nor an option's: directories, and names of checks.
REST = {
    "serve": "more=(-d)",
    "check": """more=(-W "$("$1" check --list 2>/dev/null | cut -d ' ' -f 1)")""",
}


def bash(commands):
    def case(name, help_text):
        options = words(help_text)
        # After these comes a file; after the others that take something, nothing that could be guessed.
        valued = "|".join(word for word in options if help_text.value(word) not in (None, "FILE"))
        files = "|".join(word for word in options if help_text.value(word) == "FILE")
        lines = [f"words='{' '.join(options)}'"]
        lines += [f"[[ $prev != @({valued}) ]] || return"] if valued else []
        lines += [f"[[ $prev != @({files}) ]] || more=(-f)"] if files else []
        lines += ["[[ $cur == -* || ${more[*]} == -f ]] || " + REST[name]] if name in REST else []
        return f"    {name})\n" + "".join(f"        {line}\n" for line in lines) + "        ;;"

    cases = "\n".join(case(name, help_text) for name, help_text in commands.items())
    return f"""# bash completion for nng-uring(1). Made by scripts/man.
_nng_uring()
{{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} words= more=()
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W '{' '.join(commands)} --help --version' -- "$cur")
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    [ ${{#more[@]}} -gt 0 ] || more=(-W "$words")
    mapfile -t COMPREPLY < <(compgen "${{more[@]}}" -- "$cur")
}}
complete -o filenames -F _nng_uring nng-uring
"""


def zsh(commands, top):
    def option(word, help_text):
        value, about = help_text.value(word), help_text.about(word).replace("'", "'\\''")
        taken = "" if value is None else f":{value.replace(':', ' ')}:" + ("_files" if value == "FILE" else "")
        return f"'{'*' if help_text.repeats(word) else ''}{word}[{about}]{taken}'"

    def case(name, help_text):
        rest = {"serve": ["'*:directory:_files -/'"],
                "check": ["'*:check:($(_call_program checks $program check --list 2>/dev/null | cut -d\" \" -f1))'"]}
        lines = [*(option(word, help_text) for word in words(help_text)), *rest.get(name, [])]
        return f"    {name})\n        _arguments \\\n            " + " \\\n            ".join(lines) + "\n        ;;"

    listed = "\n".join(f"    '{name}:{summary(top, name)[0][4:].replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'"
                       for name in commands)
    cases = "\n".join(case(name, help_text) for name, help_text in commands.items())
    return f"""#compdef nng-uring
# zsh completion for nng-uring(1). Made by scripts/man.
local program=$words[1]
local -a commands
commands=(
{listed}
)
if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help[what there is to type]' '--version[the version]'
else
    shift words
    (( CURRENT-- ))
    case $words[1] in
{cases}
    esac
fi
"""


def fish(commands, top):
    def quoted(text):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    first = quoted("not __fish_seen_subcommand_from " + " ".join(commands))
    out = ["# fish completion for nng-uring(1). Made by scripts/man.",
           f"complete -c nng-uring -n {first} -l help -d 'what there is to type'",
           f"complete -c nng-uring -n {first} -l version -d 'the version'"]
    for name, help_text in commands.items():
        after = quoted(f"__fish_seen_subcommand_from {name}")
        out.append(f"complete -c nng-uring -f -n {first} -a {name} -d {quoted(summary(top, name)[0][4:])}")
        for word in words(help_text):
            value = help_text.value(word)
            takes = "" if value is None else " -rF" if value == "FILE" else " -x"
            out.append(f"complete -c nng-uring -n {after} -l {word[2:]}{takes} -d {quoted(help_text.about(word))}")
    out.append("complete -c nng-uring -f -n '__fish_seen_subcommand_from serve' -a '(__fish_complete_directories)'")
    out.append("complete -c nng-uring -f -n '__fish_seen_subcommand_from check' "
               "-a '(nng-uring check --list 2>/dev/null | cut -d \" \" -f 1)'")
    return "\n".join(out) + "\n"


def write(top, program, names, out):
    commands = {name: Help(program, name) for name in names}
    out.mkdir(parents=True, exist_ok=True)
    (out / "nng-uring.bash").write_text(bash(commands))
    (out / "nng-uring.zsh").write_text(zsh(commands, top))
    (out / "nng-uring.fish").write_text(fish(commands, top))
