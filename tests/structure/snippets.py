#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Code that one of these pages shows is code that is compiled and run: each of its blocks stands in a program under examples/,
line by line, indented as that likes.   usage: snippets.py"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["docs/guide/configuration.md", "docs/guide/database.md", "docs/guide/logging.md",
          "docs/guide/payments.md", "docs/reference/cloudwatch.md"]


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def stands_in(block, program):
    return any(program[i:i + len(block)] == block for i in range(len(program) - len(block) + 1))


def main():
    programs = [lines_of(p.read_text()) for p in sorted((ROOT / "examples").rglob("*.cpp"))]
    missing, blocks = [], 0
    for page in PAGES:
        for found in re.finditer(r"```cpp\n(.*?)```", (ROOT / page).read_text(), re.S):
            blocks += 1
            block = lines_of(found.group(1))
            if not any(stands_in(block, p) for p in programs):
                missing.append(f"{page}: in no program under examples/: {block[0]}")
    print("\n".join(missing) if missing else f"all {blocks} blocks of code in {len(PAGES)} pages are compiled")
    return 1 if missing else 0


sys.exit(main())
