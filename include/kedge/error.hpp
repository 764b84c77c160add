// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <type_traits>

namespace kedge {

using boost::system::error_code;

/// The errors that kedge itself produces. `docs/reference/errors.md` says for each what to do.
/// 0 is success; values are never renumbered.
enum class errc {
    circuit_open = 1,        ///< refused by a circuit breaker; the report says when to come back
    limit_full = 2,          ///< the concurrency limit and its queue are full
    pool_exhausted = 3,      ///< no connection became free in time, or the queue is full
    pool_closed = 4,         ///< the pool was shut down or destroyed
    timed_out = 5,           ///< an attempt took longer than its `timeout`
    deadline_exceeded = 6,   ///< the whole call ran out of time while an attempt was under way
    deadline_too_short = 7,  ///< refused before the first attempt: too little time is left
    operation_threw = 8,     ///< the operation threw when it was called; the report holds the exception
    commit_unknown = 9,      ///< COMMIT was sent and its answer was lost
};

/// Groups of errors, for matching: `ec == kedge::condition::rejected`.
enum class condition {
    transient = 1,  ///< may go away by itself: connection errors, timeouts, rejections
    rejected = 2,   ///< kedge refused before anything was sent
    timeout = 3,    ///< time ran out somewhere
    overload = 4,   ///< too much traffic: shed load rather than repeat
    cancelled = 5,  ///< the caller's own doing
    permanent = 6,  ///< stays until somebody mends a password, a name, a right or a certificate: asking again is in vain
};

namespace detail {

class error_category final : public boost::system::error_category {
public:
    constexpr error_category() noexcept : boost::system::error_category(0x6b65'6467'655f'6563) {}
    const char* name() const noexcept override { return "kedge"; }
    std::string message(int value) const override { return text(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text(value); }
    bool equivalent(int value, const boost::system::error_condition& wanted) const noexcept override;

private:
    static const char* text(int value) noexcept {
        switch (static_cast<errc>(value)) {
        case errc::circuit_open: return "circuit breaker is open";
        case errc::limit_full: return "concurrency limit reached";
        case errc::pool_exhausted: return "connection pool exhausted";
        case errc::pool_closed: return "connection pool is closed";
        case errc::timed_out: return "timed out";
        case errc::deadline_exceeded: return "deadline exceeded";
        case errc::deadline_too_short: return "deadline too short to start";
        case errc::operation_threw: return "the operation threw an exception when it was called";
        case errc::commit_unknown: return "commit sent but its answer was lost";
        }
        return "unknown kedge error";
    }
};

class condition_category final : public boost::system::error_category {
public:
    constexpr condition_category() noexcept : boost::system::error_category(0x6b65'6467'655f'636f) {}
    const char* name() const noexcept override { return "kedge.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::transient: return "transient";
        case condition::rejected: return "rejected";
        case condition::timeout: return "timeout";
        case condition::overload: return "overload";
        case condition::cancelled: return "cancelled";
        case condition::permanent: return "permanent";
        }
        return "unknown kedge condition";
    }
    bool equivalent(const error_code& ec, int value) const noexcept override;
};

inline constexpr error_category error_category_instance{};
inline constexpr condition_category condition_category_instance{};

}  // namespace detail

inline const boost::system::error_category& category() noexcept { return detail::error_category_instance; }

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

inline boost::system::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), detail::condition_category_instance};
}

namespace detail {

inline bool belongs_to(errc e, condition group) noexcept {
    switch (group) {
    case condition::rejected:
        return e == errc::circuit_open || e == errc::limit_full || e == errc::pool_exhausted || e == errc::pool_closed ||
               e == errc::deadline_too_short;
    case condition::overload: return e == errc::limit_full || e == errc::pool_exhausted;
    case condition::timeout:
        return e == errc::timed_out || e == errc::deadline_exceeded || e == errc::deadline_too_short;
    case condition::transient: return e != errc::operation_threw && e != errc::pool_closed && e != errc::commit_unknown;
    case condition::cancelled:
    case condition::permanent: return false;
    }
    return false;
}

inline bool error_category::equivalent(int value, const boost::system::error_condition& wanted) const noexcept {
    if (wanted.category() == condition_category_instance)
        return belongs_to(static_cast<errc>(value), static_cast<condition>(wanted.value()));
    return default_error_condition(value) == wanted;
}

/// Codes of other categories join the groups by their portable meaning.
inline bool condition_category::equivalent(const error_code& ec, int value) const noexcept {
    namespace portable = boost::system::errc;
    if (ec.category() == error_category_instance)
        return belongs_to(static_cast<errc>(ec.value()), static_cast<condition>(value));
    switch (static_cast<condition>(value)) {
    case condition::cancelled: return ec == portable::operation_canceled;
    case condition::timeout: return ec == portable::timed_out;
    case condition::transient:
        return ec == portable::connection_refused || ec == portable::connection_reset || ec == portable::timed_out ||
               ec == portable::connection_aborted || ec == portable::broken_pipe || ec == portable::host_unreachable ||
               ec == portable::network_unreachable;
    case condition::rejected:
    case condition::overload:
    case condition::permanent: return false;
    }
    return false;
}

}  // namespace detail
}  // namespace kedge

template <> struct boost::system::is_error_code_enum<kedge::errc> : std::true_type {};
template <> struct boost::system::is_error_condition_enum<kedge::condition> : std::true_type {};
