// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/limit_state.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace kedge {

struct limit_snapshot {
    int in_flight = 0, max = 0, waiting = 0;
};

/** At most `max` calls at a time; up to `max_waiting` more stand in a queue, in order of arrival.
 *
 *  A handle: copies, also the one in a pipeline, share the count. As a policy it refuses with `errc::limit_full`, and
 *  with `errc::deadline_too_short` when the call's time passes in the queue; the report names it either way. Waiting
 *  counts against the deadline. A place is held until the operation has really ended, also after a timeout.
 *
 *  @par Lifetimes  Pipelines of several contexts may share a limit. A context that is destroyed takes its calls out of the
 *  queue; no other thread may give a place back at that moment.
 *
 *  @par Thread safety  All members may be called from any thread. Admission is one compare-and-swap while nobody waits.
 */
class concurrency_limit {
public:
    /** @param max          calls in flight, at least 1
     *  @param max_waiting  places in the queue, at least 0; 0 refuses at once
     *  @throws std::invalid_argument names the parameter and its value */
    explicit concurrency_limit(int max, int max_waiting = 0)
        : state_(std::make_shared<detail::limit_state>(at_least(1, max, "max"), at_least(0, max_waiting, "max_waiting"))) {}

    /** For code without a pipeline. Never waits; empty, with `refusal::full`, if there is no room or others wait.
     *  The last handle must outlive the permit. */
    [[nodiscard]] permit try_acquire() noexcept { return state_->try_acquire(); }

    limit_snapshot snapshot() const noexcept { return {state_->used(), state_->max(), state_->waiting()}; }

    /// @cond  for the pipeline
    detail::limit_state& state() const noexcept { return *state_; }
    /// @endcond

private:
    static int at_least(int least, int value, const char* name) {
        if (value >= least) return value;
        throw std::invalid_argument(std::string("kedge::concurrency_limit: ") + name + " = " + std::to_string(value) +
                                    ", but it must be at least " + std::to_string(least));
    }

    std::shared_ptr<detail::limit_state> state_;
};

}  // namespace kedge
