// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/circuit_breaker.hpp>
#include <kedge/concurrency_limit.hpp>
#include <kedge/core/health.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timeout.hpp>
#include <kedge/timer.hpp>
#include <kedge/verdict.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace kedge {

struct health_monitor_options {
    /// Shows in events.
    std::string name{};

    /// From the end of one check to the start of the next, 1 ms or more; ± 10 %, so that many monitors do not march in
    /// step.
    nanoseconds interval = std::chrono::seconds(30);

    /// How long a check may take, 1 ms or more.
    nanoseconds timeout = std::chrono::seconds(2);

    /// Hears @ref health_changed, in order, outside locks.
    listener on_event{};
};

namespace detail {

/// While the breaker is half-open the next check comes soon: the breaker wants several probes.
inline constexpr nanoseconds between_probes = std::chrono::milliseconds(100);

/** What the handles of a monitor share. Made of policies: a limit of one keeps checks from overlapping, a timeout bounds
 *  each of them. */
template <class Executor, class Check> struct health_state {
    health_state(const Executor& ex, health_monitor_options o, Check c, std::optional<circuit_breaker> b)
        : options(checked(std::move(o))), check(std::move(c)), breaker(std::move(b)),
          in_turn(ex, concurrency_limit{1, 16}), bounded(ex, timeout{options.timeout}), rt(runtime::of(ex)) {}

    health_snapshot snapshot(time_point now) const {
        std::unique_lock guard(mutex);
        health_snapshot seen = record.snapshot(now);
        guard.unlock();
        if (seen.state != health::up || !breaker) return seen;
        const breaker_snapshot guarded = breaker->snapshot(now);  // it may have opened since the last check
        if (guarded.state != kedge::breaker_state::closed)
            seen.state = health::degraded, seen.in_state = guarded.in_state;
        return seen;
    }

    /// Called in the check's turn, so changes are raised in order.
    void add(const error_code& result) {
        std::optional<health_changed> change;
        {
            const bool calm = !breaker || breaker->snapshot().state == kedge::breaker_state::closed;
            std::lock_guard guard(mutex);
            change = record.add(result, calm, kedge::coarse_now());
        }
        if (!change) return;
        change->name = options.name;
        options.on_event(*change);
    }

    permit probe() const {
        if (!breaker || breaker->snapshot().state == kedge::breaker_state::closed) return {};
        return breaker->try_acquire(kedge::now());
    }

    nanoseconds until_next() {
        const nanoseconds wait = core::health_record::next_wait(options.interval, rt.random());
        if (!breaker) return wait;
        const breaker_snapshot seen = breaker->snapshot(kedge::now());
        if (seen.state == kedge::breaker_state::closed) return wait;
        const bool open = seen.state == kedge::breaker_state::open;
        return std::min(wait, open ? std::max(seen.next_probe_in, between_probes) : between_probes);
    }

    static health_monitor_options checked(health_monitor_options o) {
        const auto at_least_a_millisecond = [](nanoseconds value, const char* member) {
            if (value < std::chrono::milliseconds(1))
                throw std::invalid_argument(std::string("kedge::health_monitor_options: ") + member + " = " +
                                            to_string(value) + ", but it must be 1 ms or more");
        };
        at_least_a_millisecond(o.interval, "interval");
        at_least_a_millisecond(o.timeout, "timeout");
        return o;
    }

    const health_monitor_options options;
    Check check;
    const std::optional<circuit_breaker> breaker;
    const pipeline<Executor, concurrency_limit> in_turn;
    const pipeline<Executor, timeout> bounded;
    runtime& rt;
    mutable std::mutex mutex;
    core::health_record record;
};

/// The operation "check, and remember the result"; it runs in its turn.
template <class State> struct recorded_check {
    std::shared_ptr<State> shared;

    struct step {
        std::shared_ptr<State> shared;
        permit probe{};

        template <class Self> void operator()(Self& self) {
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            probe = shared->probe();
            State& s = *shared;
            s.bounded.async_call(s.check, std::move(self));
        }
        template <class Self> void operator()(Self& self, error_code result) {
            if (self.cancelled() == boost::asio::cancellation_type::none) {
                probe.finish(classify(result), kedge::coarse_now(), result);
                shared->add(result);
            }
            probe.neutral();
            self.complete(result);
        }
    };

    template <class Token> auto operator()(Token&& token) {
        return boost::asio::async_compose<Token, void(error_code)>(step{shared}, token, shared->in_turn.get_executor());
    }
};

/// Check, wait, check, … until cancelled.
template <class State> struct health_loop {
    std::shared_ptr<State> shared;
    std::unique_ptr<timer> pause{};
    enum class phase : std::uint8_t { start, checking, waiting } at = phase::start;

    template <class Self> void operator()(Self& self, error_code = {}) {
        if (at == phase::start) {
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            pause = std::make_unique<timer>(shared->in_turn.get_executor());
        }
        if (self.cancelled() != boost::asio::cancellation_type::none) {
            pause.reset();
            return self.complete(boost::asio::error::operation_aborted);
        }
        if (at != phase::checking) {
            at = phase::checking;
            const auto& in_turn = shared->in_turn;
            recorded_check<State> next{shared};
            return in_turn.async_call(std::move(next), std::move(self));
        }
        at = phase::waiting;
        pause->expires_after(shared->until_next());
        timer& waits = *pause;
        waits.async_wait(std::move(self));
    }
};

}  // namespace detail
}  // namespace kedge
