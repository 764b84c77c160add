#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Rules that a compiler does not check: layers, forbidden names and includes, sizes.   usage: check.py [ROOT]"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "include", "examples", "tests", "benchmarks",
             "docs", "cmake"}
SOURCES = {".hpp", ".ipp", ".cpp"}
MAX_LINES, MAX_FUNCTION, MAX_COLUMNS = 350, 40, 130

# Layers: core 1, policies 2, cross-cutting 3, adapters 4, facades 5, each src.hpp 6. Includes go down only.
FOLDERS = {"core": 1, "detail": 2, "impl": 2, "log": 3, "metrics": 3, "config": 3, "sql": 3, "http": 4, "sqlite": 4,
           "postgres": 4, "aws": 4, "payment": 5, "database": 5}
FILES = {"payment_client.hpp": 5, "database_client.hpp": 5, "sqlite/client.hpp": 5, "postgres/client.hpp": 5,
         "kedge.hpp": 3}
TESTING = 9
# The vocabulary that core shares with everybody above it.
COMMON = {"error.hpp", "verdict.hpp", "version.hpp"}
# Adapters see these facade headers, which are interfaces without bodies: the seam that they implement.
SEAMS = ("payment/", "database/")

# The configuration fills the facades' options: data without behaviour.
OPTIONS = {"payment/options.hpp", "database/options.hpp", "payment/secret.hpp"}

DEPENDENCIES = {"openssl": {"http", "aws"}, "sqlite3.h": {"sqlite"}, "libpq": {"postgres"}, "boost/beast": {"http", "aws"},
                "boost/asio/ssl": {"http", "aws"}}
FORBIDDEN_INCLUDES = re.compile(r"<boost/asio\.hpp>|<boost/beast\.hpp>|<iostream>|<regex>")
FORBIDDEN_NAMES = re.compile(r"steady_clock::now|system_clock::now|high_resolution_clock::now|asio::(steady|system|"
                             r"high_resolution)_timer|random_device|\bgetenv\b|tcp::resolver|\bsleep_(for|until)\b|\bu?sleep\(")
RUNTIME = re.compile(r"^(runtime\.hpp|detail/(runtime|resolve|[a-z_]*clock)[a-z_]*\.[hi]pp)$")
OUTSIDE = re.compile(r"\.\./" + r"shared")

problems = []


def complain(path, line, text):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def project_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    names = [n for n in listed.stdout.split("\n") if n]
    if listed.returncode != 0 or not names:  # an unpacked archive
        names = [os.path.relpath(os.path.join(folder, f), ROOT) for folder, _, found in os.walk(ROOT) for f in found]
        names = [n for n in names if not re.match(r"(build|\.deps|\.git)/", n) and "__pycache__" not in n]
    return [ROOT / n for n in names if (ROOT / n).is_file()]


def layer_of(inside):
    if inside in FILES:
        return FILES[inside]
    if inside.split("/")[-1] == "src.hpp":
        return 6
    top = inside.split("/")[0] if "/" in inside else ""
    return TESTING if top == "testing" else FOLDERS.get(top, 2)


