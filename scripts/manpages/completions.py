# SPDX-License-Identifier: MIT
"""Completions for bash, zsh and fish, from what --help says."""

import re

from .commands import Help, summary


def words(help_text):
    """Every option of a command, in the order of --help."""
    text = " ".join([*help_text.usage, *help_text.options])
    return list(dict.fromkeys([*re.findall(r"(--[a-z][a-z-]*)", text), "--help"]))


def bash(commands):
    cases = "\n".join(f"    {name}) words='{' '.join(words(help_text))}' ;;"
                      for name, help_text in commands.items())
    return f"""# bash completion for nng-uring(1). Made by scripts/man.
_nng_uring()
{{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} words=
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W '{' '.join(commands)} --help --version' -- "$cur")
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    case ${{COMP_WORDS[1]}},$prev,$cur in
    *,-*,-*) ;;
    check,--junit,*)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    check,*,[!-]* | check,*,) words=$("$1" check --list 2>/dev/null | cut -d ' ' -f 1) ;;
    *,-*) ;;
    *)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -o filenames -F _nng_uring nng-uring
"""


def zsh(commands, top):
    def spec(name, help_text):
        options = " ".join(f"'{word}'" for word in words(help_text))
        more = "'*:file:_files'" if name != "check" else \
            "'*:check:($(_call_program checks $words[1] check --list 2>/dev/null | cut -d\" \" -f1))'"
        return f"    {name}) _arguments {options} {more} ;;"

    listed = "\n".join(f"    '{name}:{summary(top, name)[0][4:].replace(chr(39), '')}'" for name in commands)
    cases = "\n".join(spec(name, help_text) for name, help_text in commands.items())
    return f"""#compdef nng-uring
# zsh completion for nng-uring(1). Made by scripts/man.
local -a commands
commands=(
{listed}
)
if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help' '--version'
else
    case $words[2] in
{cases}
    esac
fi
"""


def fish(commands, top):
    names = " ".join(commands)
    out = ["# fish completion for nng-uring(1). Made by scripts/man."]
    first = f"not __fish_seen_subcommand_from {names}"
    out.append(f"complete -c nng-uring -n '{first}' -l help -d 'what there is to type'")
    out.append(f"complete -c nng-uring -n '{first}' -l version -d 'the version'")
    for name, help_text in commands.items():
        what = summary(top, name)[0][4:].replace("'", "\\'")
        out.append(f"complete -c nng-uring -f -n '{first}' -a {name} -d '{what}'")
        for word in words(help_text):
            out.append(f"complete -c nng-uring -n '__fish_seen_subcommand_from {name}' -l {word[2:]}"
                       + (" -r" if help_text.value(word) else ""))
    out.append("complete -c nng-uring -f -n '__fish_seen_subcommand_from check' "
               "-a '(nng-uring check --list 2>/dev/null | cut -d \" \" -f 1)'")
    return "\n".join(out) + "\n"


def write(top, program, names, out):
    commands = {name: Help(program, name) for name in names}
    out.mkdir(parents=True, exist_ok=True)
    (out / "nng-uring.bash").write_text(bash(commands))
    (out / "nng-uring.zsh").write_text(zsh(commands, top))
    (out / "nng-uring.fish").write_text(fish(commands, top))
