// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "database_end.hpp"
#include "payment_end.hpp"
#include "pipelines.hpp"

#include <array>
#include <string_view>

namespace survival {

inline constexpr double may_lose_alone = 0.005;  ///< a breaker refuses, and no retry makes up for it

/// The first is what all others are measured against.
inline constexpr std::array columns{
    column{"no_policy", no_policy},
    column{"plain_retry", plain_retry},
    column{.name = "breaker_only", .make = breaker_only, .ours = true, .may_lose = may_lose_alone},
    column{.name = "microsoft", .make = microsoft, .limit = 10s, .at_a_time = 1000},
    column{.name = "resilience4j", .make = resilience4j, .limit = 1s, .at_a_time = 25},
    column{.name = "kedge", .make = kedge_defaults, .limit = 5s, .at_a_time = 32, .ours = true},
    column{.name = "payment_client", .make = payment_client, .limit = 5s, .at_a_time = 32, .ours = true},
    column{.name = "database_client", .make = database_client, .limit = 30s, .at_a_time = 20, .ours = true},
};

consteval const column& column_called(std::string_view name) {
    for (const column& c : columns)
        if (name == c.name) return c;
    throw name;
}

}  // namespace survival
