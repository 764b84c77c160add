// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

namespace kedge {

inline std::string to_string(nanoseconds span) {
    const double ns = static_cast<double>(span.count());
    char text[32];
    const auto print = [&](double value, const char* unit) {
        const int digits = value < 9.95 && value != static_cast<int>(value) ? 1 : 0;
        std::snprintf(text, sizeof text, "%.*f %s", digits, value, unit);
        return std::string(text);
    };
    if (ns < 1e3) return print(ns, "ns");
    if (ns < 1e6) return print(ns / 1e3, "us");
    if (ns < 999.5e6) return print(ns / 1e6, "ms");
    if (ns < 600e9) {
        std::snprintf(text, sizeof text, "%.*f s", ns < 99.5e9 ? 1 : 0, ns / 1e9);
        return text;
    }
    return print(ns / 60e9, "min");
}

namespace detail {

/// "/app/src/report.cpp" → "report.cpp:88": paths of the build machine help nobody.
inline std::string short_place(const boost::source_location& place) {
    std::string_view file = place.file_name();
    if (const auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
    return std::string(file) + ":" + std::to_string(place.line());
}

inline const char* name_of(stage s) noexcept {
    switch (s) {
    case stage::none: return "nobody";
    case stage::total_timeout: return "the deadline";
    case stage::retry: return "retry";
    case stage::budget: return "the retry budget";
    case stage::breaker: return "the circuit breaker";
    case stage::limit: return "the concurrency limit";
    case stage::timeout: return "timeout";
    case stage::pool: return "the connection pool";
    case stage::operation: return "the operation";
    }
    return "?";
}

inline void append_history(std::string& out, const call_report& r) {
    const int shown = std::min<int>(r.attempts, static_cast<int>(r.history.size()));
    const char* separator = ": ";
    for (int i = 0; i < shown; ++i) {
        const attempt_record& one = r.history[static_cast<std::size_t>(i)];
        if (i > 0) out += separator + ("waited " + to_string(one.waited_before));
        if (i > 0) separator = ", ";
        if (!one.error && i + 1 == shown) break;  // the success is in the headline
        out += separator + one.error.message();
        separator = ", ";
    }
}

}  // namespace detail

inline std::string to_string(const pool_report& r) {
    std::string out = std::to_string(r.used) + "/" + std::to_string(r.max) + " used, ";
    if (r.resetting > 0) out += std::to_string(r.resetting) + " being reset, ";
    out += std::to_string(r.waiting) + " waiting";
    if (r.waiting > 0) out += " (oldest " + to_string(r.oldest_wait) + ")";
    out += ", " + std::to_string(r.dialing) + " dialing";
    const char* separator = "; ";
    for (const holder& h : r.holders) {
        if (h.count == 0) continue;
        out += separator + detail::short_place(h.place);
        if (!h.tag.empty()) out += " [" + std::string(h.tag) + "]";
        out += " holds " + std::to_string(h.count) + " (longest " + to_string(h.held) + ")";
        separator = ", ";
    }
    if (r.last_connect_error) out += "; last connect error: " + r.last_connect_error.message();
    return out;
}

inline std::string to_string(const call_report& r) {
    std::string out;
    if (!r.result) {
        out = "ok";
        if (r.attempts > 1) out += " on attempt " + std::to_string(r.attempts);
    } else {
        out = r.result.message();
        if (r.attempts > 1) out += " on attempt " + std::to_string(r.attempts);
    }
    out += " after " + to_string(r.elapsed);
    if (r.attempts > 1) detail::append_history(out, r);
    if (r.not_repeatable) out += "; not retried: the operation is not declared idempotent";
    if (r.stopped_by != stage::none && r.result) out += std::string("; stopped by ") + detail::name_of(r.stopped_by);
    if (r.retry_after > nanoseconds::zero()) out += ", again in " + to_string(r.retry_after);
    if (r.result && !r.said.text().empty()) out += "; the other side said: " + std::string(r.said.text());
    if (r.pool.max > 0) out += "; pool: " + to_string(r.pool);
    return out;
}

}  // namespace kedge
