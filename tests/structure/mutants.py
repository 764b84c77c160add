#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Plants one fault at a time in a copy of the headers, and wants the test that guards against it to fail.

usage: mutants.py [--list] [NAME...]      by hand: each takes about half a minute

A test that cannot fail is a defect; this shows that these can. The same program without the fault must pass first.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faults

ROOT = Path(__file__).resolve().parents[2]


def flags_of(preset):
    presets = {p["name"]: p for p in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    sanitizers = presets[preset]["cacheVariables"].get("KEDGE_SANITIZE")
    return ["-O0"] + ([f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-g1", "-Wno-tsan"] if sanitizers else [])


class workshop:
    """A copy of the project, and what was built for it."""

    def __init__(self, folder):
        self.folder, self.mains, self.sound = Path(folder), {}, {}
        self.compiler = (["ccache"] if shutil.which("ccache") else []) + ["g++", "-std=c++20"]
        for part in ("include", "tests", "benchmarks"):
            shutil.copytree(ROOT / part, self.folder / part)

    def compile(self, source, to, preset):
        return subprocess.run(self.compiler + flags_of(preset) + ["-I", self.folder / "include", "-I", self.folder / "tests",
                              "-c", source, "-o", to], capture_output=True, text=True)

    def main_of(self, preset):
        if preset not in self.mains:
            self.mains[preset] = self.folder / f"main_{preset}.o"
            done = self.compile(self.folder / "tests/support/catch_main.cpp", self.mains[preset], preset)
            if done.returncode != 0:
                sys.exit(done.stderr)
        return self.mains[preset]

    def play(self, test, preset, selection):
        """What the program said, and whether it was content."""
        unit, program = self.folder / "unit.o", self.folder / "program"
        built = self.compile(self.folder / "tests" / test, unit, preset)
        if built.returncode != 0:
            return "does not compile: " + (re.findall(r"error: .*", built.stderr) or ["?"])[0], False
        libraries = ["-lfmt", "-pthread", "-lsqlite3"] + (["-lssl", "-lcrypto"] if test.startswith(("http/", "aws/")) else [])
        libraries += ["-lrapidcheck"] if test in ("aws/emf.cpp", "config/load.cpp") else []
        subprocess.run(self.compiler + flags_of(preset) + [unit, self.main_of(preset)] + libraries + ["-o", program], check=True)
        try:
            ran = subprocess.run([program, selection], capture_output=True, text=True, errors="replace", timeout=60,
                                 env=os.environ | {"TSAN_OPTIONS": "halt_on_error=1"})
        except subprocess.TimeoutExpired:
            return "hangs", False
        return ran.stdout + ran.stderr, ran.returncode == 0

    def is_sound(self, test, preset, selection):
        key = (test, preset, selection)
        if key not in self.sound:
            self.sound[key] = self.play(*key)
        return self.sound[key]

    def try_mutant(self, preset, test, selection, seen, header, text, replacement):
        said, content = self.is_sound(test, preset, selection)
        if not content:
            return "the program without the fault fails: " + said[-300:], False
        path = self.folder / "include/kedge" / header
        whole = path.read_text()
        if isinstance(text, re.Pattern):
            mutated, count = text.subn(replacement, whole)
        else:
            mutated, count = whole.replace(text, replacement), whole.count(text)
        if count != 1:
            return f"fits {count} times in {header}, not once", False
        path.write_text(mutated)
        try:
            said, content = self.play(test, preset, selection)
        finally:
            path.write_text(whole)
        if content:
            return "survived", False
        summary = re.search(r"SUMMARY: (\w+: [\w-]+)", said) or re.search(r"(promise (?:\d+|live)[^—]{0,60})", said) or re.search(r"(test cases:[^\n]*)", said)
        return (summary.group(1) if summary else said[-80:].strip()), bool(re.search(seen, said))


def main():
    names = [n for n in sys.argv[1:] if n != "--list"]
    chosen = {n: m for n, m in faults.MUTANTS.items() if not names or any(part in n for part in names)}
    if "--list" in sys.argv:
        print("\n".join(chosen))
        return 0
    alive = 0
    with tempfile.TemporaryDirectory(prefix="kedge_mutants_") as folder:
        shop = workshop(folder)
        for name, mutant in chosen.items():
            began = time.monotonic()
            said, killed = shop.try_mutant(*mutant)
            alive += not killed
            print(f"{'found ' if killed else 'MISSED'} {time.monotonic() - began:4.0f} s  {name:42} {mutant[0]:5}"
                  f"{mutant[1]:34} {said}", flush=True)
    print(f"{len(chosen) - alive} of {len(chosen)} faults found")
    return 1 if alive or not chosen else 0


sys.exit(main())
