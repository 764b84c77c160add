// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>

#include <cstdint>

namespace kedge {

/// What an operator has told a breaker, beside what the breaker has found out.
enum class breaker_mode : std::uint8_t {
    normal,
    disabled,      ///< admits everything, counts nothing
    metrics_only,  ///< runs as usual and raises events, but refuses nobody: to try settings in production
};

/// One consistent look at a circuit breaker. @see to_string(const breaker_snapshot&)
struct breaker_snapshot {
    breaker_state state = breaker_state::closed;
    breaker_mode mode = breaker_mode::normal;
    int isolations = 0;                    ///< how many `isolation` handles hold it shut
    std::uint32_t generation = 0;          ///< changes with each transition and reset
    std::int64_t calls = 0, failures = 0;  ///< in the window; while not closed: as it was when it opened
    int failures_in_a_row = 0;
    nanoseconds in_state{0};       ///< how long it has been in this state
    nanoseconds next_probe_in{0};  ///< while open; zero: the next call will be a probe
    std::uint64_t refused = 0;     ///< since it was made; in `metrics_only`: would have been
    std::uint64_t stale = 0;       ///< results that came after the state they belonged to, and were ignored
    boost::system::error_code last_error{};

    /// Share of failures in the window, 0 to 1.
    double ratio() const noexcept {
        return calls == 0 ? 0. : static_cast<double>(failures) / static_cast<double>(calls);
    }
};

}  // namespace kedge
