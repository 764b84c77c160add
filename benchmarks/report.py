#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Plays the benchmark programs, prints their rows as a table and writes them as JSON. Started by benchmarks/run."""
import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = "{:<41}{:>3}  {:>9} {:>9} {:>9} {:<9}{:>7}  {:>7} of {:<40}{}"
COMPILER = os.environ.get("CXX", "g++")
SYNTAX = [COMPILER, "-std=c++20", "-fsyntax-only", f"-I{ROOT}/include", "-x", "c++", "-"]
OBJECT = [COMPILER, "-std=c++20", "-O0", "-c", "-o", "/dev/null", f"-I{ROOT}/include", "-x", "c++", "-"]
# a header is compared with what every user of Asio includes anyway; core headers with what they cannot avoid
BASELINES = {"compile/io_context": "#include <boost/asio/io_context.hpp>\n",
             "compile/chrono": "#include <chrono>\n#include <boost/system/error_code.hpp>\n"}
COROUTINE = """#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
%s
namespace asio = boost::asio;
%s
int main() { asio::io_context io; asio::co_spawn(io, work(io), asio::detached); io.run(); }
"""
UNIT_GOAL = 2.5  # seconds, when the bodies are compiled elsewhere
# what a user's unit does: nothing but a coroutine, or one client and one call
UNITS = {"coroutine": ("", "asio::awaitable<void> work(asio::io_context&) { co_return; }"),
         "payment_client": ("#include <kedge/payment/http_exchange.hpp>\n#include <kedge/payment_client.hpp>", """
asio::awaitable<void> work(asio::io_context& io) {
    kedge::payment_client client{io, {.url = "https://localhost"}, std::make_shared<kedge::payment::memory_journal>()};
    kedge::charge_request request{kedge::money::parse("19.90", "EUR"), kedge::card_token{"tok_visa"}};
    const kedge::payment_result result = co_await client.async_charge(request, asio::use_awaitable);
}"""),
         "sqlite_client": ("#include <kedge/sqlite/client.hpp>", """
asio::awaitable<void> work(asio::io_context& io) {
    kedge::sqlite::client client{io, {.url = "sqlite::memory:"}};
    const kedge::rows rows = co_await client.async_query("select $1 + 1", kedge::params(41), asio::use_awaitable);
    const auto [n] = rows.as<std::int64_t>().front();
}""")}

# survival/ROW/LINE/COLUMN: one table for each row
SURVIVAL = {"E0": "Do no harm: the share of calls that succeed, at random errors x calls a second",
            "E1": "Amplification: every request is reset for a minute, at 200 calls a second",
            "E2": "Metastability: at 140 calls a second, a server for 200 can serve but 40 for ten seconds",
            "E3": "Hang: the dependency is silent for a minute, at 200 calls a second",
            "E4": "Recovery: from the end of half a minute of refusals until a second after the first success",
            "E5": "Cascade: the calls of a route that does not need the tier that hangs, answered within a second",
            "E6": "Deadlines: faults of every kind for a minute; calls that end later than they may"}
SURVIVAL_COLUMNS = {"no_policy": "no policy", "plain_retry": "plain retry", "breaker_only": "breaker only",
                    "microsoft": "Microsoft", "resilience4j": "resilience4j", "kedge": "kedge",
                    "payment_client": "payment", "database_client": "database"}


def shorten(value):
    return "-" if value is None else f"{value:.3g}" if abs(value) < 10 else f"{value:.0f}"


def target_of(row):
    if "target_ratio" in row:
        target = f"<= {row['target_ratio']:g} x"
    else:
        target = row.get("goal") or (f"<= {row['target']:g}" if row.get("target") else "")
    if row.get("missed_by"):
        target += f", missed by {shorten(row['missed_by'])}"
    if "unfairness" in row:
        target += f"  max/min {row['unfairness']:.2f}"
    return target


def show(row):
    if not show.heading:
        print(COLUMNS.format("row", "thr", "median", "min", "max", "unit", "allocs", "ratio", "baseline", "target"))
        show.heading = True
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.3f}"
    mark = " !" if row.get("disturbed") else ""
    print(COLUMNS.format(row["name"], row["threads"], shorten(row["median"]), shorten(row["min"]), shorten(row["max"]),
                         row["unit"], shorten(row["allocs_per_op"]), ratio, row["baseline"] or "-", target_of(row)) + mark,
          flush=True)


show.heading = False


