#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Draws the survival rows, and prints them as a Markdown table.

    benchmarks/run --filter survival --json rows.json
    benchmarks/survival_picture.py rows.json [--svg docs/survival.svg]
"""
import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

COLUMNS = {"no_policy": "no policy", "plain_retry": "plain retry ×3", "breaker_only": "breaker only",
           "microsoft": "Microsoft", "resilience4j": "resilience4j", "kedge": "kedge",
           "payment_client": "payment_client", "database_client": "database_client"}
OWN = {"breaker_only", "kedge", "payment_client", "database_client"}


@dataclass
class Panel:
    line: str   # in the names of the rows
    title: str
    shows: str  # what the bars are
    goal: str


PANELS = [
    Panel("E0/30%x100", "E0 · Do no harm", "30 % random errors, 100 calls/s: calls that succeed", "as many as with no policy"),
    Panel("E1/load", "E1 · Amplification", "everything fails for a minute: attempts for each call", "at most 1.1"),
    Panel("E2/until_recovered", "E2 · Metastability", "a server was short of capacity for 10 s: until it serves 95 % again",
          "at most 10 s"),
    Panel("E3/wait_full_limit", "E3 · Hang", "a minute of silence: calls that wait the full limit", "twice the concurrency limit"),
    Panel("E4/probes", "E4 · Recovery", "back after 30 s: requests before the breaker has closed", "at most 3"),
    Panel("E5/64_places", "E5 · Cascade", "the last of three tiers hangs: served on a route without it", "at least 95 %"),
    Panel("E6/late", "E6 · Deadlines", "a minute of all kinds of faults: calls that end too late", "at most 0.1 %"),
]

TABLE = {"E0/10%x100": "E0: 10 % random errors, 100 calls/s: succeed", "E0/30%x1": "30 %, 1 call/s",
         "E0/30%x1000": "30 %, 1000 calls/s", "E1/load": "E1: total outage: attempts for each call",
         "E2/until_recovered": "E2: capacity back after 10 s of 20 %: until 95 % are served",
         "E2/during_fall": "meanwhile: succeed within 5 s",
         "E3/wait_full_limit": "E3: silent for a minute, 200 calls/s: wait the full limit",
         "E4/probes": "E4: first second after an outage: requests before the breaker has closed",
         "E4/dials": "new connections", "E5/64_places": "E5: last of three tiers hangs, 64 places in the middle: other route",
         "E5/256_places": "256 places", "E5/64_places_informed": "64 places, told how long callers wait",
         "E6/late": "E6: soak with faults: end later than their deadline + 10 ms"}

STYLE = """
text { font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 } .small { font-size: 11px; fill: #59636e } .name { text-anchor: end }
.other { fill: #9aa4ae } .own { fill: #2f81d6 } .missed { fill: #d9822b } .value.missed { fill: #b35900; font-weight: 600 }
.axis { stroke: #9aa4ae; stroke-width: 1 } .goal { stroke: #1f2328; stroke-width: 1.6; stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .other { fill: #6e7681 } .own { fill: #4c9be8 } .missed { fill: #e0913a }
  .value.missed { fill: #f0a95c } .axis { stroke: #6e7681 } .goal { stroke: #e6edf3 }
}
"""
WIDTH, MARGIN, GAP = 940, 10, 30                    # pixels
NAME, VALUE, BAR, STEP, HEAD = 112, 92, 12, 18, 58  # of a panel: room for names and values, a bar, a line, the headings
LETTER, BOLD = 6, 8                                 # the width of one
PANEL = (WIDTH - 2 * MARGIN - GAP) / 2
HEIGHT = HEAD + STEP * len(COLUMNS) + 22


def longest_looked(row):
    return row["name"].startswith("survival/E2/until_recovered") and row["median"] >= 60


def text_of(row):
    if row is None:
        return "–"
    value, unit = row["median"], row["unit"]
    if unit in ("share", "%"):
        percent = value * 100 if unit == "share" else value
        return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.3g} %" if percent >= 1 else f"{percent:.2g} %"
    number = f"{value:.2g}" if value < 1 else f"{value:,.0f}".replace(",", "\u2009")
    if unit == "s":
        return "over 60 s" if longest_looked(row) else f"{number} s"
    return number


def goal_of(row):
    return float(row["goal"].split()[1]) if row and "goal" in row else None


def x_scale(rows, left):
    """Where a value lies: shares up to 100 %, everything else up to the greatest."""
    values = [row["median"] for row in rows.values()] + [goal_of(row) or 0 for row in rows.values()]
    most = 1 if next(iter(rows.values()))["unit"] == "share" else max(values)
    return lambda value: left + NAME + value / most * (PANEL - NAME - VALUE)


def draw_bar(column, row, x, y):
    missed = bool(row and row.get("missed_by"))
    kind = "missed" if missed else "own" if column in OWN else "other"
    end = x(row["median"]) if row else x(0)
    value = text_of(row) + (" missed" if missed else "")
    parts = [f'<text class="name" x="{x(0) - 6:.1f}" y="{y + 10}">{escape(COLUMNS[column])}</text>']
    if end > x(0):
        parts.append(f'<rect class="{kind}" x="{x(0):.1f}" y="{y}" width="{max(end - x(0), 1):.1f}" height="{BAR}"/>')
    goal = goal_of(row)
    if goal is not None:
        parts.append(f'<line class="goal" x1="{x(goal):.1f}" x2="{x(goal):.1f}" y1="{y - 3}" y2="{y + STEP - 3}"/>')
    after = end + 6
    if goal is not None and end - 2 <= x(goal) < after + (BOLD if missed else LETTER) * len(value) + 3:  # the line would cross the words
        after = x(goal) + 6
    parts.append(f'<text class="value{" missed" if missed else ""}" x="{after:.1f}" y="{y + 10}">{value}</text>')
    return parts


def draw_panel(panel, rows, left, top):
    x = x_scale(rows, left)
    better = "longer" if next(iter(rows.values()))["unit"] == "share" else "shorter"
    parts = [f'<text class="title" x="{left}" y="{top + 14}">{escape(panel.title)}</text>',
             f'<text x="{left}" y="{top + 31}">{escape(panel.shows)}</text>',
             f'<text class="small" x="{left}" y="{top + 46}">{better} is better; goal: {escape(panel.goal)}</text>']
    for i, column in enumerate(COLUMNS):
        parts += draw_bar(column, rows.get(column), x, top + HEAD + i * STEP)
    bottom = top + HEAD + len(COLUMNS) * STEP
    parts.append(f'<line class="axis" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top + HEAD - 3}" y2="{bottom - 3}"/>')
    return parts


def draw_legend(left, top):
    parts = [f'<text class="title" x="{left}" y="{top + 14}">How to read it</text>']
    entries = [("own", "kedge’s own"), ("other", "other ways to call"), ("missed", "misses its goal")]
    for i, (kind, text) in enumerate(entries):
        y = top + 30 + i * STEP
        parts += [f'<rect class="{kind}" x="{left}" y="{y}" width="26" height="{BAR}"/>',
                  f'<text x="{left + 36}" y="{y + 10}">{text}</text>']
    y = top + 30 + len(entries) * STEP
    parts += [f'<line class="goal" x1="{left + 13}" x2="{left + 13}" y1="{y - 2}" y2="{y + 14}"/>',
              f'<text x="{left + 36}" y="{y + 10}">the goal, where a column has one</text>']
    notes = ["Medians of five seeds, in virtual time: the same on every machine.",
             "Microsoft and resilience4j are their default settings in kedge’s",
             "policies, not their code. kedge and its clients have their defaults."]
    return parts + [f'<text class="small" x="{left}" y="{y + 36 + i * 15}">{note}</text>' for i, note in enumerate(notes)]


def sentence(panel, rows):
    values = ", ".join(f"{COLUMNS[c]} {text_of(rows.get(c))}" + (" (missed)" if rows.get(c, {}).get("missed_by") else "")
                       for c in COLUMNS)
    return f"{panel.title}, {panel.shows} (goal: {panel.goal}): {values}."


def picture(lines):
    height = round(2 * MARGIN + HEIGHT * ((len(PANELS) + 2) // 2))
    about = "\n".join(sentence(p, lines[p.line]) for p in PANELS)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
             'role="img" aria-labelledby="title about">',
             '<title id="title">Does an outage hurt less with kedge than without? Seven rows, eight ways to call.</title>',
             f'<desc id="about">{escape(about)}</desc>', f"<style>{STYLE}</style>"]
    for i in range(len(PANELS) + 1):
        left, top = MARGIN + i % 2 * (PANEL + GAP), MARGIN + i // 2 * HEIGHT
        parts += draw_panel(PANELS[i], lines[PANELS[i].line], left, top) if i < len(PANELS) else draw_legend(left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def table(lines):
    yield "| | " + " | ".join(COLUMNS.values()) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    for line, title in TABLE.items():
        cells = [lines[line].get(column) for column in COLUMNS]
        yield f"| {title} | " + " | ".join(text_of(c) + (" (!)" if c and c.get("missed_by") else "") for c in cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="as benchmarks/run --json writes them")
    parser.add_argument("--svg", type=Path, help="draw the picture into this file")
    arguments = parser.parse_args()
    lines = {}
    for row in json.loads(arguments.rows.read_text()):
        if row["name"].startswith("survival/"):
            _, name, line, column = row["name"].split("/")
            lines.setdefault(f"{name}/{line}", {})[column] = row
    missing = [line for line in [*TABLE, *(p.line for p in PANELS)] if line not in lines]
    if missing:
        parser.exit(1, f"{arguments.rows} has no row {missing[0]}: benchmarks/run --filter survival --json {arguments.rows}\n")
    print("\n".join(table(lines)))
    if arguments.svg:
        arguments.svg.write_text(picture(lines), encoding="utf-8")


main()
