// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <kedge/config/load.hpp>
#include <kedge/config/table.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::config::detail {

/// What is loaded so far, for whoever looks for what is wrong with it.
struct loading {
    configuration out{};
    std::vector<problem> problems{};
    std::vector<std::string_view> failed{};  ///< rows with a problem of their own: their values are not what was meant

    void note(std::string text) {
        if (std::ranges::find(out.notes, text) == out.notes.end()) out.notes.push_back(std::move(text));
    }
};

/// Looks for settings that contradict each other (problems), or that are rarely meant together (notes).
void check_together(loading&);

inline std::string source_of(const configuration& c, const row& r) {
    return c.sources[static_cast<std::size_t>(&r - table().data())];
}

/// What a problem with the value of a row has in any case.
inline problem problem_with(const configuration& c, const row& r, std::string given, std::string why, std::string source) {
    if (given.empty() && source == "default") source.clear();
    return {c.prefix + std::string(r.name), std::move(given), std::move(why), accepted(r),
            shown(r, settings{}),           std::move(source)};
}

}  // namespace kedge::config::detail
