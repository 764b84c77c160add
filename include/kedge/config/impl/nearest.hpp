// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

inline std::vector<std::string_view> words_of(std::string_view name) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto end = name.find('_');
        out.push_back(name.substr(0, end));
        if (end == std::string_view::npos) return out;
        name.remove_prefix(end + 1);
    }
}

/// Whether both words say the same here: equal, of one stem (RETRY, RETRIES), or what other libraries call it.
inline bool are_akin(std::string_view a, std::string_view b) noexcept {
    constexpr std::size_t least_stem = 4, longest_ending = 3;
    using namespace std::string_view_literals;
    constexpr std::array<std::array<std::string_view, 4>, 3> synonyms = {
        {{"DB"sv, "DATABASE"sv}, {"POOL"sv, "CONNECTIONS"sv}, {"MAX"sv, "SIZE"sv, "LIMIT"sv, "ATTEMPTS"sv}}};
    const auto has_both = [&](const auto& group) {
        return std::ranges::find(group, a) != group.end() && std::ranges::find(group, b) != group.end();
    };
    const auto stem = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
    const bool one_stem = stem >= least_stem && std::max(a.size(), b.size()) - stem <= longest_ending;
    return a == b || one_stem || (!a.empty() && !b.empty() && std::ranges::any_of(synonyms, has_both));
}

/// How many of the words of `a` are akin to none of `b`.
inline std::size_t strangers(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
    return static_cast<std::size_t>(std::ranges::count_if(a, [&](std::string_view word) {
        return std::ranges::none_of(b, [&](std::string_view other) { return are_akin(word, other); });
    }));
}

/// The name that has all words of the text, two at least, and fewest others; of several the one with the fewest edits.
inline std::string_view nearest_in_words(std::string_view text, std::span<const std::string> names) {
    const std::vector<std::string_view> words = words_of(text);
    std::string_view best;
    std::pair<std::size_t, std::size_t> least{SIZE_MAX, 0};
    if (words.size() < 2) return best;
    for (const std::string& candidate : names) {
        const std::vector<std::string_view> others = words_of(candidate);
        if (strangers(words, others) > 0) continue;
        const std::pair distance{strangers(others, words), edits_between(text, candidate)};
        if (distance < least) least = distance, best = candidate;
    }
    return best;
}

/// The name, in capitals as all are, that was probably meant: at most a third of its letters differ, or it has all of its words.
/// Empty: none.
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
    return best.empty() ? nearest_in_words(name, names) : best;
}

}  // namespace kedge::config::detail
