// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
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
        std::uintptr_t seen = free;
        if (!word_.compare_exchange_strong(seen, held, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]]
            if (!enqueue(seen, f)) return;
        holder keep(*this);
        f();
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
                std::unique_ptr<pending> next(ready_);
                ready_ = next->next;
                next->invoke(std::move(next));
                if (alive.destroyed) return;
            }
        }
    }

private:
    struct pending {
        pending* next = nullptr;
        virtual ~pending() = default;
        virtual void invoke(std::unique_ptr<pending> self) = 0;
    };

    template <class F> struct pending_function final : pending {
        F f;
        explicit pending_function(F&& what) : f(std::move(what)) {}
        void invoke(std::unique_ptr<pending> self) override {
            F local(std::move(f));
            self.reset();
            local();
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
        while (list) delete std::exchange(list, list->next);
    }

    /// Leaves `f` to the holder (false), or gets the lock after all (true, and `f` is intact).
    template <class F> [[gnu::noinline]] bool enqueue(std::uintptr_t seen, F& f) {
        std::unique_ptr<pending_function<F>> node;
        for (;;) {
            if (seen == free) {
                if (!word_.compare_exchange_weak(seen, held, std::memory_order_acquire, std::memory_order_relaxed)) continue;
                if (node) {
                    std::destroy_at(&f);
                    std::construct_at(&f, std::move(node->f));
                }
                return true;
            }
            if (!node) node = std::make_unique<pending_function<F>>(std::move(f));
            node->next = chain(seen);
            const auto word = reinterpret_cast<std::uintptr_t>(static_cast<pending*>(node.get())) | held;
            if (word_.compare_exchange_weak(seen, word, std::memory_order_release, std::memory_order_relaxed)) {
                (void)node.release();
                return false;
            }
        }
    }

    std::atomic<std::uintptr_t> word_{held};
    pending* ready_ = nullptr;
    bool* destroyed_ = nullptr;
};

}  // namespace kedge::detail
