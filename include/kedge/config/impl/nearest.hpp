// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::config::detail {

/// How many letters have to be changed, added or left out, or neighbours exchanged, to make `b` of `a` (restricted Damerau).
inline std::size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

/// The name, in capitals as all are, that was probably meant: at most a third of its letters differ. Empty: none.
inline std::string_view nearest(std::string_view text, std::span<const std::string> names) {
    constexpr std::size_t longest = 64;
    std::string_view best;
    std::size_t least = text.size() / 3 + 1;
    if (text.size() > longest) return best;
    std::string name(text);
    for (char& c : name)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    for (const std::string& candidate : names) {
        const std::size_t edits = edits_between(name, candidate);
        if (edits < least) least = edits, best = candidate;
    }
    return best;
}

}  // namespace kedge::config::detail
