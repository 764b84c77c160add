// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>

namespace kedge::detail {

inline nanoseconds read_clock(clockid_t which) noexcept {
    timespec t{};
    ::clock_gettime(which, &t);
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

inline time_point real_now() noexcept { return time_point(read_clock(CLOCK_MONOTONIC)); }

inline time_point real_coarse_now() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
    return time_point(read_clock(CLOCK_MONOTONIC_COARSE));
#else
    return real_now();
#endif
}

inline std::chrono::system_clock::time_point real_wall_now() noexcept {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(read_clock(CLOCK_REALTIME)));
}

/// The clock of the simulation that lives on this thread. Constant-initialised, so that reading it needs no guard.
inline constinit thread_local const time_point* virtual_clock = nullptr;

}  // namespace kedge::detail

namespace kedge {

/** The steady time, to the nanosecond; about 20 ns. What a deadline is made of: `kedge::now() + 2s`.
 *
 *  On a thread that holds a `testing::simulation` it is the simulation's virtual time.
 */
inline time_point now() noexcept {
    if (const time_point* simulated = detail::virtual_clock) [[unlikely]] return *simulated;
    return detail::real_now();
}

/** The steady time, up to 7 ms behind @ref now (measured; no bound is documented); about 3 ns.
 *
 *  For windows, rates and idle ages; never for a deadline or a latency: differences to a precise stamp can be negative.
 */
inline time_point coarse_now() noexcept {
    if (const time_point* simulated = detail::virtual_clock) [[unlikely]] return *simulated;
    return detail::real_coarse_now();
}

}  // namespace kedge
