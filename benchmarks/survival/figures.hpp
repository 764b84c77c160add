// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the survival rows print: one JSON object a line, in the interface of all benchmarks.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace survival {

/// Whether it is reached is told by the mean of all seeds or by the worst of them, as the row says.
struct goal {
    bool at_least = false;  ///< otherwise: at most
    double bound = 0, reached = 0;

    double missed_by() const noexcept { return std::max(0., at_least ? bound - reached : reached - bound); }
};

/// One figure: a column in a line of a row. `values` has one for each seed.
struct figure {
    std::string name, unit, baseline{};
    std::vector<double> values, of_baseline{};
    std::optional<goal> wanted{};
};

inline double mean(const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.) / static_cast<double>(v.size());
}

inline double median(std::vector<double> v) {
    std::ranges::sort(v);
    return v[v.size() / 2];
}

/// Half the width of the 95 % confidence interval of the mean of `a - b`, pair by pair; 0 for a single pair.
inline double uncertainty(const std::vector<double>& a, const std::vector<double>& b) {
    constexpr double student[] = {0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31};
    const std::size_t n = a.size();
    if (n < 2) return 0;
    const double centre = mean(a) - mean(b);
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) squares += (a[i] - b[i] - centre) * (a[i] - b[i] - centre);
    const double t = student[std::min(n - 1, std::size(student) - 1)];
    return t * std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
}

/// A row in the interface of all benchmarks.
inline std::string json_of(const figure& f) {
    char text[512];
    const auto [least, most] = std::ranges::minmax(f.values);
    std::snprintf(text, sizeof text, R"({"name": "%s", "threads": 1, "median": %.6g, "min": %.6g, "max": %.6g, "unit": "%s")",
                  f.name.c_str(), median(f.values), least, most, f.unit.c_str());
    std::string row = std::string(text) + R"(, "allocs_per_op": null, )";
    if (f.baseline.empty()) {
        row += R"("baseline": null, "ratio": null)";
    } else {
        std::snprintf(text, sizeof text, R"("baseline": "%s", "ratio": %.4g, "uncertainty": %.2g)", f.baseline.c_str(),
                      mean(f.values) / mean(f.of_baseline), uncertainty(f.values, f.of_baseline));
        row += text;
    }
    if (f.wanted) {
        std::snprintf(text, sizeof text, R"(, "goal": "%s %.4g", "missed_by": %.4g)", f.wanted->at_least ? ">=" : "<=",
                      f.wanted->bound, f.wanted->missed_by());
        row += text;
    }
    return row + "}";
}

/// The figures somebody asked for.
class figures {
public:
    explicit figures(const std::string& filter) : filter_(filter) {}

    bool wanted(const std::string& name) const { return std::regex_search(name, filter_); }

    void print(const figure& f) const {
        if (!wanted(f.name)) return;
        std::puts(json_of(f).c_str());
        std::fflush(stdout);
    }

private:
    std::regex filter_;
};

}  // namespace survival
