// SPDX-License-Identifier: BSL-1.0
// What an answer leads to.
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <utility>

namespace kedge::aws::detail {

/// So many events may be called poison for one acknowledgement: more look like a mistake in our requests than in the events.
inline constexpr int most_condemnations = 8;

/// A stream that was just created may take so long to be seen by all of the service.
inline constexpr nanoseconds creation_spreads = std::chrono::seconds(5);

inline constexpr nanoseconds refresh_every = std::chrono::seconds(30);

KEDGE_DECL void delivery::answered(std::uint32_t serial, const service_answer& answer, const moment& now, std::uint64_t random,
                                   delivery_actions& todo) noexcept {
    std::optional<flight> ended = land(serial);
    if (!ended) return;
    ++counters_.answers[answer.kind];
    counters_.unread_ranges += answer.ranges_unread;
    if (ended->what == operation::put_events) settle_put(*ended, answer, now, random, todo);
    else settle_creation(*ended, answer, now, random, todo);
    tick(now, todo);
}

KEDGE_DECL std::optional<delivery::flight> delivery::land(std::uint32_t serial) noexcept {
    const auto found = std::find_if(flights_.begin(), flights_.end(), [serial](const flight& f) { return f.serial == serial; });
    if (serial == 0 || found == flights_.end()) return std::nullopt;
    --in_flight_;
    return std::exchange(*found, flight{});
}

KEDGE_DECL void delivery::not_started(std::uint32_t serial, time_point now, std::uint64_t random,
                                      delivery_actions& todo) noexcept {
    std::optional<flight> ended = land(serial);
    if (!ended) return;
    if (ended->events) {
        ended->events->last = answer_kind::not_sent;
        retries_.insert(std::move(ended->events));
    }
    fail(*ended, no_memory_answer(), now, random, todo);
}

KEDGE_DECL void delivery::settle_put(flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                                     delivery_actions& todo) noexcept {
    batch_ptr batch = std::move(ended.events);
    if (answer.kind == answer_kind::accepted) return acknowledge(std::move(batch), ended, answer.rejected, now, todo);
    batch->last = answer.kind;
    if (answer.may_be_stored) counters_.unknown_events += batch->events.size();
    switch (answer.kind) {
    case answer_kind::malformed:
        if (!ended.gzip) return invalid(std::move(batch), ended, answer, now, random, todo);
        gzip_works_ = false;
        return retries_.insert(std::move(batch));
    case answer_kind::too_large:
    case answer_kind::invalid: return invalid(std::move(batch), ended, answer, now, random, todo);
    default: break;
    }
    retries_.insert(std::move(batch));
    if (answer.kind == answer_kind::missing) missing(ended, answer, now, random, todo);
    else suffer(ended, answer, now, random, todo);
}

KEDGE_DECL void delivery::acknowledge(batch_ptr batch, const flight& ended, const rejected_ranges& ranges, const moment& now,
                                      delivery_actions& todo) noexcept {
    pace_.acked(ended.number);
    if (!pace_.in_trouble() && told_ != 0 && todo.alarms.add(delivery_alarm::recovered)) told_ = 0;
    invalid_in_a_row_ = 0;
    condemnations_ = most_condemnations;
    while (batch_ptr suspect = suspects_.pop_front()) retries_.insert(std::move(suspect));

    event_list& events = batch->events;
    const std::size_t first = std::min(std::max(ranges.too_old_end, ranges.expired_end), events.size());
    const std::size_t last = std::min(std::max(ranges.too_new_start, first), events.size());
    if (first > 0 || last < events.size()) {
        event_list old = events.take_front(std::min(ranges.too_old_end, first));
        event_list expired = events.take_front(first - old.size()), stored = events.take_front(last - first);
        reject(std::move(old), rejection::too_old, todo);
        reject(std::move(expired), rejection::expired, todo);
        reject(std::move(events), rejection::too_new, todo);
        events = std::move(stored);
    }
    counters_.acked += events.size();
    counters_.acked_bytes += events.counted();
    counters_.acked_batches += !events.empty();
    counters_.ack_latency = now.steady - batch->opened;
    spend(std::move(batch), todo);
}

KEDGE_DECL void delivery::suffer(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                                 delivery_actions& todo) noexcept {
    const bool our_clock = skew_.corrected_since(ended.skew);
    switch (answer.kind) {
    case answer_kind::throttled: return pace_.throttled(ended.number, now.steady, answer.retry_after, random);
    case answer_kind::stale_credentials: return ask_for_credentials(ended, answer, now, random, todo);
    case answer_kind::bad_signature:
        if (!our_clock) return ask_for_credentials(ended, answer, now, random, todo);
        break;
    case answer_kind::missing:
        if (rules_.create) break;  // it was made, and is not seen yet
        [[fallthrough]];
    case answer_kind::denied:
    case answer_kind::limit_reached:
        if (our_clock) break;
        tell(delivery_alarm::denied, answer, todo);
        return pace_.refused(ended.number, now.steady, random);
    case answer_kind::invalid:
    case answer_kind::too_large:
    case answer_kind::malformed:
        tell(delivery_alarm::nothing_accepted, answer, todo);
        return pace_.refused(ended.number, now.steady, random);
    default: break;
    }
    fail(ended, answer, now.steady, random, todo);
}

/// One failure more; counts and tells the outage that it makes.
KEDGE_DECL void delivery::fail(const flight& ended, const service_answer& cause, time_point now, std::uint64_t random,
                               delivery_actions& todo) noexcept {
    if (!pace_.failed(ended.number, now, random)) return;
    ++counters_.outages;
    tell(delivery_alarm::outage, cause, todo);
}

KEDGE_DECL void delivery::tell(delivery_alarm what, const service_answer& cause, delivery_actions& todo) noexcept {
    const unsigned bit = 1U << static_cast<unsigned>(what);
    if ((told_ & bit) == 0 && todo.alarms.add(what, &cause)) told_ |= bit;
}

KEDGE_DECL void delivery::ask_for_credentials(const flight& ended, const service_answer& answer, const moment& now,
                                              std::uint64_t random, delivery_actions& todo) noexcept {
    pace_.waits_for_keys(ended.number, now.steady, random);
    tell(delivery_alarm::credentials, answer, todo);
    if (now.steady < refreshed_at_) return;
    refreshed_at_ = core::saturating_add(now.steady, refresh_every);
    ++counters_.refreshes;
    todo.refresh_credentials = true;
}

KEDGE_DECL void delivery::missing(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                                  delivery_actions& todo) noexcept {
    if (!rules_.create) return suffer(ended, answer, now, random, todo);
    if (ended.began < created_at_) return;  // it did not know yet
    if (created_at_ != time_point::min() && now.steady < core::saturating_add(created_at_, creation_spreads))
        suffer(ended, answer, now, random, todo);
    creation_.begin(answer.of_group);
}

KEDGE_DECL void delivery::settle_creation(const flight& ended, const service_answer& answer, const moment& now,
                                          std::uint64_t random, delivery_actions& todo) noexcept {
    using progress = target_creation::progress;
    if (answer.kind == answer_kind::accepted) {
        if (ended.what == operation::put_retention) retention_is_known_ = true;
        else ++counters_.creations;
    }
    switch (creation_.answered(answer.kind)) {
    case progress::done: created_at_ = now.steady; return;
    case progress::onward: return;
    case progress::again: return suffer(ended, answer, now, random, todo);
    case progress::group_kept_forever: todo.alarms.add(delivery_alarm::retention, &answer); return;
    }
}

}  // namespace kedge::aws::detail
