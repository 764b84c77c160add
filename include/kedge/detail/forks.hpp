// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>

#include <pthread.h>

namespace kedge::detail {

/// How many `fork()` led to this process since they are counted. Asking the system for its id would cost a call each time.
inline std::atomic<unsigned> forks{0};

inline unsigned count_forks() noexcept {
    [[maybe_unused]] static const int counted =
        ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    return forks.load(std::memory_order_relaxed);
}

/** Remembers the process in which it was made. A child of `fork()` has a copy of what its parent had: locks that threads hold
 *  which it has not, and sockets and files that are the parent's. A raw `clone` is not noticed. */
class birthplace {
public:
    bool is_here() const noexcept { return forks.load(std::memory_order_relaxed) == forks_; }

private:
    const unsigned forks_ = count_forks();
};

}  // namespace kedge::detail
