// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/circuit_breaker.hpp>
#include <kedge/concurrency_limit.hpp>
#include <kedge/core/retry.hpp>
#include <kedge/detail/call_state.hpp>
#include <kedge/detail/queue_place.hpp>
#include <kedge/retry.hpp>
#include <kedge/timeout.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

// What each policy does when a call passes on its way in (`enter`) and with its result on its way out (`leave`).
// Pure but for the shared objects: driven by the asynchronous frame and by the blocking shell alike.

namespace kedge::detail {

struct admission {
    error_code refusal{};
    stage who = stage::none;
    bool queued = false;  ///< the place's `granted` will be called; then enter again
};

/// A stage returns the wait before the next attempt, or nothing to let the result pass.
using next_attempt = std::optional<nanoseconds>;

template <class Policy> struct stage_of;

template <stage Who> struct limiting_stage {
    static constexpr bool repeats = false, timed = true;
    time_limit outer{};

    admission tighten(nanoseconds limit, call_state& s) noexcept {
        outer = s.limit;
        const time_point at = limit == nanoseconds::max() ? never : core::saturating_add(s.now, limit);
        if (at < s.limit.at) s.limit = {at, Who};
        return {};
    }
    template <class Policy> next_attempt leave(const Policy&, call_state& s, verdict, const error_code&) noexcept {
        s.limit = outer;
        return {};
    }
};

template <> struct stage_of<timeout> : limiting_stage<stage::timeout> {
    admission enter(const timeout& p, call_state& s, queue_place&) noexcept { return tighten(p.limit, s); }
};

template <> struct stage_of<total_timeout> : limiting_stage<stage::total_timeout> {
    admission enter(const total_timeout& p, call_state& s, queue_place&) noexcept { return tighten(p.limit, s); }
};

template <> struct stage_of<circuit_breaker> {
    static constexpr bool repeats = false, timed = false;
    permit held{};

    admission enter(circuit_breaker& breaker, call_state& s, queue_place&) noexcept {
        held = breaker.try_acquire(s.now);
        s.probes = held.probes();
        if (held) return {};
        s.retry_after = held.retry_after();
        return {errc::circuit_open, stage::breaker};
    }
    admission enter_again(circuit_breaker& breaker, call_state& s, queue_place& place) noexcept {
        held.neutral();
        return enter(breaker, s, place);
    }
    next_attempt leave(circuit_breaker&, call_state&, verdict v, const error_code& ec) noexcept {
        held.finish(v, coarse_now(), ec);
        return {};
    }
};

template <> struct stage_of<concurrency_limit> {
    static constexpr bool repeats = false, timed = false;
    permit held{};

    /// A breaker's probe does not queue: it would tell how long the queue is, not whether the dependency is back.
    admission enter(const concurrency_limit& limit, call_state& s, queue_place& place) noexcept {
        if (!place.slot) {
            const auto entered = limit.state().enter(place, !s.probes);
            if (entered == limit_state::entry::full) return {errc::limit_full, stage::limit};
            if (entered == limit_state::entry::queued) return {{}, stage::limit, true};
        }
        held = std::move(place.slot);
        return {};
    }
    next_attempt leave(const concurrency_limit&, call_state&, verdict, const error_code&) noexcept {
        held.neutral();
        return {};
    }
};

/// For a call whose turn has come in the line of stage number `end`: the breakers further out may have opened meanwhile.
/// If one has, the place in the limit is given back.
template <class Stages, class Policies>
admission enter_again(Stages& stages, Policies& policies, std::size_t end, call_state& s, queue_place& place) noexcept {
    admission answer{};
    const auto ask = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        [[maybe_unused]] auto& stage = std::get<I>(stages);
        if constexpr (requires { stage.enter_again(std::get<I>(policies), s, place); })
            if (I < end && !answer.refusal) answer = stage.enter_again(std::get<I>(policies), s, place);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (ask(std::integral_constant<std::size_t, I>()), ...);
    }(std::make_index_sequence<std::tuple_size_v<Stages>>());
    if (answer.refusal) place.slot.neutral();
    return answer;
}

/// The line to write when a retry was due and not allowed.
inline constexpr std::string_view repeat_advice = "kedge::retry{{.idempotent = true}}, if executing it twice is harmless";

template <> struct stage_of<retry> {
    static constexpr bool repeats = true, timed = false;
    static constexpr int none = -1;
    int paid_after = none;  ///< the attempt whose retry was paid for

    admission enter(const retry&, call_state&, queue_place&) noexcept {
        paid_after = none;
        return {};
    }

    next_attempt leave(const retry& policy, call_state& s, verdict v, const error_code& ec) noexcept {
        if (paid_after == s.attempts) policy.budget().core().refund(s.now);  // and it was never made
        if (s.refused) return {};
        const bool again = core::may_repeat(v);
        if (again) s.now = s.rt.now();
        const core::retry_decision decision =
            core::decide(policy.rules(), policy.budget().core(),
                         {s.attempts, v, policy.allows(s.asked.repeating), s.now, s.limit.at, s.cancelled,
                          again ? s.rt.random() : 0});
        if (!decision.again()) {
            give_up(policy, s, decision.stop, v, ec);
            return {};
        }
        paid_after = s.attempts;
        if (policy.options().on_event) policy.options().on_event(retry_scheduled{s.attempts, decision.wait, ec});
        return decision.wait;
    }

private:
    static void give_up(const retry& policy, call_state& s, core::retry_stop why, verdict v, const error_code& ec) noexcept {
        if (const stage who = stopped_by(why); who != stage::none) s.stopped_by = who;
        if (v.retry_after > nanoseconds::zero()) s.retry_after = v.retry_after;
        if (why != core::retry_stop::not_idempotent) return;
        if (s.asked.report) s.asked.report->not_repeatable = true;
        if (!s.advised->exchange(true, std::memory_order_relaxed))
            policy.options().on_event(retry_suppressed{ec, repeat_advice});
    }
};

}  // namespace kedge::detail
