#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A check that cannot fail is worth nothing: plants one violation of each rule in a copy and wants it reported."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPDX = "// SPDX-License-Identifier: BSL-1.0\n#pragma once\n"
LONG_FUNCTION = SPDX + "inline int f(int x) {\n" + "    if (x) {\n        ++x;\n    }\n" * 15 + "    return x;\n}\n"

# file, its text, what check.py must say about it
PLANTED = [
    ("include/kedge/core/p1.hpp", SPDX + "#include <boost/asio/post.hpp>\n", "core/ includes std"),
    ("include/kedge/core/p2.hpp", SPDX + "#include <kedge/pipeline.hpp>\n", "layer 1 includes layer 2"),
    ("include/kedge/p3.hpp", SPDX + "#include <kedge/log/record.hpp>\n", "layer 2 includes layer 3"),
    ("include/kedge/log/p4.hpp", SPDX + "#include <kedge/sqlite/connection.hpp>\n", "layer 3 includes layer 4"),
    ("include/kedge/sqlite/p5.hpp", SPDX + "#include <kedge/payment_client.hpp>\n", "layer 4 includes layer 5"),
    ("include/kedge/p6.hpp", SPDX + "#include <kedge/testing/simulation.hpp>\n", "layer 2 includes layer 9"),
    ("include/kedge/p7.hpp", SPDX + "#include <iostream>\n", "every user would pay for"),
    ("include/kedge/p8.hpp", SPDX + "#include <boost/asio.hpp>\n", "every user would pay for"),
    ("include/kedge/log/p9.hpp", SPDX + "#include <openssl/ssl.h>\n", "belongs to the component"),
    ("include/kedge/p10.hpp", SPDX + "inline auto t() { return std::chrono::steady_clock::now(); }\n", "goes around"),
    ("include/kedge/detail/p11.hpp", SPDX + "inline auto e() { return std::getenv(\"X\"); }\n", "goes around"),
    ("include/kedge/log/p12.hpp", SPDX + "using t = boost::asio::steady_timer;\n", "goes around"),
    ("include/kedge/p13.hpp", "#pragma once\n", "no SPDX line"),
    ("include/kedge/p14.hpp", SPDX + "// see ../" + "shared/design\n", "names a folder that users do not have"),
    ("include/kedge/p15.hpp", SPDX + "\n" * 400 + "int x;\n", "a file ends before"),
    ("include/kedge/p16.hpp", LONG_FUNCTION, "a function of"),
    ("include/kedge/p17.hpp", SPDX + "//" + "x" * 140 + "\n", "columns"),
    ("include/kedge/p18.hpp", SPDX.replace("#pragma once\n", ""), "no #pragma once"),
    ("include/kedge/impl/p21.ipp", SPDX + "KEDGE_DECL void f() {}\n", "no src.hpp includes it"),
    ("tests/core/p19.cpp", SPDX + "void f() { std::this_thread::sleep_for(t); }\n", "no test sleeps"),
    ("scripts/p20.py", "# SPDX-License-Identifier: BSL-1.0\n", "the top level is fixed"),
]


def check(root):
    return subprocess.run([sys.executable, ROOT / "tests/structure/check.py", root], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    copy = Path(folder) / "kedge"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", ".deps", "__pycache__"))
    for name, text, _ in PLANTED:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text)
    said = check(copy)
    missed = [f"{name}: not reported: {wanted}" for name, _, wanted in PLANTED
              if not any(line.startswith((name + ":", name.split("/")[0] + ":")) and wanted in line
                         for line in said.stdout.split("\n"))]

print("\n".join(missed) if missed else f"all {len(PLANTED)} planted violations were reported")
sys.exit(1 if missed or said.returncode == 0 else 0)
