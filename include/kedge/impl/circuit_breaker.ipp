// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/circuit_breaker.hpp>

#include <cmath>
#include <stdexcept>
#include <string>

namespace kedge {
namespace detail {

inline void check(bool valid, const char* member, const std::string& value, const char* range) {
    if (!valid)
        throw std::invalid_argument(std::string("kedge::circuit_breaker_options: ") + member + " = " + value +
                                    ", but it must be " + range);
}

inline core::breaker_rules checked_rules(const circuit_breaker_options& o) {
    using namespace std::chrono_literals;
    check(o.consecutive_failures >= 1, "consecutive_failures", std::to_string(o.consecutive_failures), "1 or more");
    check(o.failure_ratio > 0 && o.failure_ratio <= 1, "failure_ratio", std::to_string(o.failure_ratio),
          "above 0 and at most 1");
    check(o.window == 0s || (o.window >= 100ms && o.window <= 1h), "window", to_string(o.window), "0 or 100 ms to 1 h");
    check(o.minimum_calls >= 1, "minimum_calls", std::to_string(o.minimum_calls), "1 or more");
    check(o.slow_call >= 0s, "slow_call", to_string(o.slow_call), "0 or more");
    check(o.open_for >= 1ms, "open_for", to_string(o.open_for), "1 ms or more");
    check(o.open_for_max >= o.open_for && o.open_for_max <= 24h, "open_for_max", to_string(o.open_for_max),
          "`open_for` to 24 h");
    core::breaker_rules rules;
    rules.consecutive_failures = o.consecutive_failures;
    rules.failure_ratio = o.failure_ratio;
    rules.window = o.window;
    rules.minimum_calls = o.minimum_calls;
    rules.slow_call = o.slow_call;
    rules.open_for = o.open_for;
    rules.open_for_max = o.open_for_max;
    return rules;
}

}  // namespace detail

inline circuit_breaker::circuit_breaker(circuit_breaker_options options) {
    const core::breaker_rules rules = detail::checked_rules(options);
    state_ = std::make_shared<detail::breaker_state>(std::move(options.name), rules, std::move(options.on_event));
}

inline const char* to_string(breaker_state state) noexcept {
    switch (state) {
    case breaker_state::closed: return "closed";
    case breaker_state::open: return "open";
    case breaker_state::half_open: return "half_open";
    }
    return "?";
}

inline std::string to_string(const breaker_snapshot& s) {
    std::string out = s.isolations > 0 ? "isolated, " : "";
    if (s.mode == breaker_mode::disabled) out += "disabled, ";
    if (s.mode == breaker_mode::metrics_only) out += "metrics only, ";
    out += std::string(to_string(s.state)) + " for " + to_string(s.in_state);
    if (s.state == breaker_state::open && s.next_probe_in == nanoseconds::zero()) out += ", the next call is a probe";
    else if (s.state == breaker_state::open) out += ", next probe in " + to_string(s.next_probe_in);
    out += "; " + std::to_string(s.failures) + " of " + std::to_string(s.calls) + " calls failed";
    if (s.calls > 0) out += " (" + std::to_string(std::lround(s.ratio() * 100)) + " %)";
    if (s.failures_in_a_row > 1) out += ", " + std::to_string(s.failures_in_a_row) + " in a row";
    if (s.last_error) out += ", last: " + s.last_error.message();
    if (s.refused > 0) out += "; " + std::to_string(s.refused) + " refused";
    return out;
}

}  // namespace kedge
