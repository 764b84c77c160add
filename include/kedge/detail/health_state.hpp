// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
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
#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace kedge {

struct health_monitor_options {
    /// Shows in events.
    std::string name{};

    /// From the end of one check to the start of the next, 1 ms or more; ± 10 %, so that many monitors do not march in
    /// step.
    nanoseconds interval = std::chrono::seconds(30);

    /// How long a check may take, 1 ms or more.
    nanoseconds timeout = std::chrono::seconds(2);

    /// Whether a check proves as much as a call: when it passes it is a successful probe of the breaker, and three of them
    /// close it. false: it proves less; one that fails keeps the breaker open, one that passes leaves the probe to a call.
    bool closes_breaker = true;

    /// Hears @ref health_changed, in order, outside locks.
    listener on_event{};
};

namespace detail {

/// While the breaker is half-open the next check comes soon: the breaker wants several probes.
inline constexpr nanoseconds between_probes = std::chrono::milliseconds(100);

/** What the handles of a monitor share. Made of policies: a limit of one keeps checks from overlapping, a timeout bounds
 *  each of them. */
template <class Executor, class Check> class health_state final : public breaker_watcher {
public:
    using check_type = Check;

    health_state(const Executor& ex, health_monitor_options o, Check c, std::optional<circuit_breaker> b)
        : options(checked(std::move(o))), check(std::move(c)), breaker(std::move(b)),
          in_turn(ex, concurrency_limit{1, 16}), bounded(ex, timeout{options.timeout}), rt_(runtime::of(ex)) {}

    health_snapshot snapshot(time_point now) const {
        std::unique_lock guard(mutex_);
        health_snapshot seen = record_.snapshot(now);
        guard.unlock();
        if (seen.state != health::up || !breaker) return seen;
        const breaker_snapshot guarded = breaker->snapshot(now);  // it may have opened since the last check
        if (guarded.state != breaker_state::closed) seen.state = health::degraded, seen.in_state = guarded.in_state;
        return seen;
    }

    permit probe() const {
        if (!breaker || breaker->snapshot().state == breaker_state::closed) return {};
        return breaker->try_acquire(kedge::now());
    }

    /// The end of a check, called in its turn, so that changes are raised in order.
    void add(const error_code& result, permit probe) {
        const verdict said = judge(result);
        if (is_bad(said.judged) || options.closes_breaker) probe.finish(said, kedge::coarse_now(), result);
        probe.neutral();
        if (stopped_) return;
        std::optional<health_changed> change;
        {
            const bool calm = !breaker || breaker->snapshot().state == breaker_state::closed;
            std::lock_guard guard(mutex_);
            const time_point now = kedge::coarse_now();
            change = said.judged == kind::neutral ? record_.refused(result, now) : record_.add(result, calm, now);
        }
        if (!change) return;
        change->name = options.name;
        options.on_event(*change);
    }

    nanoseconds until_next() {
        const nanoseconds wait = core::health_record::next_wait(options.interval, rt_.random());
        if (!breaker) return wait;
        const breaker_snapshot seen = breaker->snapshot(kedge::now());
        if (seen.mode == breaker_mode::disabled || seen.isolations > 0) return wait;  // it takes no probes
        if (seen.state == breaker_state::open) return std::min(wait, std::max(seen.next_probe_in, between_probes));
        const bool more = seen.state == breaker_state::half_open && options.closes_breaker;
        return more ? std::min(wait, between_probes) : wait;
    }

    /// Waits until the next check is due, or may be due earlier than was thought: then the wait is cancelled.
    template <class Handler> void rest(std::shared_ptr<timer> pause, time_point latest, Handler&& handler) {
        const std::uint32_t before = alarms_;
        {
            std::lock_guard guard(mutex_);
            std::erase_if(pauses_, [](const std::weak_ptr<timer>& p) { return p.expired(); });
            pauses_.push_back(pause);
        }
        pause->expires_at(std::min(latest, core::saturating_add(rt_.now(), until_next())));
        pause->async_wait(std::forward<Handler>(handler));
        if (alarms_ != before || stopped_) pause->cancel();  // stopped since the loop looked, and before we did
    }

    /// The first probe is due sooner than the next check.
    void breaker_opened() noexcept override { wake(); }

    void stop() noexcept {
        stopped_ = true;
        wake();
    }
    bool stopped() const noexcept { return stopped_; }

    const health_monitor_options options;
    Check check;
    const std::optional<circuit_breaker> breaker;
    const pipeline<Executor, concurrency_limit> in_turn;
    const pipeline<Executor, timeout> bounded;

private:
    using breaker_state = kedge::breaker_state;

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

    static verdict judge(const error_code& result) noexcept {
        if constexpr (requires { { Check::classify(result) } noexcept -> std::same_as<verdict>; })
            return Check::classify(result);
        else return classify(result);
    }

    void wake() noexcept {
        ++alarms_;
        std::lock_guard guard(mutex_);
        for (const std::weak_ptr<timer>& p : pauses_) {
            const std::shared_ptr<timer> pause = p.lock();
            try {
                if (pause) pause->cancel();  // posts only
            } catch (...) {  // no memory: the next check comes when it was due
            }
        }
    }

    runtime& rt_;
    mutable std::mutex mutex_;
    core::health_record record_;
    std::vector<std::weak_ptr<timer>> pauses_;  // of the loops under way
    std::atomic<std::uint32_t> alarms_{0};
    std::atomic<bool> stopped_{false};
};

/// The operation "check, and remember the result"; it runs in its turn.
template <class State> struct recorded_check {
    std::shared_ptr<State> shared;

    using check_type = typename State::check_type;
    using signature = typename signature_of<check_type&>::type;
    static_assert(!outcome<signature>::by_exception, "kedge: a health check must complete with void(error_code, Ts...)");

    struct step {
        std::shared_ptr<State> shared;
        permit probe{};
        time_point deadline = never;  ///< of the caller

        template <class Self> void operator()(Self& self) {
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            probe = shared->probe();
            deadline = get_associated_attempt(self).deadline;
            State& s = *shared;
            s.bounded.async_call(s.check, call{.place = {}}, std::move(self));
        }
        template <class Self, class... Values> void operator()(Self& self, error_code result, Values... values) {
            const bool cancelled = self.cancelled() != boost::asio::cancellation_type::none;
            if (!cancelled && (!result || kedge::now() < deadline)) shared->add(result, std::move(probe));
            probe.neutral();
            self.complete(result, std::move(values)...);
        }
    };

    template <class Token> auto operator()(Token&& token) {
        return boost::asio::async_compose<Token, signature>(step{shared}, token, shared->in_turn.get_executor());
    }
};

/// Check, wait, check, … until cancelled or stopped.
template <class State> struct health_loop {
    std::shared_ptr<State> shared;
    std::shared_ptr<timer> pause{};
    enum class phase : std::uint8_t { start, checking, waiting } at = phase::start;

    template <class Self, class... Values> void operator()(Self& self, error_code = {}, Values&&...) {
        if (at == phase::start) {
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            pause = std::make_shared<timer>(shared->in_turn.get_executor());
            return shared->stopped() ? end_later(self) : check(self);
        }
        const bool cancelled = self.cancelled() != boost::asio::cancellation_type::none;
        if (cancelled || shared->stopped()) {
            pause.reset();
            return self.complete(cancelled ? error_code(boost::asio::error::operation_aborted) : error_code());
        }
        if (at == phase::checking) return rest(self, never);
        const bool woken = kedge::now() < pause->expiry();
        return woken ? rest(self, pause->expiry()) : check(self);
    }

    template <class Self> void check(Self& self) {
        at = phase::checking;
        const auto& in_turn = shared->in_turn;
        recorded_check<State> next{shared};
        in_turn.async_call(std::move(next), call{.tag = "health check"}, std::move(self));
    }

    template <class Self> void rest(Self& self, time_point latest) {
        at = phase::waiting;
        const std::shared_ptr<State> state = shared;
        state->rest(pause, latest, std::move(self));
    }

    /// Not inside the initiating function.
    template <class Self> void end_later(Self& self) {
        at = phase::waiting;
        const std::shared_ptr<timer> at_once = pause;
        at_once->async_wait(std::move(self));
    }
};

}  // namespace detail
}  // namespace kedge
