// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/core/event.hpp>
#include <kedge/core/time.hpp>
#include <kedge/detail/unfinished.hpp>
#include <kedge/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace kedge::detail {

/// The tightest limit in force, and who set it.
struct time_limit {
    time_point at = never;
    stage who = stage::total_timeout;

    errc expired() const noexcept { return who == stage::timeout ? errc::timed_out : errc::deadline_exceeded; }
};

/// What the stages of a pipeline know of the call that passes through them; no Asio in it, so that the asynchronous
/// and the blocking shell share the stages.
struct call_state : unfinished {
    /// @param timed  some policy sets a limit; without any limit or report the precise clock need not be read
    call_state(runtime& r, const call& c, const attempt& outer, bool harmless, bool timed,
               std::atomic<bool>* advised_flag) noexcept
        : unfinished(asked.place), rt(r), advised(advised_flag), asked(c), limit{std::min(c.deadline, outer.deadline)},
          now(timed || c.report || limit.at != never ? r.now() : r.coarse_now()), started(now) {
        if (asked.repeating == repeat::as_configured) asked.repeating = outer.repeating;
        if (asked.repeating == repeat::as_configured && harmless) asked.repeating = repeat::harmless;
        if (asked.tag.empty()) asked.tag = outer.tag;
        if (asked.place.line() == 0) asked.place = outer.place;
        if (asked.report) *asked.report = call_report{};
        inner.report = asked.report ? asked.report : outer.report;
        inner.tag = asked.tag;
        inner.repeating = asked.repeating;
        inner.place = asked.place;
        rt.watch(*this);
    }
    call_state(const call_state&) = delete;

    runtime& rt;
    std::atomic<bool>* advised;  ///< the pipeline said once that a retry was due but not allowed
    call asked;
    attempt inner{};     ///< what the operation sees; here because a coroutine may keep a reference to it
    time_limit limit;    ///< of what runs now; timeouts tighten it on the way in and restore it on the way out
    time_point now;      ///< read at the start of each attempt, precisely if anything depends on it
    time_point started;  ///< of the call
    time_point attempt_started{};
    nanoseconds waited{0};
    int attempts = 0;
    bool cancelled = false;            ///< by the caller
    bool probes = false;               ///< for a breaker further out, which waits for the answer
    bool refused = false;              ///< the result on its way out is a refusal of kedge's own
    bool expired = false;              ///< a limit passed before anything else ended the attempt
    bool told_to_stop = false;         ///< the operation was, since a limit passed
    stage stopped_by = stage::none;    ///< who refused, or ended the retries
    nanoseconds retry_after{0};

    void start_attempt() noexcept {
        expired = told_to_stop = refused = false;
        if (asked.report) asked.report->stopped_by = stage::none;  // what the operation may say of this attempt
        attempt_started = now;
        inner.number = ++attempts;
        inner.deadline = limit.at;
    }

    /// Refused before anything was started.
    errc too_late() const noexcept { return limit.who == stage::timeout ? errc::timed_out : errc::deadline_too_short; }

    operation_stuck stuck() const noexcept { return {asked.tag, asked.place, now - limit.at}; }

    /// Costs a clock read, hence only for those who asked for a report.
    void record(const error_code& ec, verdict judged) noexcept {
        call_report* r = asked.report;
        if (!r) return;
        const std::size_t last = r->history.size() - 1;
        attempt_record& one = r->history[std::min<std::size_t>(static_cast<std::size_t>(attempts - 1), last)];
        one.number = attempts;
        one.error = ec;
        one.judged = judged;
        one.latency = rt.now() - attempt_started;
        one.waited_before = waited;
    }

    void finish_report(const error_code& ec) noexcept {
        call_report* r = asked.report;
        if (!r) return;
        r->attempts = attempts;
        r->result = ec;
        if (stopped_by != stage::none || refused || !ec) r->stopped_by = stopped_by;  // else what the operation said
        r->retry_after = retry_after;
        r->elapsed = rt.now() - started;
    }
};

/// An operation that still runs so long after it was told to stop raises an event.
inline constexpr nanoseconds stuck_after = std::chrono::seconds(1);

}  // namespace kedge::detail
