#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Rules that a compiler does not check: layers, forbidden names and includes, sizes.   usage: check.py ROOT"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "include", "examples", "tests", "benchmarks",
             "docs", "cmake"}
LAYERS = {"core": 1, "log": 3, "sql": 3, "http": 4, "sqlite": 4, "postgres": 4, "aws": 4, "payment": 5, "database": 5,
          "testing": 9}
FACADES = {"payment_client.hpp", "database_client.hpp", "sqlite/client.hpp"}
FORBIDDEN_INCLUDES = [r"<boost/asio\.hpp>", r"<boost/beast\.hpp>", r"<iostream>", r"<regex>"]
FORBIDDEN_NAMES = [r"steady_clock::now", r"system_clock::now", r"asio::steady_timer", r"random_device", r"\bgetenv\b",
                   r"tcp::resolver", r"sleep_for", r"sleep_until", r"\busleep\b"]
SEAM = re.compile(r"^(runtime\.hpp|detail/(runtime_|resolve).*)$")
MAX_LINES, MAX_COLUMNS = 350, 130

problems = []


def complain(path, line, text):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def tracked():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()]


def layer_of(inside):
    if inside in FACADES:
        return 5
    folder = inside.split("/")[0] if "/" in inside else ""
    return LAYERS.get(folder, 2)


def check_header(path, lines):
    inside = str(path.relative_to(ROOT / "include/kedge"))
    mine = layer_of(inside)
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s*[<"](kedge/)?([^>"]+)[>"]', line)
        if include:
            if any(re.search(p, line) for p in FORBIDDEN_INCLUDES):
                complain(path, number, "an include that users would pay for: name the parts you need")
            if mine == 1 and "boost/asio" in line:
                complain(path, number, "core/ must not know Asio")
            if include.group(1):
                other = include.group(2)
                theirs = layer_of(other)
                if theirs > mine and not (inside == "kedge.hpp" and theirs <= 3) and mine != 9:
                    complain(path, number, f"layer {mine} includes layer {theirs} ({other})")
        code = re.sub(r"//.*|^\s*/?\*.*|\"(\\.|[^\"])*\"", "", line)
        if not SEAM.match(inside):
            for pattern in FORBIDDEN_NAMES:
                if re.search(pattern, code):
                    complain(path, number, f"`{pattern}` goes around the runtime, the one seam for time and chance")


def check_file(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")
    relative = str(path.relative_to(ROOT))
    if path.suffix in {".hpp", ".ipp", ".cpp", ".py"} or path.name == "CMakeLists.txt":
        if not any("SPDX-License-Identifier: BSL-1.0" in line for line in lines[:3]):
            complain(path, 1, "no SPDX line")
    if re.search(r"\.\./" + "shared", text):
        complain(path, 1, "names a folder that users do not have")
    if path.suffix in {".hpp", ".ipp", ".cpp"}:
        if len(lines) > MAX_LINES:
            complain(path, len(lines), f"{len(lines)} lines; a file ends before line {MAX_LINES}")
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                complain(path, number, f"{len(line)} columns; {MAX_COLUMNS} are enough")
    if relative.startswith("include/kedge/"):
        check_header(path, lines)
    if relative.startswith("tests/") and path.suffix == ".cpp":
        for number, line in enumerate(lines, 1):
            if re.search(r"sleep_for|sleep_until|\busleep\(", line):
                complain(path, number, "no test sleeps: use testing::simulation")


def main():
    files = tracked()
    for name in sorted({f.relative_to(ROOT).parts[0] for f in files}):
        if name not in TOP_LEVEL and not name.startswith("."):
            problems.append(f"{name}: the top level is fixed")
    for path in files:
        check_file(path)
    print("\n".join(problems) if problems else f"structure: {len(files)} files in order")
    return 1 if problems else 0


sys.exit(main())
