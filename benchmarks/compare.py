#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Finds what became worse between two recorded runs.   usage: benchmarks/compare.py OLD.json NEW.json [PERCENT]

Ratios to the baseline of the same run are compared, where a row has one: the machine's own speed cancels out of them. Exit
status 1 if a row became worse by more than PERCENT (10), or allocates more.
"""
import json
import sys
from pathlib import Path


def rows(path):
    return {(r["name"], r["threads"]): r for r in json.loads(Path(path).read_text())}


def figure(row):
    """Of two runs, the same kind of figure: the ratio, or the median of what has no baseline."""
    return row["median"] if row["ratio"] is None else row["ratio"]


def judge(old, new, percent):
    more = (new["allocs_per_op"] or 0) > (old["allocs_per_op"] or 0) + 0.01
    before, now = figure(old), figure(new)
    change = 0 if before == now else 100 * (now - before) / before if before else float("inf")
    worse = (-change if new["unit"] == "share" else change) > percent  # a share is of calls that succeed
    return change, "worse" if worse else "allocates more" if more else ""


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    old, new = rows(sys.argv[1]), rows(sys.argv[2])
    percent = float(sys.argv[3]) if len(sys.argv) == 4 else 10
    common = sorted(old.keys() & new.keys())
    if not common:
        sys.exit("the two files have no row in common")
    worse = 0
    for key in common:
        change, verdict = judge(old[key], new[key], percent)
        worse += bool(verdict)
        if verdict or abs(change) > percent:
            print(f"{key[0]:<44}{key[1]:>3}  {figure(old[key]):>9.3g} -> {figure(new[key]):<9.3g}{change:>+7.1f} %  {verdict}")
    for key in sorted(old.keys() - new.keys()):
        print(f"{key[0]:<44}{key[1]:>3}  is gone")
    print(f"{len(common)} rows compared, {worse} worse")
    return 1 if worse else 0


sys.exit(main())
