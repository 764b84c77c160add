// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/circuit_breaker.hpp>
#include <kedge/core/event.hpp>
#include <kedge/permit.hpp>

#include <cstdint>
#include <deque>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace kedge::detail {

/// 64 well mixed bits (splitmix64).
constexpr std::uint64_t scramble(std::uint64_t x) noexcept {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

/** What the handles of a circuit breaker share: the state machine, its lock, and its listener.
 *
 *  Changes are queued under the lock and delivered outside it by whichever thread finds nobody delivering, so a
 *  listener hears them in order, one at a time, and may call the breaker.
 */
class breaker_state {
public:
    breaker_state(std::string name, const core::breaker_rules& rules, listener on_event)
        : core_(rules, kedge::coarse_now()), name_(std::move(name)), on_event_(std::move(on_event)) {}

    permit try_acquire(time_point now) noexcept {
        core::admission answer;
        if (!core_.try_admit(now, answer)) [[unlikely]]
            under_lock([&] { answer = core_.admit(now, random()); });
        if (answer.why != refusal::none) return permit::refused(answer.why, answer.retry_after);
        return permit(this, &breaker_state::settle, answer.ticket, now, core::circuit_breaker::is_probe(answer.ticket));
    }

    breaker_snapshot snapshot(time_point now) noexcept {
        std::lock_guard guard(mutex_);
        return core_.snapshot(now);
    }

    void mode(breaker_mode wanted) noexcept {
        under_lock([&] { core_.mode(wanted); });
    }
    void isolate() noexcept {
        under_lock([&] { core_.isolate(); });
    }
    void end_isolation() noexcept {
        under_lock([&] { core_.end_isolation(); });
    }
    void reset(time_point now) noexcept {
        under_lock([&] { core_.reset(now); });
    }
    void probe_lease(nanoseconds lease) noexcept {
        under_lock([&] { core_.probe_lease(lease); });
    }

private:
    static void settle(void* self, std::uint64_t ticket, const core::outcome& end) noexcept {
        auto& me = *static_cast<breaker_state*>(self);
        if (me.core_.try_settle(ticket, end)) [[likely]]
            return;
        me.under_lock([&] { me.core_.settle(ticket, end, me.random()); });
    }

    /// Breakers of one name in many processes should not probe in step: they open at different nanoseconds.
    std::uint64_t random() noexcept {
        return scramble(static_cast<std::uint64_t>(kedge::now().time_since_epoch().count()) + ++drawn_);
    }

    template <class Step> void under_lock(Step step) noexcept {
        std::unique_lock guard(mutex_);
        step();
        queue_change();
        deliver(guard);
    }

    void queue_change() noexcept {
        auto change = core_.take_change();
        if (!change || !on_event_) return;
        change->name = name_;
        try {
            queue_.push_back(*change);
        } catch (const std::bad_alloc&) {  // the breaker goes on; its listener misses this one
        }
    }

    void deliver(std::unique_lock<std::mutex>& guard) noexcept {
        if (delivering_) return;
        delivering_ = true;
        while (!queue_.empty()) {
            const event what = queue_.front();
            queue_.pop_front();
            guard.unlock();
            on_event_(what);
            guard.lock();
        }
        delivering_ = false;
    }

    core::circuit_breaker core_;
    const std::string name_;
    const listener on_event_;
    std::mutex mutex_;
    std::uint64_t drawn_ = 0;
    std::deque<breaker_changed> queue_;
    bool delivering_ = false;
};

}  // namespace kedge::detail
