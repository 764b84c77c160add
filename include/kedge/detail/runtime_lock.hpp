// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace kedge::detail {

inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/** A lock for sections of a few nanoseconds: one read-modify-write to enter and a plain store to leave, where a mutex
 *  needs two. Waiters yield soon, because the holder may have been preempted.
 */
class spinlock {
public:
    void lock() noexcept {
        for (unsigned spins = 0; held_.exchange(true, std::memory_order_acquire);) {
            while (held_.load(std::memory_order_relaxed)) {
                if (++spins < 64) cpu_pause();
                else std::this_thread::yield();
            }
        }
    }

    void unlock() noexcept { held_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> held_{false};
};

/** Enters a mutex that is held for some tens of ns as a rule: waits awake at first, for about 2 us, since to sleep and to be
 *  woken costs more. Unlike with @ref spinlock, who waits for long sleeps.
 */
inline void lock_awake(std::mutex& m) {
    constexpr int most_pauses = 64;
    for (int pauses = 1; !m.try_lock(); pauses *= 2) {
        if (pauses > most_pauses) return m.lock();
        for (int i = 0; i < pauses; ++i) cpu_pause();
    }
}

}  // namespace kedge::detail
