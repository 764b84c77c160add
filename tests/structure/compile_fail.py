#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Mistakes that must not compile, and must say why.   usage: compile_fail.py COMPILER

Each compile_fail/*.cpp has a line `// expect: TEXT`. As it stands it must fail with that text; with -DCORRECTED it
must compile, so that it is the mistake that fails and nothing else.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = sys.argv[1] if len(sys.argv) > 1 else "g++"


def compile_one(source, *options):
    return subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", f"-I{ROOT}/include", *options, source],
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})


def judge(source):
    expected = re.search(r"// expect: (.*)", source.read_text())
    if not expected:
        return f"{source.name}: no `// expect:` line"
    wrong, corrected = compile_one(source), compile_one(source, "-DCORRECTED")
    if corrected.returncode != 0:
        return f"{source.name}: does not compile when corrected:\n{corrected.stderr[:1500]}"
    if wrong.returncode == 0:
        return f"{source.name}: compiles, but must not"
    if expected.group(1) not in wrong.stderr:
        return f"{source.name}: the error does not say `{expected.group(1)}`:\n{wrong.stderr[:1500]}"
    return None


sources = sorted((ROOT / "tests/structure/compile_fail").glob("*.cpp"))
with ThreadPoolExecutor(2) as pool:
    problems = [p for p in pool.map(judge, sources) if p]
print("\n".join(problems) if problems else f"{len(sources)} mistakes refused with a reason")
sys.exit(1 if problems or not sources else 0)
