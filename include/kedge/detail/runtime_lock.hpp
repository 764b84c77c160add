// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
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

}  // namespace kedge::detail
