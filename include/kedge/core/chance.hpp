// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/breaker_window.hpp>

#include <algorithm>
#include <cstdint>

// Outage or bad luck? Random errors, too, make runs of failures and crowded windows, and a breaker that opens on them
// refuses calls that would have succeeded. So a share of failures has to exceed its ratio by more than it varies, and a
// run has to be longer than the failures that are usual here explain: after health five will do, where three calls in
// ten fail it takes eight or nine. What is usual is what came before the run, in the window and in what it has left.
// The numbers are chosen by measurement: steady 30 % cost less than 0.5 % of the calls at any rate (do_no_harm.cpp).

namespace kedge::core {

/// Above `ratio` by two standard deviations of a binomial distribution: for a half, 15 of 20 or 532 of 1000. All calls
/// always suffice.
constexpr bool clearly_exceeds(double ratio, const window_counts& seen) noexcept {
    const double calls = static_cast<double>(seen.calls);
    const double above = static_cast<double>(seen.failures) - ratio * calls;
    return above >= 0 && (seen.failures == seen.calls || above * above >= 4 * calls * ratio * (1 - ratio));
}

/// How probable a failure is by what came before: at most `most`, since more than that is an outage. One success and one
/// failure are added to what was seen, as few calls prove little. Without a failure nothing is usual.
constexpr double usual_share(const window_counts& seen, const faded_counts& past, double most) noexcept {
    const double calls = static_cast<double>(seen.calls) + past.calls;
    const double failures = static_cast<double>(seen.failures) + past.failures;
    return failures < 0.5 ? 0 : std::min((failures + 1) / (calls + 2), most);
}

/// Whether a run of that probability is to be expected more often than three times in a thousand windows.
constexpr bool may_be_chance(double probability, std::int64_t calls) noexcept {
    return static_cast<double>(calls) * probability >= 0.003;
}

}  // namespace kedge::core
