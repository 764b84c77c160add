// SPDX-License-Identifier: BSL-1.0
#pragma once

// Counts the heap allocations of each thread at malloc and aligned_alloc, since Asio goes around operator new. To be
// included by one unit of a program, which then has glibc's functions replaced; a sanitizer replaces them, too, so the two
// exclude each other.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace kedge_bench {

/// Of the calling thread, so far.
inline thread_local std::uint64_t allocation_count = 0;

}  // namespace kedge_bench

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t n) noexcept { return ++kedge_bench::allocation_count, __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t size) noexcept { return ++kedge_bench::allocation_count, __libc_calloc(n, size); }
void* realloc(void* p, std::size_t n) noexcept { return ++kedge_bench::allocation_count, __libc_realloc(p, n); }
void* aligned_alloc(std::size_t align, std::size_t n) noexcept {
    return ++kedge_bench::allocation_count, __libc_memalign(align, n);
}
}
