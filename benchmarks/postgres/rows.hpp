// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the rows of a database are made of.

#include <support/users.hpp>
#include <support/wall_rows.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

namespace kedge_bench {

/// One figure for each repetition.
struct series {
    std::vector<double> ns{}, p99{};
    double allocations = 0;

    void add(const throughput& t) {
        ns.push_back(t.ns);
        p99.push_back(t.p99);
        allocations = t.allocations;
    }
};

/// A row for the time of an answer, and one for the 99th percentile of what users waited, if there is any.
inline void print(const heading& h, const series& s, const series& of_baseline = {}) {
    print_row(h, "", "ns", s.ns, of_baseline.ns, h.target_ratio, s.allocations);
    if (s.p99.front() > 0) print_row(h, "/p99", "us", s.p99, of_baseline.p99, h.target_p99);
}

/// Answers a second of Debian's pgbench with the same question.
inline double pgbench(const plan& p, int threads, int clients, const std::string& url) {
    const std::filesystem::path script = std::filesystem::temp_directory_path() / ("kedge-pgbench-" + std::to_string(::getpid()));
    std::ofstream(script) << "\\set x 4711\nselect :x::int4;\n";
    const std::string command = "/usr/lib/postgresql/15/bin/pgbench -n -M prepared -c " + std::to_string(clients) + " -j " +
                                std::to_string(threads) + (p.smoke ? " -t 10" : " -T 1") + " -f " + script.string() + " '" + url +
                                "' 2>&1";
    std::string said;
    FILE* const out = ::popen(command.c_str(), "r");
    for (char part[256]; out && std::fgets(part, sizeof part, out);) said += part;
    const bool good = out && ::pclose(out) == 0;
    std::filesystem::remove(script);
    std::smatch found;
    if (!good || !std::regex_search(said, found, std::regex("tps = ([0-9.]+)"))) throw std::runtime_error("pgbench: " + said);
    return std::stod(found[1]);
}

}  // namespace kedge_bench
