// SPDX-License-Identifier: BSL-1.0
#pragma once

// How the rows of a database are measured and printed: in wall time, since the server does half of the work.

#include <support/users.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

namespace kedge_bench {

/// The arguments that all benchmarks have.
struct plan {
    std::string filter{};
    int repetitions = 7;
    std::chrono::milliseconds length{500}, warm_up{200};
    std::string pgbench_length = "-T 1";

    plan(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            if (!std::strcmp(argv[i], "--filter") && i + 1 < argc) filter = argv[++i];
            else if (!std::strcmp(argv[i], "--quick")) repetitions = 3, length = std::chrono::milliseconds(300);
            else if (!std::strcmp(argv[i], "--smoke")) smoke();
            else throw std::invalid_argument(std::string("unknown argument ") + argv[i]);
        }
    }
    bool wanted(const std::string& name) const { return std::regex_search(name, std::regex(filter)); }

private:
    void smoke() {
        repetitions = 1;
        length = warm_up = std::chrono::milliseconds(20);
        pgbench_length = "-t 10";
    }
};

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

struct heading {
    std::string name;
    int threads = 1;
    std::string baseline{};
    double target_ratio = 0, target_p99 = 0;
};

inline double middle(std::vector<double> v) {
    std::ranges::sort(v);
    return v[v.size() / 2];
}

inline double middle_ratio(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
    return middle(ratios);
}

inline void print_row(const heading& h, const std::string& suffix, const char* unit, const std::vector<double>& values,
                      const std::vector<double>& of_baseline, double target) {
    const auto [least, most] = std::ranges::minmax(values);
    std::printf(R"({"name": "%s%s", "threads": %d, "median": %.2f, "min": %.2f, "max": %.2f, "unit": "%s", )", h.name.c_str(),
                suffix.c_str(), h.threads, middle(values), least, most, unit);
    if (of_baseline.empty()) std::printf(R"("baseline": null, "ratio": null)");
    else
        std::printf(R"("baseline": "%s%s", "ratio": %.3f)", h.baseline.c_str(), suffix.c_str(),
                    middle_ratio(values, of_baseline));
    if (target > 0) std::printf(R"(, "target_ratio": %.2f)", target);
}

/// A row for the time of an answer, and one for the 99th percentile of what users waited, if there is any.
inline void print(const heading& h, const series& s, const series& of_baseline = {}) {
    print_row(h, "", "ns", s.ns, of_baseline.ns, h.target_ratio);
    if (s.allocations > 0) std::printf(R"(, "allocs_per_op": %.2f})" "\n", s.allocations);
    else std::printf(R"(, "allocs_per_op": null})" "\n");
    if (s.p99.front() > 0) {
        print_row(h, "/p99", "us", s.p99, of_baseline.p99, h.target_p99);
        std::printf(R"(, "allocs_per_op": null})" "\n");
    }
    std::fflush(stdout);
}

/// Answers a second of Debian's pgbench with the same question.
inline double pgbench(const plan& p, int threads, int clients, const std::string& url) {
    const std::filesystem::path script = std::filesystem::temp_directory_path() / ("kedge-pgbench-" + std::to_string(::getpid()));
    std::ofstream(script) << "\\set x 4711\nselect :x::int4;\n";
    const std::string command = "/usr/lib/postgresql/15/bin/pgbench -n -M prepared -c " + std::to_string(clients) + " -j " +
                                std::to_string(threads) + ' ' + p.pgbench_length + " -f " + script.string() + " '" + url +
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
