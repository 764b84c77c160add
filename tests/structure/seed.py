#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""docs/seed.md: every row has a state, and the files that belong to what works exist.   usage: seed.py ROOT"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
PATH = re.compile(r"`((?:include|tests|examples|docs|benchmarks)/[\w./-]*)`")

problems, rows = [], 0
for number, line in enumerate((ROOT / "docs/seed.md").read_text().splitlines(), 1):
    if not line.startswith("| ") or line.startswith("| the request"):
        continue
    rows += 1
    cells = [c.strip() for c in line.strip("|").split(" | ")]
    state = cells[-1].strip(" |")
    if not re.fullmatch(r"works|planned|refused: .+", state):
        problems.append(f"{number}: the state '{state}' is none of works, planned, refused: why")
    if state != "works":
        continue
    if len(cells) != 4 or not PATH.search(cells[2]):
        problems.append(f"{number}: works, but names no test")
    problems += [f"{number}: {path} does not exist" for path in PATH.findall(line) if not (ROOT / path).exists()]

if rows < 40:
    problems.append(f"only {rows} rows were found")
for problem in problems:
    print("docs/seed.md:" + problem)
sys.exit(bool(problems))
