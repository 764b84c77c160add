// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/core/event.hpp>
#include <kedge/detail/breaker_state.hpp>
#include <kedge/permit.hpp>

#include <memory>
#include <string>
#include <utility>

namespace kedge {

/// Durations are checked when the breaker is built. Sources and reasons: docs/policies/circuit-breaker.md.
struct circuit_breaker_options {
    /// Shows in events.
    std::string name{};

    /// So many failures in a row open it, 1 or more; more if calls have failed before, so that chance explains the run.
    /// With `minimum_calls` or more in the window, it must also have lasted 1 s.
    int consecutive_failures = 5;

    /// Clearly more than this share of failures in the window opens it (of a half: 15 of 20, 532 of 1000), above 0, at
    /// most 1; judged from `minimum_calls` on.
    double failure_ratio = 0.5;

    /// What the ratio looks back on, 100 ms to 1 h. 0: consecutive failures only, without the 1 s.
    nanoseconds window = std::chrono::seconds(10);

    /// Fewer calls in the window say nothing about a ratio. 1 or more.
    int minimum_calls = 20;

    /// A success that takes this long counts as a failure. 0: off.
    nanoseconds slow_call{0};

    /// How long it stays open, 1 ms or more; doubled while no probe succeeds, and half of it is jitter.
    nanoseconds open_for = std::chrono::seconds(5);

    /// The longest it stays open, `open_for` to 24 h, also when the server asks for more.
    nanoseconds open_for_max = std::chrono::seconds(60);

    /// Hears @ref breaker_changed once per transition, in order, outside locks.
    listener on_event{};
};

/// Keeps a circuit breaker shut while it lives; several may. Move-only.
class [[nodiscard]] isolation {
public:
    isolation() noexcept = default;
    isolation(isolation&&) noexcept = default;
    isolation& operator=(isolation&& other) noexcept {
        release();
        state_ = std::move(other.state_);
        return *this;
    }
    ~isolation() { release(); }

    void release() noexcept {
        if (const auto state = std::exchange(state_, nullptr)) state->end_isolation();
    }

private:
    friend class circuit_breaker;
    explicit isolation(std::shared_ptr<detail::breaker_state> state) noexcept : state_(std::move(state)) {
        state_->isolate();
    }

    std::shared_ptr<detail::breaker_state> state_;
};

/** Stops calling what does not answer, and finds out by itself when it does again.
 *
 *  Closed: calls pass and are counted. Open: calls are refused at once, for a time that grows with each failed
 *  recovery.
 *  Half-open: one call at a time goes through as a probe; three successes close it, one failure opens it again.
 *  Only failures and overload count against the dependency; an error of the application is an answer, hence a success,
 *  and a cancelled call says nothing.
 *
 *  A handle: copies, also the one in a pipeline, share the state. As a policy it refuses with `errc::circuit_open`; the
 *  report says when to come back.
 *
 *  @par Lifetimes     Permits do not own the breaker: the last handle must outlive them. Pipelines hold a handle.
 *  @par Thread safety All members may be called from any thread.
 *  @par Complexity    Closed: one atomic load; a success adds to the window. A refusal allocates nothing.
 */
class circuit_breaker {
public:
    /// @throws std::invalid_argument names the member, its value and its range
    explicit circuit_breaker(circuit_breaker_options options = {});

    /** Asks for permission to make one call; for code without a pipeline.
     *  @param now  may step back by 10 ms between calls
     *  @return empty if refused; then `why()` and `retry_after()` explain */
    permit try_acquire(time_point now = kedge::coarse_now()) const noexcept { return state_->try_acquire(now); }

    /// Consistent: all numbers of one moment.
    breaker_snapshot snapshot(time_point now = kedge::coarse_now()) const noexcept { return state_->snapshot(now); }

    /// Refuses every call until the result is destroyed; for maintenance and feature flags.
    isolation isolate() const { return isolation(state_); }

    void mode(breaker_mode wanted) const noexcept { state_->mode(wanted); }

    /// Closes it and forgets everything; results of calls under way are ignored.
    void reset(time_point now = kedge::coarse_now()) const noexcept { state_->reset(now); }

    /// @cond  for the facades: a probe that takes longer than an attempt may has failed
    void probe_lease(nanoseconds lease) const noexcept { state_->probe_lease(lease); }

    /// for who probes
    void watch(std::weak_ptr<detail::breaker_watcher> who) const { state_->watch(std::move(who)); }
    /// @endcond

private:
    std::shared_ptr<detail::breaker_state> state_;
};

/// "closed", "open" or "half_open".
const char* to_string(breaker_state) noexcept;

/// "open for 2.1 s, next probe in 1.4 s; 12 of 20 calls failed (60 %), 7 in a row, last: timed out; 182 refused"
std::string to_string(const breaker_snapshot&);

}  // namespace kedge

#include <kedge/impl/circuit_breaker.ipp>
