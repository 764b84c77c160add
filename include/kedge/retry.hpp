// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/core/event.hpp>
#include <kedge/core/retry.hpp>
#include <kedge/retry_budget.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace kedge {

struct retry_options {
    /// Tries *after* the first, 0 to 1000: 3 makes up to 4 attempts. Default: Google's SRE book, chapter 21, and AWS.
    int max_retries = 3;

    /// The first wait, above 0; it doubles with each retry. After overload the first wait is at least 1 s (AWS).
    nanoseconds base = std::chrono::milliseconds(100);

    /// The longest wait, at least `base`; a server's hint may be longer.
    nanoseconds cap = std::chrono::seconds(2);

    /// full: between 0 and the wait; equal: between its half and it; none.
    jitter spread = jitter::full;

    /// Executing the operation twice is the same as once. Without it only what certainly was not sent is repeated.
    /// `call::repeating` overrides it for one call.
    bool idempotent = false;

    /// A server that asks for a longer wait (Retry-After) is not waited for: the hint goes to the caller. At least 0.
    nanoseconds max_hint = std::chrono::seconds(5);

    /// Hears `retry_scheduled` and, once per pipeline, `retry_suppressed` and `retries_have_no_time`.
    listener on_event{};
};

/** Repeats what failed, as a policy of a pipeline.
 *
 *  A value; the budget inside is a handle, so copies share it. Repeats only what the classifier allows, what is
 *  declared idempotent or certainly was not sent, what fits before the deadline, and what the budget pays for. When it
 *  stops, the result is the dependency's last error; the report says why.
 */
class retry {
public:
    /// With a budget of its own. @throws std::invalid_argument names the member, its value and its range
    explicit retry(retry_options options = {}) : retry(std::move(options), retry_budget{}) {}

    /// With a budget that others share.
    retry(retry_options options, retry_budget budget) : options_(std::move(options)), budget_(std::move(budget)) {
        check(options_.max_retries >= 0 && options_.max_retries <= 1000, "max_retries",
              std::to_string(options_.max_retries), "0 to 1000");
        check(options_.base > nanoseconds::zero(), "base", to_string(options_.base), "above 0");
        check(options_.cap >= options_.base, "cap", to_string(options_.cap), "at least `base`");
        check(options_.max_hint >= nanoseconds::zero(), "max_hint", to_string(options_.max_hint), "at least 0");
    }

    const retry_options& options() const noexcept { return options_; }
    const retry_budget& budget() const noexcept { return budget_; }

    /// @cond  for the pipeline
    core::retry_rules rules() const noexcept {
        return {options_.max_retries, {options_.base, options_.cap, options_.spread}, options_.max_hint};
    }

    /// What this call allows to repeat.
    core::repeatable allows(repeat wanted) const noexcept {
        if (wanted == repeat::forbidden) return core::repeatable::nothing;
        const bool harmless = wanted == repeat::harmless || options_.idempotent;
        return harmless ? core::repeatable::everything : core::repeatable::unsent;
    }
    /// @endcond

private:
    static void check(bool valid, const char* member, const std::string& value, const char* range) {
        if (!valid)
            throw std::invalid_argument(std::string("kedge::retry_options: ") + member + " = " + value +
                                        ", but it must be " + range);
    }

    retry_options options_;
    retry_budget budget_;
};

namespace detail {

/// Who ended the call, as its report says. `none`: the result is simply the operation's own.
constexpr stage stopped_by(core::retry_stop why) noexcept {
    switch (why) {
    case core::retry_stop::exhausted:
    case core::retry_stop::hint_too_long: return stage::retry;
    case core::retry_stop::deadline: return stage::total_timeout;
    case core::retry_stop::budget: return stage::budget;
    case core::retry_stop::none:
    case core::retry_stop::settled:
    case core::retry_stop::cancelled:
    case core::retry_stop::not_retryable:
    case core::retry_stop::not_idempotent: break;
    }
    return stage::none;
}

}  // namespace detail
}  // namespace kedge
