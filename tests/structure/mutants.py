#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Plants one fault at a time in a copy of the headers, and wants the test that guards against it to fail.

usage: mutants.py [--list | --fit] [NAME...]      by hand; NAME is a part of a fault's name
  --fit   only says which faults have no place any more, in no time

A test that cannot fail is a defect; this shows that these can. The same program without the fault must pass first. Only the test
concerned is built: half a minute for a fault in a header, a quarter of that for one in a body of a component, which is linked in
front of the sound one.
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


# Units that a test needs beside its own; none sees a header of kedge's in which a fault may be.
BESIDE = {"aws/cloudwatch_": "aws/cloudwatch_service.cpp", "aws/configured": "aws/cloudwatch_service.cpp"}
BODIES = "examples/incident/real/kedge.cpp"


def may_separate(test, preset):
    return preset == "gcc" and test.startswith(("aws/", "config/", "http/"))


def planted(text, replacement, whole):
    """The text with the fault, and how often that has a place in it."""
    if isinstance(text, re.Pattern):
        return text.subn(replacement, whole)
    return whole.replace(text, replacement), whole.count(text)


class workshop:
    """A copy of the project, and what was built for it."""

    def __init__(self, folder):
        self.folder, self.built, self.sound = Path(folder), {}, {}
        self.compiler = (["ccache"] if shutil.which("ccache") else []) + ["g++", "-std=c++20"]
        for part in ("include", "tests", "benchmarks", "examples"):
            shutil.copytree(ROOT / part, self.folder / part)

    def compile(self, source, to, preset, separately=False):
        separation = ["-DKEDGE_SEPARATE_COMPILATION", "-I/usr/include/postgresql"] if separately else []
        done = subprocess.run(self.compiler + flags_of(preset) + separation + ["-I", self.folder / "include", "-I",
                              self.folder / "tests", "-c", source, "-o", to], capture_output=True, text=True)
        return "" if done.returncode == 0 else "does not compile: " + (re.findall(r"error: .*", done.stderr) or ["?"])[0]

    def sound_object(self, source, preset, separately=False):
        """Of a unit that no fault is planted in."""
        key = (source, preset)
        if key not in self.built:
            self.built[key] = self.folder / f"sound_{len(self.built)}.o"
            if said := self.compile(self.folder / source, self.built[key], preset, separately):
                sys.exit(f"{source}: {said}")
        return self.built[key]

    def stands_alone(self, fault, preset):
        """Whether the body with the fault compiles by itself; some need templates of others."""
        alone = self.folder / "fault.cpp"
        alone.write_text(f"#include <kedge/{fault}>\n")
        return fault.endswith(".ipp") and not self.compile(alone, self.folder / "fault.o", preset, True)

    def play(self, test, preset, selection, fault=None):
        """What the program said, and whether it was content. @param fault  the header that has it"""
        unit, program = self.folder / "unit.o", self.folder / "program"
        separately = may_separate(test, preset) and (not fault or self.stands_alone(fault, preset))
        objects = [unit, self.sound_object("tests/support/catch_main.cpp", preset)]
        objects += [self.sound_object("tests/" + more, preset) for start, more in BESIDE.items() if test.startswith(start)]
        said = self.compile(self.folder / "tests" / test, unit, preset, separately)
        if separately and fault:
            objects.insert(0, self.folder / "fault.o")
        if said:
            return said, False
        libraries = ["-lfmt", "-pthread", "-lsqlite3"] + (["-lssl", "-lcrypto"] if test.startswith(("http/", "aws/")) else [])
        libraries += ["-lrapidcheck"] if test.startswith(("aws/", "config/")) else []
        if separately:
            objects.append(self.sound_object(BODIES, preset, True))
            libraries += ["-lssl", "-lcrypto", "-lpq", "-Wl,--allow-multiple-definition"]  # the first one counts
        linked = subprocess.run(self.compiler + flags_of(preset) + objects + libraries + ["-o", program],
                                capture_output=True, text=True)
        if linked.returncode != 0:
            return "does not link: " + (re.findall(r"undefined reference to .*|cannot find .*", linked.stderr) or ["?"])[0], False
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
        mutated, count = planted(text, replacement, whole)
        if count != 1:
            return f"fits {count} times in {header}, not once", False
        path.write_text(mutated)
        try:
            said, content = self.play(test, preset, selection, header)
        finally:
            path.write_text(whole)
        if content:
            return "survived", False
        kinds = (r"SUMMARY: (\w+: [\w-]+)", r"(promise (?:\d+|live)[^—]{0,60})", r"(test cases:[^\n]*)")
        summary = next(filter(None, (re.search(kind, said) for kind in kinds)), None)
        return (summary.group(1) if summary else said[-80:].strip()), bool(re.search(seen, said))


def misfits(chosen):
    """Faults that have no place any more, or several, and where that was."""
    for name, (_, test, _, _, header, text, replacement) in chosen.items():
        count = planted(text, replacement, (ROOT / "include/kedge" / header).read_text())[1]
        if count != 1 or not (ROOT / "tests" / test).exists():
            yield f"{name}: fits {count} times in {header}, for {test}"


def main():
    names = [n for n in sys.argv[1:] if not n.startswith("--")]
    chosen = {n: m for n, m in faults.MUTANTS.items() if not names or any(part in n for part in names)}
    if "--list" in sys.argv:
        print("\n".join(chosen))
        return 0
    if "--fit" in sys.argv:
        wrong = list(misfits(chosen))
        print("\n".join(wrong) if wrong else f"all {len(chosen)} faults fit")
        return 1 if wrong else 0
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
