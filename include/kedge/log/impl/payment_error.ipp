// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/payment_error.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <string>

namespace kedge::log {

namespace detail {

inline std::string payment_reason(const payment_failure& what) {
    if (what.error != condition::timeout) return what.error.message();
    if (what.limit <= nanoseconds::zero()) return "timeout";
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(what.limit).count();
    return "timeout after " + std::to_string(ms) + "ms";
}

inline std::string payment_exception(const payment_failure& what) {
    if (!what.exception.empty()) return std::string(what.exception);
    if (what.error == condition::timeout) return "ConnectionError: HTTPSConnectionPool timeout";
    return "ConnectionError: " + what.error.message();
}

}  // namespace detail

KEDGE_DECL void payment_error(sink& to, const payment_failure& what) noexcept {
    if (!to.should_log(level::error)) return;
    record r;
    r.time = what.time;
    r.severity = level::error;
    r.logger = "kedge.payment";
    r.message = "Payment service connection failed";
    r.place = what.place;
    r.error = what.error;
    std::string message, exception;
    const std::array limit{field{"limit_ms", std::chrono::duration<double, std::milli>(what.limit).count()}};
    try {
        message = "Payment service connection failed - " + detail::payment_reason(what);
        exception = detail::payment_exception(what);
        r.message = message;
        r.source_line = what.source_line;
        r.exception = exception;
        if (what.limit > nanoseconds::zero()) r.fields = limit;
    } catch (const std::exception&) {  // no memory: the short message has to do
    }
    submit(to, r);
}

}  // namespace kedge::log
