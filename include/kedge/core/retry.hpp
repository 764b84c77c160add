// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/backoff.hpp>
#include <kedge/core/retry_budget.hpp>

#include <cstdint>

namespace kedge::core {

/// An attempt that is given less time than this is not worth its cost.
inline constexpr nanoseconds least_attempt = std::chrono::milliseconds(1);

struct retry_rules {
    int max_retries = 3;  ///< tries after the first
    backoff_rules pace{};
    nanoseconds max_hint = std::chrono::seconds(5);
};

/// What may be repeated besides nothing.
enum class repeatable : std::uint8_t {
    nothing,     ///< the caller forbids it
    unsent,      ///< what certainly was not executed
    everything,  ///< executing it twice is the same as once
};

/// Whether a retry is worth thinking about: it went wrong, or the server is fine and asks to be asked again.
constexpr bool may_repeat(verdict said) noexcept {
    return is_bad(said.judged) || (said.judged == kind::neutral && said.again != replay::never);
}

/// The end of one attempt.
struct attempt_end {
    int number = 1;  ///< of the attempt, from 1
    verdict said{};
    repeatable allowed = repeatable::unsent;
    time_point now{}, deadline = never;
    bool cancelled = false;    ///< by the caller, during or after the attempt
    std::uint64_t random = 0;  ///< 64 random bits
};

enum class retry_stop : std::uint8_t {
    none,            ///< again, after `wait`
    settled,         ///< nothing to repeat: success, or neutral without a wish to be repeated
    cancelled,       ///< by the caller
    not_retryable,   ///< repeating is pointless or dangerous
    not_idempotent,  ///< it would have been repeated, had it been declared harmless
    exhausted,       ///< `max_retries` made
    hint_too_long,   ///< the server asks for a longer wait than `max_hint`
    deadline,        ///< the wait and an attempt do not fit in the time left
    budget,          ///< no token left
};

struct retry_decision {
    retry_stop stop = retry_stop::none;
    nanoseconds wait{0};

    bool again() const noexcept { return stop == retry_stop::none; }
};

/** Decides whether an attempt is followed by another, and when. A success at the first try pays into the budget; a
 *  retry is paid for here, before its wait: give the token back (`retry_budget::refund`) if the wait is cancelled. */
inline retry_decision decide(const retry_rules& rules, retry_budget& budget, const attempt_end& end) noexcept {
    if (!may_repeat(end.said)) {
        if (end.said.judged == kind::success && end.number == 1) budget.deposit(end.now);
        return {retry_stop::settled};
    }
    if (end.cancelled) return {retry_stop::cancelled};
    if (end.said.again == replay::never || end.allowed == repeatable::nothing) return {retry_stop::not_retryable};
    if (end.number > rules.max_retries) return {retry_stop::exhausted};
    if (end.said.again == replay::if_idempotent && end.allowed != repeatable::everything)
        return {retry_stop::not_idempotent};
    if (end.said.retry_after > rules.max_hint) return {retry_stop::hint_too_long};

    // Who asks to be asked again needs as much time as who is overloaded.
    const kind why = end.said.judged == kind::neutral ? kind::overload : end.said.judged;
    const nanoseconds wait = backoff(rules.pace, end.number, why, end.said.retry_after, end.random);
    if (end.deadline != never && saturating_add(saturating_add(end.now, wait), least_attempt) > end.deadline)
        return {retry_stop::deadline};
    if (!budget.withdraw(end.now)) return {retry_stop::budget};
    return {retry_stop::none, wait};
}

}  // namespace kedge::core
