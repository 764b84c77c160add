// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/load.hpp>

#include <utility>

namespace kedge::config {

namespace detail {

inline std::string all_of(const std::vector<problem>& problems, const std::vector<std::string>& notes) {
    std::string out = "kedge: " + std::to_string(problems.size()) +
                      (problems.size() == 1 ? " setting cannot be used" : " settings cannot be used");
    for (const problem& p : problems) out += "\n  " + to_string(p);
    for (const std::string& note : notes) out += "\n  note: " + note;
    return out;
}

}  // namespace detail

KEDGE_DECL std::string to_string(const problem& p) {
    std::string out = p.source.empty() ? "" : p.source + ": ";
    if (!p.variable.empty()) out += p.variable + (p.given.empty() ? "" : " = " + p.given) + ": ";
    out += p.why;
    if (!p.accepted.empty()) out += "; accepted: " + p.accepted;
    if (!p.otherwise.empty()) out += "; default: " + p.otherwise;
    return out;
}

KEDGE_DECL bad_settings::bad_settings(std::vector<problem> problems, const std::vector<std::string>& notes)
    : std::invalid_argument(detail::all_of(problems, notes)), problems_(std::move(problems)) {}

}  // namespace kedge::config
