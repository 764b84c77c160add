// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/queue_place.hpp>

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace kedge::detail {

/** The counter and the queue behind a concurrency limit.
 *
 *  One word holds twice the calls in flight plus one bit "somebody waits". Waiting begins only while the limit is
 *  reached, and a place given back then goes to the head of the queue (hand-off, no barging). So the common case is one
 *  compare-and-swap on each side, and the mutex is taken only when somebody has to wait.
 */
class limit_state {
public:
    limit_state(int max, int max_waiting) noexcept : max_(max), max_waiting_(max_waiting) {}

    permit try_acquire() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while (!(seen & waiting_bit) && in_flight(seen) < max_)
            if (word_.compare_exchange_weak(seen, seen + one, std::memory_order_acquire, std::memory_order_relaxed))
                return admit();
        return permit::refused(refusal::full);
    }

    enum class entry { admitted, queued, full };

    /// On `queued`, `place.granted` will be called unless @ref leave returns true before.
    entry enter(queue_place& place, bool may_wait = true) noexcept {
        if ((place.slot = try_acquire())) return entry::admitted;
        if (max_waiting_ == 0 || !may_wait) return entry::full;
        std::lock_guard guard(mutex_);
        for (std::uint32_t seen = word_.load(std::memory_order_relaxed); !(seen & waiting_bit);) {
            const bool room = in_flight(seen) < max_;
            const std::uint32_t wanted = room ? seen + one : seen | waiting_bit;
            if (!word_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
            if (!room) break;
            place.slot = admit();
            return entry::admitted;
        }
        if (waiting_ >= max_waiting_) return entry::full;
        queue_.push_back(place);
        ++waiting_;
        place.entered = this;
        place.waiting = true;
        return entry::queued;
    }

    /// True: the place was still waiting and is out of the queue.
    bool leave(queue_place& place) noexcept {
        std::lock_guard guard(mutex_);
        if (!place.waiting) return false;
        remove(place);
        return true;
    }

    int used() const noexcept { return in_flight(word_.load(std::memory_order_relaxed)); }
    int max() const noexcept { return max_; }
    int waiting() const noexcept {
        std::lock_guard guard(mutex_);
        return waiting_;
    }

private:
    static constexpr std::uint32_t waiting_bit = 1, one = 2;
    static int in_flight(std::uint32_t word) noexcept { return static_cast<int>(word / one); }

    permit admit() noexcept {
        return permit(this, [](void* self, std::uint64_t, const core::outcome&) noexcept {
            static_cast<limit_state*>(self)->give_back();
        }, 0);
    }

    void give_back() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while (!(seen & waiting_bit))
            if (word_.compare_exchange_weak(seen, seen - one, std::memory_order_release, std::memory_order_relaxed)) return;
        queue_place* next = nullptr;
        {
            std::lock_guard guard(mutex_);
            if (!queue_.empty()) {
                next = &queue_.front();
                remove(*next);
                next->slot = admit();
            }
        }
        if (next) next->granted(next);
        else give_back();  // the last waiter left in between and took the bit away
    }

    void remove(queue_place& place) noexcept {
        queue_.erase(queue_.iterator_to(place));
        place.waiting = false;
        if (--waiting_ == 0) word_.fetch_and(~waiting_bit, std::memory_order_release);
    }

    alignas(64) std::atomic<std::uint32_t> word_{0};
    const int max_, max_waiting_;
    mutable std::mutex mutex_;
    int waiting_ = 0;
    boost::intrusive::list<queue_place, boost::intrusive::constant_time_size<false>> queue_;
};

}  // namespace kedge::detail
