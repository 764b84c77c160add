// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/core/verdict.hpp>

#include <boost/assert/source_location.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace kedge {

enum class breaker_state : std::uint8_t { closed, open, half_open };

/// What a circuit breaker did, with the numbers behind it. `name` is valid during the call only, in every event.
struct breaker_changed {
    std::string_view name;
    breaker_state from = breaker_state::closed, to = breaker_state::closed;
    int calls = 0, failures = 0, failures_in_a_row = 0;  ///< in the window that was judged
    nanoseconds open_for{0};                             ///< when `to` is open: until the first probe
    boost::system::error_code last_error{};              ///< unset when the breaker was told verdicts only
};

struct retry_scheduled {
    int attempt = 0;  ///< number of the attempt that failed, from 1
    nanoseconds wait{0};
    boost::system::error_code error{};
};

/// Raised once per pipeline, with the line to write.
struct retry_suppressed {
    boost::system::error_code error{};
    std::string_view advice;
};

/// Raised when a pipeline is made: after an attempt that takes its whole limit no retry has time for another.
struct retries_have_no_time {
    nanoseconds attempt_limit{0}, total_limit{0};
};

enum class pool_pressure : std::uint8_t { relaxed, high, exhausted };

struct pool_pressure_changed {
    std::string_view name;
    pool_pressure from = pool_pressure::relaxed, to = pool_pressure::relaxed;
    int used = 0, max = 0, waiting = 0;
};

struct pool_dial_failed {
    std::string_view name;
    boost::system::error_code error{};
    int failures_in_a_row = 0;
    nanoseconds next_dial_in{0};
};

struct pool_server_down {
    std::string_view name;
    bool down = false;  ///< false: it is back
    boost::system::error_code error{};
};

/// All connections of a pool were given up: too many were lost at a time, or the server said that it goes away.
struct pool_invalidated {
    std::string_view name;
    boost::system::error_code error{};  ///< the last one's
};

struct lease_held_long {
    std::string_view name, tag;
    boost::source_location place;
    nanoseconds held{0};
};

/// An operation still runs a second after it was told to stop.
struct operation_stuck {
    std::string_view tag;
    boost::source_location place;
    nanoseconds age{0};
};

enum class health : std::uint8_t { unknown, up, degraded, down };

struct health_changed {
    std::string_view name;
    health from = health::unknown, to = health::unknown;
    boost::system::error_code error{};
};

/// Why a person has to look at a payment.
enum class payment_alarm_cause : std::uint8_t {
    manual_review,   ///< reconciliation could not find out what became of it: ask the provider's people
    key_conflict,    ///< the provider has other content under this key: two intents share it, which is a bug
    untrusted_peer,  ///< the provider's certificate was not valid; nothing was sent
};

/// What kedge cannot put right by itself. `key` is the payment's idempotency key, valid during the call like `name`.
struct payment_alarm {
    std::string_view name;
    payment_alarm_cause cause = payment_alarm_cause::manual_review;
    std::string_view key{};
    boost::system::error_code error{};
    nanoseconds age{0};  ///< for `manual_review`: since the payment was first sent, or first asked about
};

/// Everything that a listener may hear. Raised in order per object, outside locks.
using event = std::variant<breaker_changed, retry_scheduled, retry_suppressed, retries_have_no_time, pool_pressure_changed,
                           pool_dial_failed, pool_server_down, pool_invalidated, lease_held_long, operation_stuck,
                           health_changed, payment_alarm>;

/// A function that hears the events of one object: `.on_event = [](const kedge::event&) noexcept { … }`.
/// It runs on whichever thread caused the event, outside all locks, and must not block.
class listener {
public:
    listener() = default;

    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, listener> && std::is_nothrow_invocable_v<F&, const event&>)
    listener(F hear) : hear_(std::move(hear)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(hear_); }

    void operator()(const event& what) const noexcept {
        if (hear_) hear_(what);
    }

private:
    std::function<void(const event&)> hear_;
};

}  // namespace kedge
