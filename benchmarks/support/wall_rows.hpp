// SPDX-License-Identifier: BSL-1.0
#pragma once

// Rows in wall time, for what shares the machine with a server: how they are measured and printed.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace kedge_bench {

/// The arguments that all benchmarks have.
struct plan {
    std::string filter{};
    int repetitions = 7;
    std::chrono::milliseconds length{500}, warm_up{200};
    bool smoke = false;

    plan(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            if (!std::strcmp(argv[i], "--filter") && i + 1 < argc) filter = argv[++i];
            else if (!std::strcmp(argv[i], "--quick")) repetitions = 3, length = std::chrono::milliseconds(300);
            else if (!std::strcmp(argv[i], "--smoke")) be_short();
            else throw std::invalid_argument(std::string("unknown argument ") + argv[i]);
        }
    }
    bool wanted(const std::string& name) const { return std::regex_search(name, std::regex(filter)); }

private:
    void be_short() {
        smoke = true;
        repetitions = 1;
        length = warm_up = std::chrono::milliseconds(20);
    }
};

struct heading {
    std::string name;
    int threads = 1;
    std::string baseline{};
    double target_ratio = 0, target_p99 = 0;
    double target = 0;  ///< in the row's unit; 0: none
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

/// @param allocations  of each operation; 0: not counted
inline void print_row(const heading& h, const std::string& suffix, const char* unit, const std::vector<double>& values,
                      const std::vector<double>& of_baseline, double target, double allocations = 0) {
    const auto [least, most] = std::ranges::minmax(values);
    std::printf(R"({"name": "%s%s", "threads": %d, "median": %.2f, "min": %.2f, "max": %.2f, "unit": "%s", )", h.name.c_str(),
                suffix.c_str(), h.threads, middle(values), least, most, unit);
    if (of_baseline.empty()) std::printf(R"("baseline": null, "ratio": null)");
    else
        std::printf(R"("baseline": "%s%s", "ratio": %.3f)", h.baseline.c_str(), suffix.c_str(),
                    middle_ratio(values, of_baseline));
    if (target > 0) std::printf(R"(, "target_ratio": %.2f)", target);
    if (h.target > 0) std::printf(R"(, "target": %.0f)", h.target);
    if (allocations > 0) std::printf(R"(, "allocs_per_op": %.2f})" "\n", allocations);
    else std::printf(R"(, "allocs_per_op": null})" "\n");
    std::fflush(stdout);
}

}  // namespace kedge_bench
