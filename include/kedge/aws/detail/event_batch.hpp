// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/delivery_counters.hpp>
#include <kedge/aws/detail/log_event.hpp>
#include <kedge/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <utility>

namespace kedge::aws::detail {

/// Of a body. Nothing says that a larger one is taken.
inline constexpr std::size_t most_body_bytes = 1'048'576;
/// What a batch leaves for the record of drops, which joins it late.
inline constexpr std::size_t report_room = 1024;

/// What events may take in a body.
/// @param frame  what stands around them: the names have up to 3 KB when they are all escapes
constexpr std::size_t wire_in_frame(std::size_t frame) noexcept {
    return most_body_bytes - std::max<std::size_t>(frame + report_room, 2048);
}

/// What the service takes in one request, and what it is wise to give it.
struct batch_limits {
    std::size_t counted = 1'048'576;  ///< bytes of text, and 26 for each event
    std::size_t events = 10'000;
    std::size_t wire = wire_in_frame(0);  ///< of the body
    std::size_t enough = 1'000'000;  ///< of either size: waiting for more would gain little
};

/// The service takes 24 h; a minute is for clocks that differ.
inline constexpr std::int64_t longest_span_ms = (24 * 60 - 1) * 60'000;

/** Events that go in one request. */
class event_batch {
public:
    /// Null without memory.
    static std::unique_ptr<event_batch> make(time_point opened) noexcept {
        std::unique_ptr<event_batch> made(new (std::nothrow) event_batch);
        if (made) made->opened = opened;
        return made;
    }

    bool takes(const log_event& event, const batch_limits& limits) const noexcept {
        return has_room(event, limits) && reaches(event);
    }
    bool has_room(const log_event& event, const batch_limits& limits) const noexcept {
        if (events.empty()) return true;
        return events.size() < limits.events && events.counted() + event.counted() <= limits.counted &&
               events.wire() + event.wire() <= limits.wire;
    }
    bool reaches(const log_event& event) const noexcept {
        return events.empty() || std::max(newest_ms, event.time_ms) - std::min(oldest_ms, event.time_ms) <= longest_span_ms;
    }

    void add(log_event& event) noexcept {
        if (events.empty()) oldest_ms = newest_ms = event.time_ms;
        else sorted = sorted && event.time_ms >= newest_ms;
        oldest_ms = std::min(oldest_ms, event.time_ms);
        newest_ms = std::max(newest_ms, event.time_ms);
        events.push_back(event);
    }

    bool is_enough(const batch_limits& limits) const noexcept {
        return events.size() >= limits.events || events.counted() >= std::min(limits.enough, limits.counted) ||
               events.wire() >= std::min(limits.enough, limits.wire);
    }

    void sort() noexcept {
        if (!sorted) events.sort();
        sorted = true;
    }

    /// Moves the first events, at least one, to `front`: at most `most`, and of at most `bytes`.
    void split_to(event_batch& front, std::size_t most, std::size_t bytes) noexcept {
        front.opened = opened;
        front.order = order;
        front.attempts = attempts;
        front.last = last;
        front.replayed = replayed;
        front.on_disk = on_disk;
        do front.add(*events.pop_front());
        while (!events.empty() && front.events.size() < most && front.events.counted() + events.front()->counted() <= bytes);
    }

    event_list events{};
    std::int64_t oldest_ms = 0, newest_ms = 0;  ///< bounds; what was taken out may have been nearer
    bool sorted = true;
    bool urgent = false;
    bool replayed = false;  ///< of the backlog on disk
    bool on_disk = false;   ///< all of it, too
    bool open = true;       ///< while it waits: more may come
    time_point opened{};      ///< when its first event came
    time_point send_at{};     ///< while it waits and is open
    std::uint64_t order = 0;  ///< smaller was taken earlier
    int attempts = 0;
    answer_kind last = answer_kind::not_sent;  ///< what the attempt before ended with
    std::unique_ptr<event_batch> next;
    event_batch* before = nullptr;  ///< in its list

private:
    event_batch() = default;
};

/** Owns batches in a row. */
class batch_list {
public:
    batch_list() = default;
    batch_list(batch_list&& other) noexcept { swap(other); }
    batch_list& operator=(batch_list&& other) noexcept {
        batch_list gone(std::move(other));
        swap(gone);
        return *this;
    }
    ~batch_list() {
        while (pop_front()) {}  // not by recursion
    }

    bool empty() const noexcept { return !first_; }
    event_batch* front() const noexcept { return first_.get(); }
    event_batch* back() const noexcept { return last_; }
    bool has_one() const noexcept { return first_ && first_.get() == last_; }

    void push_back(std::unique_ptr<event_batch> batch) noexcept {
        event_batch* const added = batch.get();
        added->before = last_;
        (last_ ? last_->next : first_) = std::move(batch);
        last_ = added;
    }

    /// Before those of the same order.
    void insert(std::unique_ptr<event_batch> batch) noexcept {
        event_batch* before = nullptr;
        for (event_batch* at = first_.get(); at && at->order < batch->order; at = at->next.get()) before = at;
        std::unique_ptr<event_batch>& place = before ? before->next : first_;
        batch->before = before;
        batch->next = std::move(place);
        (batch->next ? batch->next->before : last_) = batch.get();
        place = std::move(batch);
    }

    std::unique_ptr<event_batch> pop_front() noexcept {
        std::unique_ptr<event_batch> batch = std::move(first_);
        if (!batch) return batch;
        first_ = std::move(batch->next);
        (first_ ? first_->before : last_) = nullptr;
        return batch;
    }

    std::size_t size() const noexcept {
        std::size_t sum = 0;
        for (const event_batch* b = front(); b; b = b->next.get()) ++sum;
        return sum;
    }

    /// @param batch  one of these
    void erase(const event_batch& batch) noexcept {
        event_batch* const before = batch.before;
        std::unique_ptr<event_batch>& place = before ? before->next : first_;
        std::unique_ptr<event_batch> gone = std::move(place);
        place = std::move(gone->next);
        (place ? place->before : last_) = before;
    }

    std::size_t count_events() const noexcept {
        std::size_t sum = 0;
        for (const event_batch* b = front(); b; b = b->next.get()) sum += b->events.size();
        return sum;
    }

private:
    void swap(batch_list& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
    }

    std::unique_ptr<event_batch> first_;
    event_batch* last_ = nullptr;
};

}  // namespace kedge::aws::detail
