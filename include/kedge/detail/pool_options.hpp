// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/core/pool_parts.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/detail/pool_state.hpp>
#include <kedge/impl/call.ipp>

#include <stdexcept>
#include <string>

namespace kedge {

/// How a @ref connection_pool behaves. Numbers marked [seed] are those of the system that kedge replaces.
struct pool_options {
    std::string name{};  ///< in events
    int max = 20;        ///< connections, 1 to 100 000 [seed]
    int min_idle = 0;    ///< kept open beyond need, 0 to max; refilled when the pool is used, or by async_run
    nanoseconds acquire_timeout = std::chrono::seconds(30);  ///< waiting for one; more than 0, never infinite [seed]
    nanoseconds connect_timeout = std::chrono::seconds(5);   ///< opening or resetting one; more than 0, never infinite
    nanoseconds idle_timeout = std::chrono::minutes(10);     ///< closed after resting so long; 0: never (HikariCP)
    nanoseconds max_lifetime = std::chrono::minutes(30);     ///< ± 10 %, replaced one by one; 0: none (HikariCP)
    nanoseconds leak_after{0};  ///< a lease held for longer is reported once, with its place; 0: off
    listener on_event{};        ///< pressure, failed dials, server down and back, leaks
};

/// "14/20 used, 2 idle, 1 dialing, 0 waiting, peak 20; 31 waited (p50 2 ms, p99 80 ms), 0 timeouts".
inline std::string to_string(const pool_snapshot& s) {
    std::string out = std::to_string(s.used) + "/" + std::to_string(s.max) + " used, " + std::to_string(s.idle) +
                      " idle, " + std::to_string(s.dialing) + " dialing, " + std::to_string(s.waiting) + " waiting";
    if (s.waiting > 0) out += " (oldest " + to_string(s.oldest_wait) + ")";
    out += ", peak " + std::to_string(s.peak) + "; " + std::to_string(s.waits.count) + " waited";
    if (s.waits.count > 0) out += " (p50 " + to_string(s.waits.p50) + ", p99 " + to_string(s.waits.p99) + ")";
    out += ", " + std::to_string(s.timeouts) + " timeouts";
    if (s.leaks > 0) out += ", " + std::to_string(s.leaks) + " leaks";
    if (s.down) out += "; down: " + s.last_connect_error.message();
    return out;
}

namespace detail {

[[noreturn]] inline void refuse_option(const char* member, const std::string& value, const char* rule) {
    throw std::invalid_argument(std::string("kedge::pool_options::") + member + " = " + value + ", but it must be " +
                                rule);
}

inline void check_number(const char* member, int value, int least, int most, const char* rule) {
    if (value < least || value > most) refuse_option(member, std::to_string(value), rule);
}
inline void check_positive(const char* member, nanoseconds value) {
    if (value <= nanoseconds::zero() || value == nanoseconds::max())
        refuse_option(member, value == nanoseconds::max() ? "max()" : to_string(value), "more than 0 and finite");
}
inline void check_not_negative(const char* member, nanoseconds value) {
    if (value < nanoseconds::zero()) refuse_option(member, to_string(value), "0 (off) or more");
}

inline constexpr int most_connections = 100'000;

inline pool_settings settings_of(pool_options o) {
    check_number("max", o.max, 1, most_connections, "1 to 100000");
    check_number("min_idle", o.min_idle, 0, o.max, "0 to max");
    check_positive("acquire_timeout", o.acquire_timeout);
    check_positive("connect_timeout", o.connect_timeout);
    check_not_negative("idle_timeout", o.idle_timeout);
    check_not_negative("max_lifetime", o.max_lifetime);
    check_not_negative("leak_after", o.leak_after);
    core::pool_rules rules;
    rules.max = o.max;
    rules.min_idle = o.min_idle;
    rules.idle_timeout = o.idle_timeout;
    rules.max_lifetime = o.max_lifetime;
    rules.leak_after = o.leak_after;
    return {std::move(o.name), rules, o.acquire_timeout, o.connect_timeout, std::move(o.on_event)};
}

}  // namespace detail
}  // namespace kedge
