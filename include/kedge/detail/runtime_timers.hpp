// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/timer_wheel.hpp>
#include <kedge/detail/runtime_clock.hpp>
#include <kedge/detail/runtime_lock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>

namespace kedge::detail {

inline constexpr int tick_shift = 22;  // a tick is 4.19 ms: a shift on the hot path instead of a division
inline constexpr std::int64_t exact_below = 100'000'000;

/// Memory for the handler of the alarm, so that it does not compete for the two blocks that asio recycles per thread.
class alarm_memory {
public:
    void* allocate(std::size_t size) {
        if (size <= block_size) {
            for (auto& b : blocks_)
                if (!b.used.exchange(true, std::memory_order_acquire)) return b.bytes;
        }
        return ::operator new(size);
    }

    void deallocate(void* p) noexcept {
        for (auto& b : blocks_)
            if (p == b.bytes) return b.used.store(false, std::memory_order_release);
        ::operator delete(p);
    }

private:
    static constexpr std::size_t block_size = 256;
    struct block {
        alignas(std::max_align_t) std::byte bytes[block_size];
        std::atomic<bool> used{false};
    };
    std::array<block, 2> blocks_;
};

template <class T> struct alarm_allocator {
    using value_type = T;

    explicit alarm_allocator(alarm_memory& m) noexcept : memory(&m) {}
    template <class U> alarm_allocator(const alarm_allocator<U>& other) noexcept : memory(other.memory) {}
    T* allocate(std::size_t n) { return static_cast<T*>(memory->allocate(n * sizeof(T))); }
    void deallocate(T* p, std::size_t) noexcept { memory->deallocate(p); }
    friend bool operator==(alarm_allocator a, alarm_allocator b) noexcept { return a.memory == b.memory; }

    alarm_memory* memory;
};

/** The real timers of one execution context: a wheel in shards by thread for what is far, an exact set for what is
 *  near, and one asio timer, the alarm, that is set only while something is armed. `docs/design/runtime.md` tells why.
 *
 *  Who changes a collection does so under its lock and *then* reads `alarm_at_` or `dozing_`; who plans the next alarm
 *  writes them and *then* takes each lock. So one of the two sees the other. Order: `alarm_mutex_` before all others.
 */
class timer_service {
public:
    ~timer_service() = default;

    /// The alarm rings on a thread that runs the context, past any strand: the system executor runs a handler in place.
    void bind(const boost::asio::any_io_executor& ex) {
        std::lock_guard lock(alarm_mutex_);
        if (!alarm_ && !closed_) alarm_.emplace(ex);
    }

    void arm(timer_node& n, std::int64_t due, std::int64_t base) noexcept {
        if (due < base + exact_below) return arm_exact(n, due);
        constexpr std::int64_t tick = std::int64_t{1} << tick_shift;
        const std::int64_t due_tick = due > core::no_tick - tick ? core::no_tick >> tick_shift
                                                                  : (due + tick - 1) >> tick_shift;
        n.place_ = this_shard();
        shard& s = shards_[n.place_];
        {
            std::lock_guard lock(s.lock);
            s.timers.arm(n, due_tick, base >> tick_shift);
            ++s.arms;
        }
        const std::int64_t due_time = due_tick << tick_shift;
        if (due_time < alarm_at_.load(std::memory_order_relaxed)) [[unlikely]] ring_before(due_time);
    }

    bool cancel(timer_node& n) noexcept {
        return n.place_ == exact_place ? cancel_in(exact_, n) : cancel_in(shards_[n.place_], n);
    }

    void shutdown() noexcept {
        {
            std::lock_guard lock(alarm_mutex_);
            closed_ = true;
            ++alarm_number_;
            alarm_.reset();
        }
        for (auto& s : shards_) abandon(s);
        abandon(exact_);
    }

    /// How often the alarm rang.
    std::uint64_t wake_ups() const noexcept { return wake_ups_.load(std::memory_order_relaxed); }

private:
    static constexpr unsigned shard_count = 4, exact_place = shard_count;

    struct alignas(64) shard {
        spinlock lock;
        std::uint32_t arms = 0;  // ever; tells the planner whether anything happened
        core::timer_wheel timers;
    };
    struct alignas(64) exact_timers {
        std::mutex lock;
        std::uint32_t arms = 0;
        core::timer_set timers;
    };

    struct ring {
        timer_service* self;
        std::uint64_t number;
        using allocator_type = alarm_allocator<std::byte>;
        allocator_type get_allocator() const noexcept { return allocator_type(self->memory_); }
        void operator()(boost::system::error_code) const { self->on_alarm(number); }
    };

    static unsigned this_shard() noexcept {
        static std::atomic<unsigned> threads{0};
        static constinit thread_local unsigned mine = 0;  // from 1
        if (mine == 0) [[unlikely]] mine = threads.fetch_add(1, std::memory_order_relaxed) % shard_count + 1;
        return mine - 1;
    }

    void arm_exact(timer_node& n, std::int64_t due) noexcept {
        n.place_ = exact_place;
        {
            std::lock_guard lock(exact_.lock);
            exact_.timers.arm(n, due);
            ++exact_.arms;
        }
        if (due < alarm_at_.load(std::memory_order_relaxed)) ring_before(due);
    }

