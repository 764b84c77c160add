// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>

namespace kedge_test {

struct memory_tally {
    long live = 0;  ///< bytes
    long blocks = 0;  ///< ever
};

/// Counts what a handler's memory is used for.
template <class T> struct counting_allocator {
    using value_type = T;

    explicit counting_allocator(memory_tally& t) noexcept : tally(&t) {}
    template <class U> counting_allocator(const counting_allocator<U>& other) noexcept : tally(other.tally) {}

    T* allocate(std::size_t n) {
        T* const memory = std::allocator<T>().allocate(n);
        tally->live += static_cast<long>(n * sizeof(T));
        ++tally->blocks;
        return memory;
    }
    void deallocate(T* p, std::size_t n) noexcept {
        tally->live -= static_cast<long>(n * sizeof(T));
        std::allocator<T>().deallocate(p, n);
    }
    friend bool operator==(const counting_allocator& a, const counting_allocator& b) noexcept { return a.tally == b.tally; }

    memory_tally* tally;
};

}  // namespace kedge_test
