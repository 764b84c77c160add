// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace kedge::detail {

/** A strand for one call, in one word.
 *
 *  `run(f)` runs `f` now, or leaves it to the thread that holds the lock, which runs it before letting go. It costs one
 *  compare-and-swap on each side and allocates only when two threads meet. Born held by the initiating thread.
 *
 *  The object may be destroyed by a function that runs under it; what is still queued then is dropped.
 */
class call_lock {
public:
    call_lock() = default;
    call_lock(const call_lock&) = delete;
    call_lock& operator=(const call_lock&) = delete;

    ~call_lock() {
        if (destroyed_) *destroyed_ = true;
        drop(ready_);
        drop(chain(word_.load(std::memory_order_acquire)));
    }

    template <class F> void run(F f) {
        if (try_acquire()) [[likely]] {
            holder keep(*this);
            f();
        } else if (auto* const later = new pending_function<F>(std::move(f)); acquire_or_queue(*later)) {
            holder keep(*this);
            later->end(later, true);
        }
    }

    /// Ends the initiation: true if nobody queued meanwhile; else the holder must arrange a call of @ref release.
    bool try_release() noexcept {
        std::uintptr_t seen = held;
        return word_.compare_exchange_strong(seen, free, std::memory_order_release, std::memory_order_relaxed);
    }

    /// Runs what is queued, then lets go.
    void release() {
        while (!try_release()) {
            ready_ = reversed(chain(word_.exchange(held, std::memory_order_acquire)));
            while (ready_) {
                watch alive(*this);
                pending* const next = std::exchange(ready_, ready_->next);
                next->end(next, true);
                if (alive.destroyed) return;
            }
        }
    }

private:
    /// A function pointer where a virtual function would do: every call of every user instantiates several of these.
    struct pending {
        pending* next;
        void (*end)(pending*, bool run);
    };

    template <class F> struct pending_function : pending {
        F f;
        explicit pending_function(F&& what) : pending{nullptr, &finish}, f(std::move(what)) {}

        static void finish(pending* p, bool run) {
            auto* const self = static_cast<pending_function*>(p);
            F local(std::move(self->f));
            delete self;
            if (run) local();
        }
    };

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"  // at -O3 GCC 12 does not see that the destructor takes it back
#endif
    /// Notices when the lock goes away while a function runs under it.
    struct watch {
        call_lock& lock;
        bool destroyed = false;
        explicit watch(call_lock& l) : lock(l) { lock.destroyed_ = &destroyed; }
        watch(const watch&) = delete;
        ~watch() { end(); }
        void end() noexcept {
            if (!std::exchange(destroyed, true)) lock.destroyed_ = nullptr;
        }
    };
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

    /// Lets go when the function has run, also by an exception, unless the lock went away with it.
    struct holder {
        watch alive;
        explicit holder(call_lock& l) : alive(l) {}
        ~holder() noexcept(false) {
            if (alive.destroyed) return;
            alive.end();  // before letting go: afterwards the lock belongs to others, and may be gone
            alive.lock.release();
        }
    };

    static constexpr std::uintptr_t free = 0, held = 1;  // else: held, with a stack of pending functions (pointer | 1)

    static pending* chain(std::uintptr_t word) noexcept { return reinterpret_cast<pending*>(word & ~held); }

    static pending* reversed(pending* list) noexcept {
        pending* out = nullptr;
        while (list) {
            pending* next = std::exchange(list->next, out);
            out = std::exchange(list, next);
        }
        return out;
    }

    static void drop(pending* list) noexcept {
        while (list) {
            pending* const dropped = std::exchange(list, list->next);
            dropped->end(dropped, false);
        }
    }

    bool try_acquire() noexcept {
        std::uintptr_t seen = free;
        return word_.compare_exchange_strong(seen, held, std::memory_order_acquire, std::memory_order_relaxed);
    }

    /// Leaves `p` to the holder (false), or gets the lock after all (true).
    [[gnu::noinline]] bool acquire_or_queue(pending& p) noexcept {
        std::uintptr_t seen = word_.load(std::memory_order_relaxed);
        for (;;) {
            p.next = chain(seen);
            const auto queued = reinterpret_cast<std::uintptr_t>(&p) | held;
            if (seen == free) {
                if (word_.compare_exchange_weak(seen, held, std::memory_order_acquire, std::memory_order_relaxed)) return true;
            } else if (word_.compare_exchange_weak(seen, queued, std::memory_order_release, std::memory_order_relaxed)) {
                return false;
            }
        }
    }

    std::atomic<std::uintptr_t> word_{held};
    pending* ready_ = nullptr;
    bool* destroyed_ = nullptr;
};

}  // namespace kedge::detail
