// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/detail/event_words.hpp>
#include <kedge/log/events.hpp>

#include <cstdint>
#include <exception>
#include <string>

namespace kedge::log {

namespace detail {

/// The words for one event.
struct described {
    std::string_view logger{};
    std::string text{};
    field_list fields{};
    boost::source_location place{};
    error_code error{};
};

inline std::string quoted(std::string_view name) { return name.empty() ? std::string() : " '" + std::string(name) + "'"; }

inline std::string because(const error_code& error) { return error.failed() ? ": " + error.message() : std::string(); }

// The table: one line for how serious an event is, one function for its words.
inline level severity(const breaker_changed& e) noexcept {
    return e.to == breaker_state::open ? level::warning : level::info;
}
inline level severity(const retry_scheduled&) noexcept { return level::debug; }
inline level severity(const retry_suppressed&) noexcept { return level::info; }
inline level severity(const retries_have_no_time&) noexcept { return level::warning; }
inline level severity(const pool_pressure_changed& e) noexcept {
    return e.to == pool_pressure::relaxed ? level::info : level::warning;
}
inline level severity(const pool_dial_failed&) noexcept { return level::warning; }
inline level severity(const pool_server_down& e) noexcept { return e.down ? level::error : level::info; }
inline level severity(const pool_invalidated&) noexcept { return level::warning; }
inline level severity(const lease_held_long&) noexcept { return level::warning; }
inline level severity(const operation_stuck&) noexcept { return level::warning; }
inline level severity(const health_changed& e) noexcept {
    return e.to == health::down ? level::error : e.to == health::degraded ? level::warning : level::info;
}
inline level severity(const payment_alarm&) noexcept { return level::error; }

inline void describe(const breaker_changed& e, described& to) {
    to.logger = "kedge.breaker";
    to.text = "Circuit breaker" + quoted(e.name) + " " + name_of(e.from) + " -> " + name_of(e.to);
    if (e.to == breaker_state::open)
        to.text += ": " + std::to_string(e.failures) + " of " + std::to_string(e.calls) + " calls failed, " +
                   std::to_string(e.failures_in_a_row) + " in a row; next probe in " + to_string(e.open_for);
    to.error = e.last_error;
    to.fields.add("breaker", e.name);
    to.fields.add("from", std::string_view(name_of(e.from)));
    to.fields.add("to", std::string_view(name_of(e.to)));
    to.fields.add("calls", std::int64_t{e.calls});
    to.fields.add("failures", std::int64_t{e.failures});
    to.fields.add("failures_in_a_row", std::int64_t{e.failures_in_a_row});
    if (e.to == breaker_state::open) to.fields.add("open_for_ms", ms(e.open_for));
}

inline void describe(const retry_scheduled& e, described& to) {
    to.logger = "kedge.retry";
    to.text = "Attempt " + std::to_string(e.attempt) + " failed" + because(e.error) + "; again in " + to_string(e.wait);
    to.error = e.error;
    to.fields.add("attempt", std::int64_t{e.attempt});
    to.fields.add("wait_ms", ms(e.wait));
}

inline void describe(const retry_suppressed& e, described& to) {
    to.logger = "kedge.retry";
    to.text = "Not retried, since the operation is not declared idempotent" + because(e.error);
    if (!e.advice.empty()) to.text += "; " + std::string(e.advice);
    to.error = e.error;
}

inline void describe(const retries_have_no_time& e, described& to) {
    to.logger = "kedge.retry";
    to.text = "Retries have no time: an attempt may take " + to_string(e.attempt_limit) + ", the whole call " +
              to_string(e.total_limit);
    to.fields.add("attempt_limit_ms", ms(e.attempt_limit));
    to.fields.add("total_limit_ms", ms(e.total_limit));
}

inline void describe(const pool_pressure_changed& e, described& to) {
    to.logger = "kedge.pool";
    const char* what = e.to == pool_pressure::exhausted ? " exhausted: " : e.to == pool_pressure::high ? " nearly exhausted: "
                                                                                                       : " has room again: ";
    to.text = "Connection pool" + quoted(e.name) + what + std::to_string(e.used) + "/" + std::to_string(e.max) + " used, " +
              std::to_string(e.waiting) + " waiting";
    to.fields.add("pool", e.name);
    to.fields.add("used", std::int64_t{e.used});
    to.fields.add("max", std::int64_t{e.max});
    to.fields.add("waiting", std::int64_t{e.waiting});
}

inline void describe(const pool_dial_failed& e, described& to) {
    to.logger = "kedge.pool";
    to.text = "Connection pool" + quoted(e.name) + " cannot connect" + because(e.error) + " (" +
              std::to_string(e.failures_in_a_row) + " in a row); next try in " + to_string(e.next_dial_in);
    to.error = e.error;
    to.fields.add("pool", e.name);
    to.fields.add("failures_in_a_row", std::int64_t{e.failures_in_a_row});
    to.fields.add("next_dial_in_ms", ms(e.next_dial_in));
}

inline void describe(const pool_server_down& e, described& to) {
    to.logger = "kedge.pool";
    to.text = "Server of connection pool" + quoted(e.name) + (e.down ? " is down" + because(e.error) : " is back");
    to.error = e.error;
    to.fields.add("pool", e.name);
    to.fields.add("down", e.down);
}

inline void describe(const pool_invalidated& e, described& to) {
    to.logger = "kedge.pool";
    to.text = "Connection pool" + quoted(e.name) + " gives up all its connections" + because(e.error);
    to.error = e.error;
    to.fields.add("pool", e.name);
}

inline void describe(const lease_held_long& e, described& to) {
    to.logger = "kedge.pool";
    to.text = "A connection of pool" + quoted(e.name) + " has been held for " + to_string(e.held) + " by " +
              kedge::detail::short_place(e.place) + quoted(e.tag);
    to.place = e.place;
    to.fields.add("pool", e.name);
    to.fields.add("tag", e.tag);
    to.fields.add("held_ms", ms(e.held));
}

inline void describe(const operation_stuck& e, described& to) {
    to.logger = "kedge.call";
    to.text = "An operation does not stop: told to " + to_string(e.age) + " ago, called by " +
              kedge::detail::short_place(e.place) + quoted(e.tag);
    to.place = e.place;
    to.fields.add("tag", e.tag);
    to.fields.add("age_ms", ms(e.age));
}

inline void describe(const health_changed& e, described& to) {
    to.logger = "kedge.health";
    to.text = "Health of" + quoted(e.name) + ": " + name_of(e.from) + " -> " + name_of(e.to) + because(e.error);
    to.error = e.error;
    to.fields.add("service", e.name);
    to.fields.add("from", std::string_view(name_of(e.from)));
    to.fields.add("to", std::string_view(name_of(e.to)));
}

inline void describe(const payment_alarm& e, described& to) {
    constexpr const char* texts[] = {" needs a manual review, still undecided after ", " uses a key of other content",
                                     " was not sent: the provider cannot be trusted"};
    constexpr std::string_view names[] = {"manual_review", "key_conflict", "untrusted_peer"};
    const auto cause = static_cast<std::size_t>(e.cause);
    to.logger = "kedge.payment";
    to.text = "Payment " + std::string(e.key) + " of" + quoted(e.name) + texts[cause];
    if (e.cause == payment_alarm_cause::manual_review) to.text += to_string(e.age);
    to.text += because(e.error);
    to.error = e.error;
    to.fields.add("service", e.name);
    to.fields.add("cause", names[cause]);
    to.fields.add("key", e.key);
}

}  // namespace detail

KEDGE_DECL level severity_of(const event& what) noexcept {
    return std::visit([](const auto& e) noexcept { return detail::severity(e); }, what);
}

KEDGE_DECL event_record::event_record(const event& what, wall_time when) : time_(when), severity_(severity_of(what)) {
    detail::described words;
    std::visit([&](const auto& e) { detail::describe(e, words); }, what);
    logger_ = words.logger;
    message_ = std::move(words.text);
    fields_ = words.fields;
    place_ = words.place;
    error_ = words.error;
}

KEDGE_DECL record event_record::view() const noexcept {
    record r;
    r.time = time_;
    r.severity = severity_;
    r.logger = logger_;
    r.message = message_;
    r.fields = fields_.view();
    r.place = place_;
    r.error = error_;
    return r;
}

KEDGE_DECL void event_recorder::operator()(const event& what) const noexcept {
    if (!to_ || !to_->should_log(severity_of(what))) return;
    try {
        submit(*to_, event_record(what, runtime_->wall_now()).view());
    } catch (const std::exception&) {  // no memory for the words
    }
}

}  // namespace kedge::log
