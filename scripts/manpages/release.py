# SPDX-License-Identifier: MIT
"""What every page says at its ends: version and date, from Makefile and CHANGELOG.md."""

import re

MONTHS = ("January February March April May June July August September October November "
          "December").split()


class Release:
    def __init__(self, top):
        self.version = re.search(r"(?m)^VERSION := ([\d.]+)", (top / "Makefile").read_text())[1]
        text = (top / "CHANGELOG.md").read_text()
        year, month, day = re.search(r"(?m)^## .*?(\d{4})-(\d\d)-(\d\d)", text).groups()
        self.date = f"{MONTHS[int(month) - 1]} {int(day)}, {year}"

    def head(self, name, section, source):
        return [f".\\\" Made by scripts/man from {source}: edit that.",
                f".Dd {self.date}", f".Dt {name.upper()} {section}",
                # groff's own volume name leaves long names no room in the head.
                ".ds doc-volume nng-uring", f".Os nng-uring {self.version}"]
