// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/circuit_breaker.hpp>
#include <kedge/core/event.hpp>
#include <kedge/permit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace kedge::detail {

/// 64 well mixed bits (splitmix64).
constexpr std::uint64_t scramble(std::uint64_t x) noexcept {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

/// Who probes for a breaker, and hence wants to know when it has opened. Called on any thread, outside its lock.
class breaker_watcher {
public:
    virtual void breaker_opened() noexcept = 0;

protected:
    ~breaker_watcher() = default;
};

/** What the handles of a circuit breaker share: the state machine, its lock, its listener, and who probes for it.
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

    /// Places of those who are gone are used again, so that an index stays what it is while somebody counts.
    void watch(std::weak_ptr<breaker_watcher> who) {
        std::lock_guard guard(mutex_);
        const auto gone = std::find_if(watchers_.begin(), watchers_.end(), [](const auto& w) { return w.expired(); });
        if (gone != watchers_.end()) *gone = std::move(who);
        else watchers_.push_back(std::move(who));
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
        if (!change || (!on_event_ && watchers_.empty())) return;
        change->name = name_;
        try {
            queue_.push_back(*change);
        } catch (const std::bad_alloc&) {  // the breaker goes on; whoever listens misses this one
        }
    }

    void deliver(std::unique_lock<std::mutex>& guard) noexcept {
        if (delivering_) return;
        delivering_ = true;
        while (!queue_.empty()) {
            const breaker_changed what = queue_.front();
            queue_.pop_front();
            guard.unlock();
            on_event_(what);
            guard.lock();
            if (what.to == kedge::breaker_state::open) tell_watchers(guard);
        }
        delivering_ = false;
    }

    void tell_watchers(std::unique_lock<std::mutex>& guard) noexcept {
        for (std::size_t i = 0; i < watchers_.size(); ++i) {
            std::shared_ptr<breaker_watcher> who = watchers_[i].lock();
            guard.unlock();
            if (who) who->breaker_opened();
            who.reset();
            guard.lock();
        }
    }

    core::circuit_breaker core_;
    const std::string name_;
    const listener on_event_;
    std::mutex mutex_;
    std::uint64_t drawn_ = 0;
    std::deque<breaker_changed> queue_;
    std::vector<std::weak_ptr<breaker_watcher>> watchers_;
    bool delivering_ = false;
};

}  // namespace kedge::detail
