# SPDX-License-Identifier: MIT
"""Bar plots as SVG, without anything from outside."""

from html import escape

LABEL, BAR, VALUE, ROW = 170, 230, 80, 26  # widths of the three columns, height of a row


def short(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 9.995 else 2}f}"


def bars(title, unit, rows, better):
    """rows: (label, group, spread); a bar to the median, a line from least to most, a dot a round.

    `better` is "less" or "more", and is said in the title."""
    rows = [row for row in rows if row[2]]
    if not rows:
        return ""
    most = max(spread.high for _, _, spread in rows) or 1
    # One wild round must not make all bars invisible.
    scale = min(most, 2.2 * max(spread.median for _, _, spread in rows)) or 1
    height = ROW * len(rows) + 8
    width = LABEL + BAR + VALUE

    def x(value):
        return LABEL + BAR * min(value, scale) / scale

    out = [f'<figure><figcaption>{escape(title)} <span>{escape(unit)}, {better} is better'
           f'</span></figcaption><svg viewBox="0 0 {width} {height}" role="img" '
           f'aria-label="{escape(title)}">']
    for part in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<line class="grid" x1="{LABEL + BAR * part}" x2="{LABEL + BAR * part}" '
                   f'y1="0" y2="{height - 4}"/>')
    for at, (label, group, spread) in enumerate(rows):
        top = at * ROW + 4
        mid = top + ROW / 2 - 2
        out.append(f'<text class="label {group}" x="{LABEL - 10}" y="{mid + 4}">'
                   f'{escape(label)}</text>')
        out.append(f'<rect class="{group}" x="{LABEL}" y="{top + 2}" rx="2" '
                   f'width="{max(1, x(spread.median) - LABEL):.1f}" height="{ROW - 10}"/>')
        out.append(f'<line class="spread" x1="{x(spread.low):.1f}" x2="{x(spread.high):.1f}" '
                   f'y1="{mid}" y2="{mid}"/>')
        out += [f'<circle class="round" cx="{x(value):.1f}" cy="{mid}" r="2.2"/>'
                for value in spread.values]
        beyond = " ▸" if spread.high > scale else ""
        out.append(f'<text class="value" x="{LABEL + BAR + 10}" y="{mid + 4}">'
                   f'{short(spread.median)}{beyond}</text>')
    out.append("</svg></figure>")
    return "".join(out)
