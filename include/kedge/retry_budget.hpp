// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/retry_budget.hpp>
#include <kedge/core/retry_budget_snapshot.hpp>
#include <kedge/runtime.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace kedge {

/** Limits the retries of everything that shares it to about a tenth of its calls plus one a second.
 *
 *  A handle: copies share the tokens. Starts full; a retry costs one token, a success at the first try deposits 0.1,
 *  one a second comes back by itself. Give all pipelines to one server the same budget.
 *
 *  @par Thread safety  All members may be called from any thread; lock-free.
 */
class retry_budget {
public:
    /// @param cap  tokens, 1 to 1'000'000; 100 is what MongoDB and userver use @throws std::invalid_argument
    explicit retry_budget(int cap = 100) : core_(std::make_shared<core::retry_budget>(checked(cap))) {}

    retry_budget_snapshot snapshot(time_point now = kedge::coarse_now()) const noexcept {
        return {core_->tokens(now), core_->cap()};
    }

    /// @cond  for the pipeline
    core::retry_budget& core() const noexcept { return *core_; }
    /// @endcond

private:
    static int checked(int cap) {
        if (cap >= 1 && cap <= 1'000'000) return cap;
        throw std::invalid_argument("kedge::retry_budget: cap = " + std::to_string(cap) +
                                    ", but it must be 1 to 1000000");
    }

    std::shared_ptr<core::retry_budget> core_;
};

}  // namespace kedge
