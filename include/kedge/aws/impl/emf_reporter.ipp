// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/emf_reporter.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/detail/event_words.hpp>

#include <iterator>
#include <utility>

namespace kedge::aws {

namespace detail {

inline void add_count(emf_builder& to, std::string_view name, auto value) {
    to.metric(name, static_cast<double>(value), metric_unit::count);
}

inline void add_bytes(emf_builder& to, std::string_view name, std::uint64_t bytes) {
    to.metric(name, static_cast<double>(bytes), metric_unit::bytes);
}

inline void add_time(emf_builder& to, std::string_view name, nanoseconds span) {
    to.metric(name, log::detail::ms(span), metric_unit::milliseconds);
}

inline void add_percent(emf_builder& to, std::string_view name, double ratio) {
    to.metric(name, 100 * ratio, metric_unit::percent);
}

inline void add_error(emf_builder& to, std::string_view name, const boost::system::error_code& error) {
    if (error.failed()) to.property(name, std::string_view(error.message()));
}

inline void append(std::vector<std::string>& to, std::vector<std::string> more) {
    to.insert(to.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

}  // namespace detail

KEDGE_DECL emf_reporter::emf_reporter(emf_reporter_options options) : options_(std::move(options)) {
    (void)begin({}, {}, {});  // throws for a namespace that is none
}

KEDGE_DECL emf_builder emf_reporter::begin(std::string_view kind, std::string_view name, log::wall_time when) const {
    emf_builder out(options_.name_space, when);
    if (!options_.application.empty()) out.dimension("application", options_.application);
    if (!name.empty()) out.dimension(kind, name);
    return out;
}

KEDGE_DECL void emf_reporter::add_total(emf_builder& to, std::string_view metric, std::string_view name, std::uint64_t total,
                                        metric_unit unit) {
    std::string key(metric);
    (key += '\n') += name;
    std::uint64_t& before = totals_[key];
    const std::uint64_t came = total >= before ? total - before : total;  // less: what it counts was made anew
    to.metric(metric, static_cast<double>(came), unit);
    before = total;
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const pool_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("pool", name, when);
    detail::add_count(emf, "pool_used", s.used);
    detail::add_count(emf, "pool_idle", s.idle);
    detail::add_count(emf, "pool_dialing", s.dialing);
    detail::add_count(emf, "pool_max", s.max);
    detail::add_count(emf, "pool_peak", s.peak);
    detail::add_percent(emf, "pool_utilisation", s.utilisation());
    detail::add_count(emf, "pool_down", s.down);
    detail::add_count(emf, "queue_waiting", s.waiting);
    detail::add_time(emf, "queue_oldest_wait", s.oldest_wait);
    if (s.waits.count > 0) {
        detail::add_time(emf, "queue_wait_p50", s.waits.p50);
        detail::add_time(emf, "queue_wait_p99", s.waits.p99);
    }
    add_total(emf, "queue_waits", name, s.waits.count);
    add_total(emf, "queue_timeouts", name, s.timeouts);
    add_total(emf, "pool_leaks", name, s.leaks);
    add_total(emf, "pool_opened", name, s.opened);
    detail::add_error(emf, "last_connect_error", s.last_connect_error);
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const breaker_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("breaker", name, when);
    detail::add_count(emf, "breaker_open", s.state == breaker_state::open);
    detail::add_count(emf, "breaker_half_open", s.state == breaker_state::half_open);
    detail::add_count(emf, "breaker_isolated", s.isolations > 0);
    detail::add_count(emf, "breaker_calls", s.calls);
    detail::add_count(emf, "breaker_failures", s.failures);
    if (s.calls > 0) detail::add_percent(emf, "breaker_failure_ratio", s.ratio());
    detail::add_count(emf, "breaker_failures_in_a_row", s.failures_in_a_row);
    detail::add_time(emf, "breaker_in_state", s.in_state);
    detail::add_time(emf, "breaker_next_probe_in", s.next_probe_in);
    add_total(emf, "breaker_refused", name, s.refused);
    add_total(emf, "breaker_stale", name, s.stale);
    emf.property("state", std::string_view(log::detail::name_of(s.state)));
    if (s.mode != breaker_mode::normal)
        emf.property("mode", std::string_view(s.mode == breaker_mode::disabled ? "disabled" : "metrics_only"));
    detail::add_error(emf, "last_error", s.last_error);
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const health_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("service", name, when);  // as records of health call it
    detail::add_count(emf, "health_up", s.state == health::up);
    detail::add_count(emf, "health_degraded", s.state == health::degraded);
    detail::add_count(emf, "health_down", s.state == health::down);
    detail::add_time(emf, "health_in_state", s.in_state);
    detail::add_count(emf, "health_failures_in_a_row", s.failures_in_a_row);
    add_total(emf, "health_checks", name, s.checks);
    emf.property("state", std::string_view(log::detail::name_of(s.state)));
    if (s.state != health::up) detail::add_error(emf, "last_error", s.last_error);
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const log::sink_counters& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("sink", name, when);
    add_total(emf, "sink_written", name, s.written);
    add_total(emf, "sink_dropped", name, s.dropped);
    add_total(emf, "sink_failed", name, s.failed);
    return emf.documents();
}

/// Their sum, and each reason that there ever was: a metric that is 0 for ever costs as much as one that says something.
template <class Reason, std::size_t Count>
void emf_reporter::add_reasons(emf_builder& to, std::string metric, std::string_view name,
                               const counts_by<Reason, Count>& counts) {
    add_total(to, metric, name, counts.total());
    metric += '_';
    for (std::size_t i = 0; i < Count; ++i) {
        const auto why = static_cast<Reason>(i);
        if (counts[why] > 0) add_total(to, metric + std::string(name_of(why)), name, counts[why]);
    }
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const delivery_counters& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("stream", name, when);
    add_total(emf, "log_offered", name, s.offered);
    add_total(emf, "log_acked", name, s.acked);
    add_total(emf, "log_acked_bytes", name, s.acked_bytes, metric_unit::bytes);
    add_total(emf, "log_acked_batches", name, s.acked_batches);
    add_total(emf, "log_leftover", name, s.leftover);
    add_reasons(emf, "log_rejected", name, s.rejected);
    add_reasons(emf, "log_dropped", name, s.dropped);
    detail::add_count(emf, "log_pending", s.pending);
    detail::add_bytes(emf, "log_pending_bytes", s.pending_bytes);
    detail::add_count(emf, "log_most_pending", s.most_pending);
    detail::add_bytes(emf, "log_most_bytes", s.most_bytes);
    detail::add_time(emf, "log_oldest", s.oldest);
    detail::add_time(emf, "log_ack_latency", s.ack_latency);
    detail::add_time(emf, "log_clock_skew", s.clock_skew);
    detail::add_count(emf, "log_outage", s.outage);
    add_total(emf, "log_unknown_events", name, s.unknown_events);
    add_reasons(emf, "log_requests", name, s.answers);
    add_reasons(emf, "log_retries", name, s.retried);
    add_total(emf, "log_throttled", name, s.answers[answer_kind::throttled]);
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const spool_counters& s, log::wall_time when) {
    emf_builder emf = begin("spool", name, when);
    detail::add_bytes(emf, "spool_bytes", s.bytes);
    detail::add_count(emf, "spool_segments", s.segments);
    detail::add_count(emf, "spool_working", s.working);
    detail::add_count(emf, "spool_set_aside", s.set_aside);
    add_total(emf, "spool_written", name, s.written);
    add_total(emf, "spool_corrupt", name, s.corrupt);
    add_total(emf, "spool_lost", name, s.lost);
    add_total(emf, "spool_failures", name, s.failures);
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const credentials_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("credentials", name, when);
    if (s.since) detail::add_time(emf, "credentials_age", when - *s.since);
    if (s.expires) detail::add_time(emf, "credentials_expire_in", *s.expires - when);
    detail::add_count(emf, "credentials_failures_in_a_row", s.failures);
    add_total(emf, "credentials_failures", name, s.failed_looks);
    if (!s.source.empty()) emf.property("source", std::string_view(s.source));
    return emf.documents();
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const payment_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("client", name, when);
    detail::add_count(emf, "payment_in_flight", s.in_flight);
    emf.metric("payment_retry_tokens", s.retries.tokens, metric_unit::count);
    detail::add_count(emf, "payment_shut_down", s.shut_down);
    std::vector<std::string> out = emf.documents();
    detail::append(out, report(name, s.charges, when));
    detail::append(out, report(name.empty() ? std::string("reads") : std::string(name) + ".reads", s.reads, when));
    detail::append(out, report(name, s.health, when));
    return out;
}

KEDGE_DECL std::vector<std::string> emf_reporter::report(std::string_view name, const database_snapshot& s,
                                                         log::wall_time when) {
    emf_builder emf = begin("client", name, when);
    emf.metric("database_retry_tokens", s.retries.tokens, metric_unit::count);
    std::vector<std::string> out = emf.documents();
    detail::append(out, report(name, s.pool, when));
    detail::append(out, report(name, s.breaker, when));
    detail::append(out, report(name, s.health, when));
    return out;
}

}  // namespace kedge::aws