    template <class Timers> bool cancel_in(Timers& t, timer_node& n) noexcept {
        bool found, last;
        {
            std::lock_guard lock(t.lock);
            found = t.timers.cancel(n);
            last = t.timers.armed() == 0;
        }
        if (found && last && dozing_.load(std::memory_order_relaxed)) [[unlikely]] settle();
        return found;
    }

    template <class Timers> static void abandon(Timers& t) noexcept {
        const auto next = [&t] {
            std::lock_guard lock(t.lock);
            return t.timers.pop_abandoned();
        };
        {
            std::lock_guard lock(t.lock);
            t.timers.abandon_all();
        }
        while (timer_node* const n = next()) n->abandon(n);
    }

    /// Something was armed before the next alarm. From idleness the first alarm is at most a tick away, so that a
    /// context whose last call ends soon is not kept alive.
    [[gnu::noinline, gnu::cold]] void ring_before(std::int64_t due) noexcept {
        std::lock_guard lock(alarm_mutex_);
        if (!alarm_ || due >= alarm_at_.load(std::memory_order_relaxed)) return;
        const std::int64_t at = std::min(due, next_tick(real_now()));
        dozing_.store(false, std::memory_order_relaxed);
        if (at < alarm_at_.load(std::memory_order_relaxed)) set_alarm(at);
    }

    /// The last timer of a collection was cancelled while the alarm is far away.
    [[gnu::noinline, gnu::cold]] void settle() noexcept {
        std::lock_guard lock(alarm_mutex_);
        if (alarm_ && dozing_.load(std::memory_order_relaxed)) plan(real_now());
    }

    /// The next alarm is planned before anything fires: a callback that takes long delays nobody on other threads.
    void on_alarm(std::uint64_t number) noexcept {
        const time_point now = real_now();
        const std::int64_t ns = now.time_since_epoch().count();
        {
            std::lock_guard lock(alarm_mutex_);
            if (number != alarm_number_) return;  // set anew since
            wake_ups_.fetch_add(1, std::memory_order_relaxed);
            for (auto& s : shards_) advance(s, ns >> tick_shift);
            advance(exact_, ns);
            plan(now);
        }
        for (auto& s : shards_) fire_due(s);
        fire_due(exact_);
    }

    template <class Timers> static void advance(Timers& t, std::int64_t to) noexcept {
        std::lock_guard lock(t.lock);
        t.timers.advance(to);
    }

    template <class Timers> static void fire_due(Timers& t) noexcept {
        const auto next = [&t] {
            std::lock_guard lock(t.lock);
            return t.timers.pop_due();
        };
        while (timer_node* const n = next()) n->fire(n);
    }

    struct survey {
        std::size_t armed = 0;
        std::uint32_t arms = 0;
        bool due = false;
        std::int64_t next = core::no_tick;  // nanoseconds
    };

    template <class Timers> static void look_at(survey& all, Timers& t, int shift) noexcept {
        std::lock_guard lock(t.lock);
        all.armed += t.timers.armed();
        all.arms += t.arms;
        all.due = all.due || t.timers.has_due();
        const std::int64_t event = t.timers.next_event();
        if (event != core::no_tick) all.next = std::min(all.next, event << shift);
    }

    /// Under `alarm_mutex_`: no alarm when nothing is armed, one tick while there is traffic, else the next expiry.
    void plan(time_point now) noexcept {
        alarm_at_.store(core::no_tick, std::memory_order_relaxed);  // whoever arms from here on waits for our lock
        dozing_.store(true, std::memory_order_relaxed);
        survey all;
        for (auto& s : shards_) look_at(all, s, tick_shift);
        look_at(all, exact_, 0);
        const bool quiet = all.arms == seen_arms_ && !all.due;
        seen_arms_ = all.arms;
        const std::int64_t soon = next_tick(now);
        if (all.armed != 0 && !quiet) all.next = std::min(all.next, soon);
        dozing_.store(all.armed != 0 && all.next > soon, std::memory_order_relaxed);
        set_alarm(all.next);
    }

    static std::int64_t next_tick(time_point now) noexcept {
        return ((now.time_since_epoch().count() >> tick_shift) + 1) << tick_shift;
    }

    /// Under `alarm_mutex_`. `core::no_tick`: none.
    void set_alarm(std::int64_t at) noexcept {
        alarm_at_.store(at, std::memory_order_relaxed);
        ++alarm_number_;
        alarm_->expires_at(time_point(nanoseconds(at)));  // ends a wait that is under way
        if (at == core::no_tick) return;
        alarm_->async_wait(boost::asio::bind_executor(boost::asio::system_executor(), ring{this, alarm_number_}));
    }

    alignas(64) std::atomic<std::int64_t> alarm_at_{core::no_tick};
    std::atomic<bool> dozing_{false};  // the alarm is more than a tick away
    alignas(64) std::mutex alarm_mutex_;
    std::optional<boost::asio::steady_timer> alarm_;
    std::uint64_t alarm_number_ = 0;
    std::uint32_t seen_arms_ = 0;
    bool closed_ = false;
    std::atomic<std::uint64_t> wake_ups_{0};
    alarm_memory memory_;
    std::array<shard, shard_count> shards_;
    exact_timers exact_;
};

}  // namespace kedge::detail
