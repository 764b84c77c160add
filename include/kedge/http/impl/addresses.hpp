// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/detail/resolve_system.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kedge::http::detail {

/// With more addresses than that the share of each in the time limit would be too short for a server far away.
inline constexpr std::size_t max_addresses = 8;

/** In the resolver's order, but the families by turns (RFC 8305, 4): where one of them leads nowhere, the second attempt is
 *  already the other's. */
inline kedge::detail::endpoints addresses_to_try(const kedge::detail::endpoints& found) {
    kedge::detail::endpoints first, second, out;
    for (const auto& e : found) (e.protocol() == found.front().protocol() ? first : second).push_back(e);
    for (std::size_t i = 0; i < std::max(first.size(), second.size()) && out.size() < max_addresses; ++i) {
        if (i < first.size()) out.push_back(first[i]);
        if (i < second.size() && out.size() < max_addresses) out.push_back(second[i]);
    }
    return out;
}

/// Until when the next of `left` addresses is tried: each gets an equal share of what remains, the last one all of it.
constexpr time_point end_of_share(time_point now, time_point end, std::size_t left) noexcept {
    return left <= 1 || end <= now ? end : now + (end - now) / static_cast<std::int64_t>(left);
}

}  // namespace kedge::http::detail
