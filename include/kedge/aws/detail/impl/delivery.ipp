// SPDX-License-Identifier: BSL-1.0
// What is sent when, and the end.
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/aws/detail/event_id.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/detail/iso_time.hpp>

#include <algorithm>
#include <exception>

namespace kedge::aws::detail {

/// While there is an outage, a batch of this size asks whether it is over.
inline constexpr std::size_t probe_events = 100, probe_bytes = 64 * 1024;

/// The stream is told of drops at most so often.
inline constexpr nanoseconds report_every = std::chrono::seconds(10);

/// 14 days and 2 hours, less a minute for clocks that differ.
inline constexpr std::int64_t minute_ms = 60'000, day_ms = 24 * 60 * minute_ms;
inline constexpr std::int64_t oldest_taken_ms = 14 * day_ms - minute_ms, newest_taken_ms = 120 * minute_ms - minute_ms;

KEDGE_DECL delivery::delivery(const delivery_rules& rules) noexcept
    : rules_(rules), pace_(std::clamp(rules.max_in_flight, 1, most_flights)), creation_(rules.retention_days) {
    queue_.limits.wire = wire_in_frame(rules.frame_bytes);
}

KEDGE_DECL void delivery::tick(const moment& now, delivery_actions& todo) noexcept {
    if (closed_) return;
    if (closing_ && now.steady >= deadline_) return give_up(todo);
    dispatch(now, todo);
    if (is_behind() && !crowded_) queue_.allow(replayed());
    if (is_done()) closed_ = todo.closed = true;
}

KEDGE_DECL time_point delivery::due() const noexcept {
    if (closed_) return never;
    if (is_done()) return time_point::min();
    const time_point end = closing_ ? deadline_ : never;
    if (in_flight_ >= pace_.window() || creating()) return end;
    time_point work = queue_.due();
    const bool anything = !retries_.empty() || !suspects_.empty() || creation_.busy();
    if (anything || (closing_ && !queue_.empty())) work = time_point::min();
    else if (queue_.notes().any() && !pace_.in_trouble()) work = std::min(work, next_report_);
    return std::min(end, work == never ? never : std::max(work, pace_.resume_at()));
}

/// Whether a request of the creation is under way.
KEDGE_DECL bool delivery::creating() const noexcept {
    const auto creates = [](const flight& f) { return f.serial != 0 && f.what != operation::put_events; };
    return creation_.busy() && std::any_of(flights_.begin(), flights_.end(), creates);
}

KEDGE_DECL void delivery::dispatch(const moment& now, delivery_actions& todo) noexcept {
    while (pace_.allows(now.steady, in_flight_)) {
        if (creation_.busy()) {
            if (!creating()) start(creation_.next(), nullptr, now.steady, todo);
            return;
        }
        batch_ptr batch = next_batch(now, todo);
        if (!batch) return;
        start(operation::put_events, std::move(batch), now.steady, todo);
    }
}

KEDGE_DECL void delivery::start(operation what, batch_ptr events, time_point now, delivery_actions& todo) noexcept {
    flight& free = *std::find_if(flights_.begin(), flights_.end(), [](const flight& f) { return f.serial == 0; });
    if (++serial_ == 0) ++serial_;
    if (events && events->attempts++ > 0) ++counters_.retries, ++counters_.retried[events->last];
    free = {serial_, what, std::move(events), pace_.start(), now, skew_.ahead(), rules_.gzip && gzip_works_};
    ++in_flight_;
    todo.start[static_cast<std::size_t>(todo.starting++)] = {free.serial, what, free.events.get(), free.gzip, free.skew};
}

KEDGE_DECL delivery::batch_ptr delivery::waiting_batch(time_point now) noexcept {
    if (batch_ptr batch = retries_.pop_front()) return batch;
    if (batch_ptr batch = queue_.take(now, closing_ || report_due(now))) {
        batch->order = ++order_;
        return batch;
    }
    return suspects_.pop_front();
}

/// The next that has something to send, ready to be sent.
KEDGE_DECL delivery::batch_ptr delivery::next_batch(const moment& now, delivery_actions& todo) noexcept {
    while (batch_ptr batch = waiting_batch(now.steady)) {
        sieve(*batch, now, todo);
        if (batch->events.empty()) {
            spend(std::move(batch), todo);
            continue;
        }
        if (pace_.outage()) batch = probe_of(std::move(batch));
        batch = with_report(std::move(batch), now);
        return batch;
    }
    return report_due(now.steady) ? with_report(nullptr, now) : nullptr;
}

KEDGE_DECL delivery::batch_ptr delivery::probe_of(batch_ptr batch) noexcept {
    const event_list& all = batch->events;
    if (all.size() == 1 || (all.size() <= probe_events && all.counted() <= probe_bytes)) return batch;
    batch_ptr probe = event_batch::make(batch->opened);
    if (!probe) return batch;
    batch->split_to(*probe, probe_events, probe_bytes);
    counters_.pending_bytes += event_queue::batch_memory;
    retries_.insert(std::move(batch));
    return probe;
}

KEDGE_DECL bool delivery::report_due(time_point now) const noexcept {
    return queue_.notes().any() && !pace_.in_trouble() && (now >= next_report_ || closing_);
}

/// Whether the record of drops belongs to `batch`, or alone if there is none: it goes where the gap is. While ever more is lost
/// that place moves on; so no later than behind what waited when it was due.
KEDGE_DECL bool delivery::report_belongs(const event_batch* batch) noexcept {
    if (report_after_ == 0) report_after_ = order_ + queue_.fresh().size() + queue_.replayed().size();
    if (order_ >= report_after_ || (retries_.empty() && queue_.empty())) return true;
    return batch && batch->newest_ms >= queue_.notes().last_ms();
}

/// The end of the gap, or the service's present if it would refuse that.
KEDGE_DECL std::int64_t delivery::report_time(const moment& now) const noexcept {
    const service_time theirs = skew_.theirs(now);
    const std::int64_t end = queue_.notes().last_ms();
    return end >= theirs.latest() - kept_ms() && end <= theirs.earliest() + newest_taken_ms ? end : theirs.by_pause;
}

/// Null without memory.
KEDGE_DECL log_event* delivery::make_report(const moment& now) noexcept {
    try {
        const auto at = [](std::int64_t ms) { return log::detail::iso_time(log::wall_time(std::chrono::milliseconds(ms))); };
        const std::string text = queue_.notes().text() + " between " + at(queue_.notes().first_ms()) + " and " +
                                 at(queue_.notes().last_ms());
        std::string line;
        log::record told;
        told.time = log::wall_time(std::chrono::milliseconds(report_time(now)));
        told.severity = log::level::warning;
        told.logger = "kedge.aws";
        told.message = text;
        if (rules_.format) rules_.format(told, line);
        else line = text;
        if (rules_.process_id != 0)
            add_id(line, event_id(rules_.process_id, ++reports_, "r").text(), false, most_event_ - event_overhead);
        return prepare({.message = line, .time_ms = report_time(now), .severity = log::level::warning}).events.pop_front();
    } catch (const std::exception&) {
        return nullptr;
    }
}

/// Tells of what was dropped, if that is due: in `batch`, or alone if it does not fit or there is none.
KEDGE_DECL delivery::batch_ptr delivery::with_report(batch_ptr batch, const moment& now) noexcept {
    if (!report_due(now.steady) || !report_belongs(batch.get())) return batch;
    log_event* const report = make_report(now);
    if (!report) return batch;  // another time
    batch_limits room = queue_.limits;
    room.wire += report_room;
    const bool fits = batch && batch->takes(*report, room);
    batch_ptr alone = fits ? nullptr : event_batch::make(now.steady);
    if (!fits && !alone) {
        log_event::destroy(report);
        return batch;
    }
    queue_.notes().clear();
    report_after_ = 0;
    next_report_ = core::saturating_add(now.steady, report_every);
    ++counters_.offered;
    ++counters_.pending;
    counters_.pending_bytes += report->memory() + (alone ? event_queue::batch_memory : 0);
    (fits ? batch : alone)->add(*report);
    if (!alone) return batch;
    alone->order = ++order_;
    if (!batch) return alone;
    retries_.insert(std::move(alone));
    return batch;
}

/// How old an event may be for the service to take it.
KEDGE_DECL std::int64_t delivery::kept_ms() const noexcept {
    return retention_is_known_ ? std::min(rules_.retention_days * day_ms - minute_ms, oldest_taken_ms) : oldest_taken_ms;
}

/// Takes out what the service would not take any more, and corrects what lies ahead. Before it was heard the verdict is its own.
KEDGE_DECL void delivery::sieve(event_batch& batch, const moment& now, delivery_actions& todo) noexcept {
    const service_time theirs = skew_.theirs(now);
    const std::int64_t least = theirs.earliest() - kept_ms(), most = theirs.latest() + newest_taken_ms;
    if (batch.oldest_ms >= least && batch.newest_ms <= most) return;
    event_list all = std::move(batch.events), old, ahead;
    batch.sorted = true;
    while (log_event* const event = all.pop_front()) {
        if (event->time_ms > most && rules_.clamp_too_new) event->time_ms = theirs.by_pause, ++counters_.clamped;
        if (!skew_.is_known() || (event->time_ms >= least && event->time_ms <= most)) batch.add(*event);
        else (event->time_ms < least ? old : ahead).push_back(*event);
    }
    reject(std::move(old), kept_ms() < oldest_taken_ms ? rejection::expired : rejection::too_old, todo);
    reject(std::move(ahead), rejection::too_new, todo);
}

KEDGE_DECL void delivery::close(time_point deadline, time_point now) noexcept {
    queue_.close();
    deadline_ = std::min(deadline_, deadline);
    if (std::exchange(closing_, true)) return;
    pace_.hurry(now);
}

KEDGE_DECL void delivery::leave(batch_ptr batch, delivery_actions& todo) noexcept {
    counters_.leftover += batch->events.size();
    counters_.pending -= batch->events.size();
    counters_.pending_bytes -= batch->events.memory() + event_queue::batch_memory;
    todo.leftover.append(std::move(batch->events));
}

KEDGE_DECL void delivery::give_up(delivery_actions& todo) noexcept {
    for (flight& one : flights_) {
        if (one.events) {
            counters_.unknown_events += one.events->events.size();
            retries_.insert(std::move(one.events));
        }
        one.serial = 0;
    }
    in_flight_ = 0;
    for (batch_list* const rest : {&retries_, &suspects_})
        while (batch_ptr batch = rest->pop_front()) leave(std::move(batch), todo);
    while (batch_ptr batch = queue_.take(never, true)) leave(std::move(batch), todo);
    counters_.leftover += counters_.spooled;
    counters_.pending -= std::exchange(counters_.spooled, 0);
    closed_ = todo.closed = true;
}

KEDGE_DECL bool delivery::will_store(const prepared& what) noexcept {
    const bool in_memory = queue_.has_room(what) && (!is_behind() || queue_.is_allowed(what));
    if (!in_memory) queue_.pass_by(what.events.size());
    return in_memory;
}

KEDGE_DECL void delivery::stored(prepared&& what, bool in_memory, time_point now) noexcept {
    if (!in_memory) return queue_.was_passed_by(what);
    if (!closed_) return queue_.push_stored(std::move(what), now);
    counters_.offered += what.events.size();  // the end came meanwhile: it stays on disk
    counters_.leftover += what.events.size();
}

KEDGE_DECL void delivery::not_stored(const prepared& what, bool in_memory) noexcept {
    if (in_memory) return;
    if (!closed_) return queue_.not_passed_by(what.events.size());
    counters_.offered -= what.events.size();
    counters_.leftover -= what.events.size();
}

KEDGE_DECL void delivery::displaced(const displaced_events& gone, std::int64_t time_ms) noexcept {
    queue_.lose_spooled(std::min(gone.ours, counters_.spooled), drop_reason::displaced, time_ms);
    queue_.lose_unseen(gone.earlier, drop_reason::displaced, time_ms);
}

KEDGE_DECL void delivery::refill(spool_batch batch, const moment& now) noexcept {
    queue_.promise({});
    if (closed_) return;  // they are left over, and on disk
    crowded_ = batch.crowded;
    earlier_left_ = batch.earlier_left;
    queue_.lose_spooled(std::min(batch.lost, counters_.spooled), drop_reason::unreadable, now.wall_ms);
    queue_.refill(std::move(batch.events), batch.ours, now.steady);
}

/// What of the backlog is in memory.
KEDGE_DECL memory_share delivery::replayed() const noexcept {
    memory_share sum;
    const auto add = [&sum](const event_batch& batch) {
        if (!batch.replayed) return;
        sum.bytes += batch.events.memory() + event_queue::batch_memory;
        sum.events += batch.events.size();
    };
    for (const flight& one : flights_)
        if (one.events) add(*one.events);
    for (const batch_list* list : {&retries_, &suspects_, &queue_.replayed()})
        for (const event_batch* b = list->front(); b; b = b->next.get()) add(*b);
    return sum;
}

KEDGE_DECL delivery_counters delivery::counters(time_point now) const noexcept {
    delivery_counters c = counters_;
    time_point oldest = now;
    const auto look = [&oldest](const event_batch* batch) {
        if (batch) oldest = std::min(oldest, batch->opened);
    };
    for (const flight& one : flights_) look(one.events.get());
    for (const batch_list* list : {&retries_, &suspects_, &queue_.fresh(), &queue_.replayed()}) look(list->front());
    c.oldest = now - oldest;
    c.clock_skew = skew_.ahead();
    c.window = pace_.window();
    c.outage = pace_.outage();
    return c;
}

KEDGE_DECL std::size_t delivery::count_events() const noexcept {
    std::size_t sum = 0;
    for (const batch_list* list : {&retries_, &suspects_, &queue_.fresh(), &queue_.replayed()}) sum += list->count_events();
    for (const flight& one : flights_) sum += one.events ? one.events->events.size() : 0;
    return sum;
}

}  // namespace kedge::aws::detail