def without_comments(text):
    """The same lines with comments, strings and characters blanked."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def check_include(path, inside, number, line):
    found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
    if not found:
        return
    target, mine, folder = found.group(1), layer_of(inside), inside.split("/")[0]
    if FORBIDDEN_INCLUDES.search(line):
        complain(path, number, f"<{target}> is an include that every user would pay for: name the parts you need")
    for dependency, allowed in DEPENDENCIES.items():
        if target.startswith(dependency) and folder not in allowed and mine not in (6, TESTING):
            complain(path, number, f"<{target}> belongs to the component {' or '.join(sorted(allowed))}")
    if mine == 1 and target.startswith("boost/") and not re.match(r"boost/(system|assert|intrusive)\b", target):
        complain(path, number, f"core/ includes std and Boost.System only, not <{target}>")
    if target.startswith("kedge/"):
        other = target[len("kedge/"):]
        theirs = layer_of(other)
        seam = (mine == 4 and other.startswith(SEAMS)) or (folder == "config" and other in OPTIONS)
        if theirs > mine and other not in COMMON and not seam:
            complain(path, number, f"layer {mine} includes layer {theirs}: <{target}>")


def check_header(path, lines, code):
    inside = str(path.relative_to(ROOT / "include/kedge"))
    for number, line in enumerate(lines, 1):
        check_include(path, inside, number, line)
    if RUNTIME.match(inside):
        return
    for number, line in enumerate(code, 1):
        named = FORBIDDEN_NAMES.search(line)
        if named:
            complain(path, number, f"`{named.group()}` goes around runtime.hpp, the one seam for time and chance")


OPENS_NO_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum|extern|concept)\b|^\s*(TEST_CASE|SCENARIO)")
NOT_A_NAME = re.compile(r"^\s*(\}\s*)?(if|else|for|while|switch|do|try|catch|case|default|return)\b")


def check_functions(path, code):
    """Length of function bodies, told by braces; nested blocks and lambdas count with the function around them."""
    open_braces, head, inside_function = [], "", 0
    for number, line in enumerate(code, 1):
        for symbol in line:
            if symbol == "{":
                is_function = (inside_function == 0 and "(" in head and not OPENS_NO_FUNCTION.search(head)
                               and not NOT_A_NAME.search(head))
                open_braces.append((number, is_function))
                inside_function += is_function
                head = ""
            elif symbol == "}" and open_braces:
                start, was_function = open_braces.pop()
                inside_function -= was_function
                if was_function and number - start + 1 > MAX_FUNCTION:
                    complain(path, start, f"a function of {number - start + 1} lines; it ends before line {MAX_FUNCTION}")
                head = ""
            elif symbol == ";":
                head = ""
            else:
                head += symbol
        head += "\n" if not line.lstrip().startswith("#") else ""
        if line.lstrip().startswith("#"):
            head = ""


def check_source(path, relative, text, lines):
    if len(lines) > MAX_LINES:
        complain(path, len(lines), f"{len(lines)} lines; a file ends before line {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            complain(path, number, f"{len(line)} columns; {MAX_COLUMNS} are enough")
    if path.suffix == ".hpp" and "#pragma once" not in text and not relative.startswith("tests/consumer/poison"):
        complain(path, 1, "no #pragma once")
    code = without_comments(text).split("\n")
    check_functions(path, code)
    if relative.startswith("include/kedge/"):
        check_header(path, lines, code)
    elif relative.startswith("tests/"):
        for number, line in enumerate(code, 1):
            if re.search(r"\bsleep_(for|until)\b|\bu?sleep\(", line):
                complain(path, number, "no test sleeps: use testing::simulation")


def check_file(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.rstrip("\n").split("\n")
    relative = str(path.relative_to(ROOT))
    wants_licence = path.suffix in SOURCES | {".py", ".cmake", ".sh"} or path.name in ("CMakeLists.txt", "run")
    if wants_licence and not any("SPDX-License-Identifier: BSL-1.0" in line for line in lines[:3]):
        complain(path, 1, "no SPDX line")
    outside = OUTSIDE.search(text)
    if outside and relative != ".ci/run":
        complain(path, text[:outside.start()].count("\n") + 1, "names a folder that users do not have")
    if path.suffix in SOURCES:
        check_source(path, relative, text, lines)


def check_separate_compilation(files):
    """A body that no src.hpp reaches is an undefined reference for whoever compiles separately."""
    reached, pending = set(), [path for path in files if path.name == "src.hpp"]
    while pending:
        path = pending.pop()
        if path in reached or not path.exists():
            continue
        reached.add(path)
        pending += [ROOT / "include" / name for name in re.findall(r"#include <(kedge/[^>]*\.ipp)>", path.read_text())]
    for path in files:
        shipped = path.suffix == ".ipp" and "testing" not in path.parts
        if shipped and path not in reached and "KEDGE_DECL" in path.read_text():
            complain(path, 1, "has KEDGE_DECL functions, but no src.hpp includes it")


def main():
    files = project_files()
    check_separate_compilation(files)
    if len(files) < 50:
        problems.append(f"only {len(files)} files found in {ROOT}: is this kedge?")
    for name in sorted({f.relative_to(ROOT).parts[0] for f in files}):
        if name not in TOP_LEVEL and not name.startswith("."):
            problems.append(f"{name}: the top level is fixed")
    for path in files:
        check_file(path)
    print("\n".join(problems) if problems else f"structure: {len(files)} files in order")
    return 1 if problems else 0


sys.exit(main())