class SurvivalTables:
    """Prints survival rows as they come: a table for each row, a line when all its columns are there."""

    def __init__(self):
        self.table, self.line, self.cells, self.goals = None, None, {}, []

    def take(self, row):
        _, table, line, column = row["name"].split("/")
        if (table, line) != (self.table, self.line):
            self.end_line()
        if table != self.table:
            self.end_table()
            print(f"\n{table}  {SURVIVAL.get(table, '')}; medians of the seeds\n{'':<28}"
                  + "".join(f"{heading:>14}" for heading in SURVIVAL_COLUMNS.values()))
        self.table, self.line, self.cells[column] = table, line, row
        if "goal" in row:
            self.goals.append(row)

    def end_line(self):
        if self.cells:
            unit = next(iter(self.cells.values()))["unit"]
            label = self.line if unit == "share" else f"{self.line}, {unit}"
            print(f"{label:<28}" + "".join(f"{self.cell(column):>14}" for column in SURVIVAL_COLUMNS), flush=True)
        self.cells = {}

    def cell(self, column):
        row = self.cells.get(column)
        if row is None:
            return "-"
        value = f"{row['median'] * 100:.2f} %" if row["unit"] == "share" else shorten(row["median"])
        return value + (" !" if row.get("missed_by") else "")

    def end_table(self):
        if not self.goals:
            return
        missed = [row for row in self.goals if row["missed_by"]]
        print(f"the goal holds in {len(self.goals) - len(missed)} of {len(self.goals)} cells of kedge's own"
              + (", and is missed at" if missed else ""))
        for row in missed:
            share = row["unit"] == "share"
            by = f"{row['missed_by'] * 100:.2g} %" if share else f"{row['missed_by']:.3g} {row['unit']}"
            sure = f" (± {row['uncertainty'] * 100:.2g} %)" if row.get("uncertainty") else ""
            print(f"!  {row['name']}: the goal is {row['goal']}, it misses by {by}{sure}")
        self.goals = []

    def end(self):
        self.end_line()
        self.end_table()


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(command, text, repetitions):
    taken = []
    for _ in range(repetitions):
        start = cpu_of_children()
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        taken.append(cpu_of_children() - start)
        if done.returncode != 0:
            sys.exit(f"does not compile:\n{text}\n{done.stderr[:2000]}")
    return taken


def compile_rows(wanted, repetitions):
    units = {name: (SYNTAX, text, None) for name, text in BASELINES.items()}
    headers = sorted(h.relative_to(ROOT / "include/kedge") for folder in ("", "core", "log")
                     for h in (ROOT / "include/kedge" / folder).glob("*.hpp"))
    for header in headers:
        baseline = "compile/chrono" if header.parts[0] == "core" else "compile/io_context"
        units[f"compile/{header}"] = (SYNTAX, f"#include <kedge/{header}>\n", baseline)
    for name, parts in UNITS.items():
        whole = None if name == "coroutine" else "compile/unit/coroutine"
        units[f"compile/unit/{name}"] = (OBJECT + ["-DKEDGE_SEPARATE_COMPILATION"], COROUTINE % parts, whole)
        if whole:
            units[f"compile/unit/{name}/all"] = (OBJECT, COROUTINE % parts, whole)
    chosen = [n for n in units if wanted(n)]
    needed = {units[n][2] for n in chosen} | set(chosen)
    medians = {}
    for name in [n for n in units if n in needed]:
        command, text, baseline = units[name]
        taken = seconds(command, text, 1 if name.endswith("/all") else repetitions)
        medians[name] = statistics.median(taken)
        yield {"name": name, "threads": 1, "median": round(medians[name], 3), "min": round(min(taken), 3),
               "max": round(max(taken), 3), "unit": "s", "allocs_per_op": None, "baseline": baseline,
               "target": UNIT_GOAL if "-DKEDGE_SEPARATE_COMPILATION" in command and baseline else None,
               "ratio": round(medians[name] / medians[baseline], 3) if baseline else None}


def program_rows(folder, options, pattern):
    kinds = ("micro", "cloudwatch", "postgres", "scenarios", "survival")
    for program in [p for kind in kinds for p in sorted(folder.glob(f"{kind}/kedge_bench_*"))]:
        command = [program.resolve(), *options] + (["--filter", pattern] if pattern else [])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                if line.startswith("{"):
                    yield json.loads(line)
                else:
                    print(line, end="")
        if running.returncode != 0:
            sys.exit(f"{program.name} failed with {running.returncode}")


def main():
    parser = argparse.ArgumentParser(prog="benchmarks/run")
    parser.add_argument("--filter", default="", help="only rows whose name matches this regular expression")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter repetitions, no compile times; under 60 s")
    parser.add_argument("--smoke", action="store_true", help="whether the programs run at all; the figures say nothing")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    rows = []
    short = arguments.quick or arguments.smoke
    options = ["--smoke"] if arguments.smoke else ["--quick"] if arguments.quick else []
    tables = SurvivalTables()
    for row in program_rows(arguments.programs, options, arguments.filter):
        if row["name"].startswith("survival/"):
            tables.take(row)
        else:
            show(row)
        rows.append(row)
    tables.end()
    if not short or arguments.filter:
        for row in compile_rows(lambda name: bool(re.search(arguments.filter, name)), 1 if short else 5):
            show(row)
            rows.append(row)
    if not rows:
        sys.exit(f"no row matches {arguments.filter}")
    if any(row.get("disturbed") for row in rows):
        print("!  other processes were busy meanwhile: trust the ratios, and those only roughly")
    if arguments.json:
        arguments.json.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


main()
