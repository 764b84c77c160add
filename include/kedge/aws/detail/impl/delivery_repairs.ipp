// SPDX-License-Identifier: BSL-1.0
// What becomes of a batch that the service does not take as it is, and how events leave.
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/aws/detail/event_id.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <exception>
#include <limits>

namespace kedge::aws::detail {

/// Two poisonous events in a full batch take fewer to find.
inline constexpr int most_invalid_in_a_row = 40;

/// Something in the batch is not accepted: it is halved until the event is alone.
KEDGE_DECL void delivery::invalid(batch_ptr batch, const flight& ended, const service_answer& answer, const moment& now,
                                  std::uint64_t random, delivery_actions& todo) noexcept {
    bool in_pieces = false;
    if (exceeds(*batch, answer)) {
        in_pieces = shrink(batch, answer);
    } else if (batch->events.size() > 1) {
        ++counters_.bisections;
        in_pieces = halve(batch);
        if (++invalid_in_a_row_ > most_invalid_in_a_row) suffer(ended, answer, now, random, todo);
    } else if (answer.kind == answer_kind::too_large) {
        reject(std::move(batch->events), rejection::oversize, todo);
        todo.cause = &answer;
        return spend(std::move(batch), todo);
    } else if (condemnations_ > 0) {
        --condemnations_;
        reject(std::move(batch->events), rejection::poison, todo);
        todo.cause = &answer;
        return spend(std::move(batch), todo);
    } else {  // nothing else was accepted: the fault may be ours
        suspects_.push_back(std::move(batch));
        pace_.puzzled(ended.number, now.steady, random);
        if (++invalid_in_a_row_ > most_invalid_in_a_row) suffer(ended, answer, now, random, todo);
        return;
    }
    if (!in_pieces) fail(ended, no_memory_answer(), now.steady, random, todo);  // later
    if (batch) retries_.insert(std::move(batch));
}

/// Whether a limit that the answer names explains it.
KEDGE_DECL bool delivery::exceeds(const event_batch& batch, const service_answer& answer) const noexcept {
    if (answer.limit < least_event_bytes) return false;
    if (answer.limited == limit_kind::batch) return batch.events.size() > 1 && batch.events.counted() > answer.limit;
    if (answer.limited != limit_kind::event) return false;
    for (const log_event* event = batch.events.front(); event; event = event->next)
        if (event->counted() > answer.limit) return true;
    return false;
}

/// Learns the limit. False without memory.
KEDGE_DECL bool delivery::shrink(batch_ptr& batch, const service_answer& answer) noexcept {
    if (answer.limited == limit_kind::batch) {
        queue_.limits.counted = std::min(queue_.limits.counted, answer.limit);
        return halve(batch);
    }
    most_event_ = std::min(most_event_, answer.limit);
    return split_large(*batch);
}

/// Puts both halves where they are sent next. False without memory.
KEDGE_DECL bool delivery::halve(batch_ptr& batch) noexcept {
    batch_ptr front = event_batch::make(batch->opened);
    if (!front) return false;
    batch->split_to(*front, batch->events.size() / 2, std::numeric_limits<std::size_t>::max());
    counters_.pending_bytes += event_queue::batch_memory;
    retries_.insert(std::move(batch));
    retries_.insert(std::move(front));
    return true;
}

/// Empty without memory.
KEDGE_DECL prepared delivery::prepare_again(const log_event& event) noexcept {
    try {
        std::string id = id_of(event.message());
        const std::uint64_t number = id.empty() ? next_number() : 0;
        if (id.empty() && rules_.process_id != 0) id = event_id(rules_.process_id, number).text();
        return prepare({event.message(), event.time_ms, event.severity, event.whole, number, id}, most_event_);
    } catch (const std::exception&) {
        return {};
    }
}

/// Splits each event that is larger than is taken. False without memory; what was not split is as it was.
KEDGE_DECL bool delivery::split_large(event_batch& batch) noexcept {
    event_list all = std::move(batch.events);
    bool done = true;
    while (log_event* const event = all.pop_front()) {
        prepared parts;
        if (event->counted() > most_event_) {
            parts = prepare_again(*event);
            done = done && !parts.events.empty();
        }
        if (parts.events.empty()) {
            batch.add(*event);
            continue;
        }
        for (log_event* part = parts.events.front(); part; part = part->next) {
            part->sequence = event->sequence;
            part->share = event->share / static_cast<float>(parts.events.size());
        }
        counters_.split += parts.how == preparation::split;
        counters_.shortened += parts.how == preparation::shortened;
        counters_.offered += parts.events.size() - 1;
        counters_.pending += parts.events.size() - 1;
        counters_.pending_bytes += parts.events.memory();
        counters_.pending_bytes -= event->memory();
        log_event::destroy(event);
        while (log_event* const part = parts.events.pop_front()) batch.add(*part);
    }
    return done;
}

KEDGE_DECL void delivery::reject(event_list events, rejection why, delivery_actions& todo) noexcept {
    counters_.rejected[why] += events.size();
    counters_.pending -= events.size();
    counters_.pending_bytes -= events.memory();
    todo.refused[static_cast<std::size_t>(why)].append(std::move(events));
}

KEDGE_DECL void delivery::spend(batch_ptr batch, delivery_actions& todo) noexcept {
    counters_.pending -= batch->events.size();
    counters_.pending_bytes -= batch->events.memory() + event_queue::batch_memory;
    todo.spent.push_back(std::move(batch));
}

}  // namespace kedge::aws::detail
