// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/delivery_counters.hpp>
#include <kedge/aws/detail/drop_report.hpp>
#include <kedge/aws/detail/event_batch.hpp>
#include <kedge/aws/detail/event_chunk.hpp>
#include <kedge/aws/detail/prepare.hpp>
#include <kedge/aws/detail/spool.hpp>
#include <kedge/aws/overflow.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace kedge::aws::detail {

struct queue_rules {
    std::size_t bytes = 8 * 1024 * 1024;  ///< real memory of all events that are pending, with those on their way
    std::size_t events = 50'000;
    overflow when_full = overflow::drop_newest;
    nanoseconds linger = std::chrono::seconds(1);
    nanoseconds urgent_linger = std::chrono::milliseconds(150);  ///< of a batch with an error
};

/// Memory of events, or for them.
struct memory_share {
    std::uint64_t bytes = 0, events = 0;
};

/** Where events wait for their batch. They are put into it as they come, so taking one costs nothing, however large.
 *
 *  What comes back from the disk waits in a line of its own, and the lines take turns: so half of what is sent is fresh while old
 *  events are replayed. Each line has half of the memory then.
 */
class event_queue {
public:
    event_queue(const queue_rules& rules, delivery_counters& counters) noexcept
        : rules_(rules), counters_(counters), carver_(rules.bytes) {}

    /// @return why it was dropped; nothing if it was accepted
    std::optional<drop_reason> push(prepared&& what, const raw_event& raw, time_point now) noexcept {
        if (const auto why = refuse(what, raw)) return turn_away(what, raw, *why);
        if (what.plain > 0 && !make_plain(what, raw)) return turn_away(what, raw, drop_reason::no_memory);
        count(what);
        append_all(std::move(what.events), now);
        return std::nullopt;
    }

    /// Why it can never be taken.
    std::optional<drop_reason> objection(const prepared& what) const noexcept {
        if (closed_) return drop_reason::closed;
        if (what.how == preparation::empty) return drop_reason::empty;
        if (what.how == preparation::no_memory) return drop_reason::no_memory;
        if (what.how == preparation::unredacted) return drop_reason::unredacted;
        const bool fits = what.memory() + batch_memory <= rules_.bytes && what.size() <= rules_.events;
        return fits ? std::nullopt : std::optional(drop_reason::too_large);
    }

    /// Drops one that was not taken.
    drop_reason turn_away(const prepared& what, const raw_event& raw, drop_reason why) noexcept {
        const std::size_t parts = std::max<std::size_t>(what.parts, 1);
        counters_.offered += parts;
        drop(why, parts, raw.time_ms);
        return why;
    }

    bool has_room(const prepared& what) const noexcept { return has_room(what.memory(), what.size(), false); }

    /// What is on disk, too, whether there is room or not.
    void push_stored(prepared&& what, time_point now) noexcept {
        count(what);
        append_all(std::move(what.events), now);
    }

    /// What will be on disk alone. It is counted before it is there, since who reads may see it at once.
    void pass_by(std::uint64_t events) noexcept {
        allowance_ = {};
        counters_.offered += events;
        counters_.pending += events;
        counters_.spooled += events;
    }
    void was_passed_by(const prepared& what) noexcept { count_texts(what); }
    void not_passed_by(std::uint64_t events) noexcept {
        counters_.offered -= events;
        counters_.pending -= events;
        counters_.spooled -= events;
    }

    /// What came back from the disk, and was `spooled` or not known before.
    void refill(event_list events, bool spooled, time_point now) noexcept {
        if (spooled) {
            counters_.spooled -= events.size();
            counters_.pending -= events.size();
        } else {
            counters_.offered += events.size();
            counters_.recovered += events.size();
        }
        append_all(std::move(events), now, true);
    }

    /// What was on disk alone is so no more.
    void lose_spooled(std::uint64_t events, drop_reason why, std::int64_t time_ms) noexcept {
        counters_.spooled -= events;
        counters_.pending -= events;
        drop(why, events, time_ms);
    }

    /// What a process before left on disk is gone before it was seen.
    void lose_unseen(std::uint64_t events, drop_reason why, std::int64_t time_ms) noexcept {
        counters_.offered += events;
        counters_.recovered += events;
        drop(why, events, time_ms);
    }

    /// For events from the disk, of which `replayed` are in memory.
    /// @param crowded  the next one is too large for half of it: it comes when there is nothing else
    spool_room room(const memory_share& replayed, bool crowded) const noexcept {
        const std::uint64_t events = in_memory();
        const std::size_t free = rules_.bytes - std::min<std::size_t>(counters_.pending_bytes, rules_.bytes);
        const std::size_t half = std::min(rules_.bytes / 2, most_refill);
        if (events == 0) return {crowded ? free : half, (rules_.events + 1) / 2, batch_memory, crowded};
        const bool too_little = free < rules_.bytes / 4 || rules_.events - events < (rules_.events + 3) / 4;
        if (crowded || too_little || replayed.bytes > rules_.bytes / 4 || replayed.events > rules_.events / 4) return {};
        const std::size_t share = rules_.events / 2 - replayed.events;
        if (share == 0) return {};
        return {std::min({free, half, rules_.bytes / 2 - replayed.bytes}), std::min(rules_.events - events, share), batch_memory};
    }
    /// Memory that is promised to what is being read.
    void promise(const spool_room& room) noexcept { promised_ = {room.bytes, room.events}; }

    /// So much may come to memory at once while old events wait on disk. It is given when half of the share is free, so that what
    /// is in memory are few ranges of those on disk.
    void allow(const memory_share& replayed) noexcept {
        const memory_share fresh{counters_.pending_bytes - replayed.bytes, in_memory() - replayed.events};
        if (fresh.bytes <= rules_.bytes / 4 && fresh.events <= rules_.events / 4)
            allowance_ = {rules_.bytes / 2 - fresh.bytes, rules_.events / 2 - fresh.events};
    }
    bool is_allowed(const prepared& what) noexcept {
        const std::size_t bytes = what.memory(), events = what.size();
        if (bytes > allowance_.bytes || events > allowance_.events) return false;
        allowance_ = {allowance_.bytes - bytes, allowance_.events - events};
        return true;
    }

    /// The next batch that is worth sending, or of whatever there is if `all` is to go; null: none.
    std::unique_ptr<event_batch> take(time_point now, bool all) noexcept {
        const bool is_due = !fresh_.empty() && (all || fresh_due() <= now);
        if (!replayed_.empty() && !(is_due && fresh_is_next_)) {
            fresh_is_next_ = true;
            return replayed_.pop_front();
        }
        if (!is_due) return nullptr;
        fresh_is_next_ = false;
        return fresh_.pop_front();
    }

    /// When @ref take has one; @ref never while there is none.
    time_point due() const noexcept { return replayed_.empty() ? fresh_due() : time_point::min(); }

    /// What is there need not wait for company.
    void flush() noexcept {
        for (event_batch* b = fresh_.back(); b && b->open; b = b->before) b->send_at = time_point::min();
    }

    /// A later push is refused.
    void close() noexcept { closed_ = true; }
    bool closed() const noexcept { return closed_; }

    bool empty() const noexcept { return fresh_.empty() && replayed_.empty(); }
    const batch_list& fresh() const noexcept { return fresh_; }
    const batch_list& replayed() const noexcept { return replayed_; }
    drop_notes& notes() noexcept { return notes_; }
    const drop_notes& notes() const noexcept { return notes_; }

    /// Memory of a batch itself.
    static constexpr std::size_t batch_memory = (sizeof(event_batch) + sizeof(std::size_t) + 15) / 16 * 16;
    /// So much is read at a time.
    static constexpr std::size_t most_refill = 4 * 1024 * 1024;

    batch_limits limits{};  ///< as far as they are known

private:
    /// Times may jump to and fro between so many days, and do not make a batch of each event.
    static constexpr int most_open = 4;

    std::optional<drop_reason> refuse(const prepared& what, const raw_event& raw) noexcept {
        if (const auto why = objection(what)) return why;
        const std::size_t bytes = what.memory(), events = what.size();
        const bool reserved = rules_.when_full == overflow::keep_errors && raw.severity < log::level::error;
        if (has_room(bytes, events, reserved)) return std::nullopt;
        if (rules_.when_full != overflow::drop_oldest || !displacing_helps(bytes, events)) return drop_reason::queue_full;
        while (!has_room(bytes, events, reserved) && displace()) {}
        return std::nullopt;
    }

    /// False without memory.
    bool make_plain(prepared& what, const raw_event& raw) noexcept {
        log_event* const event = carver_.make(what.plain);
        if (!event) return false;
        event->describe(raw.time_ms, raw.severity, raw.whole, what.escaped);
        std::copy(raw.message.begin(), raw.message.end(), event->text());
        what.plain = 0;
        what.events.push_back(*event);
        return true;
    }

    /// What is on its way, or on disk as well, may hold so much that giving up all the rest would not make room.
    bool displacing_helps(std::size_t bytes, std::size_t events) const noexcept {
        std::size_t waiting_bytes = 0, waiting_events = 0;
        for (const event_batch* b = fresh_.front(); b; b = b->next.get())
            if (!b->on_disk) waiting_bytes += b->events.memory() + batch_memory, waiting_events += b->events.size();
        return counters_.pending_bytes + promised_.bytes - waiting_bytes + bytes + batch_memory <= rules_.bytes &&
               in_memory() + promised_.events - waiting_events + events <= rules_.events;
    }

    std::uint64_t in_memory() const noexcept { return counters_.pending - counters_.spooled; }

    void drop(drop_reason why, std::uint64_t events, std::int64_t time_ms) noexcept {
        if (events == 0) return;
        counters_.dropped[why] += events;
        notes_.note(why, events, time_ms);
    }

    void count(const prepared& what) noexcept {
        counters_.offered += what.events.size();
        count_texts(what);
    }
    void count_texts(const prepared& what) noexcept {
        if (what.repaired) ++counters_.repaired;
        if (what.how == preparation::as_it_was) return;
        counters_.split += what.how == preparation::split;
        counters_.shortened += what.how == preparation::shortened;
    }

    void append_all(event_list&& events, time_point now, bool replayed = false) noexcept {
        while (log_event* const event = events.pop_front())
            if (!append(*event, now, replayed)) {
                drop(drop_reason::no_memory, 1, event->time_ms);
                log_event::destroy(event);
            }
    }

    bool has_room(std::size_t bytes, std::size_t events, bool reserved) const noexcept {
        const std::size_t most_bytes = reserved ? rules_.bytes / 4 * 3 : rules_.bytes;
        const std::size_t most_events = reserved ? rules_.events / 4 * 3 : rules_.events;
        return counters_.pending_bytes + promised_.bytes + bytes + batch_memory <= most_bytes &&
               in_memory() + promised_.events + events <= most_events;
    }

    time_point fresh_due() const noexcept {
        time_point due = never;
        for (const event_batch* b = fresh_.back(); b; b = b->before) {
            if (!b->open || b->is_enough(limits)) return time_point::min();
            due = std::min(due, b->send_at);
        }
        return due;
    }

    /// Gives up the oldest that memory alone has: what is on disk, too, would come again. False: no such waits here.
    bool displace() noexcept {
        event_batch* front = fresh_.front();
        while (front && front->on_disk) front = front->next.get();
        if (!front) return false;
        log_event* const oldest = front->events.pop_front();
        --counters_.pending;
        counters_.pending_bytes -= oldest->memory();
        drop(drop_reason::displaced, 1, oldest->time_ms);
        log_event::destroy(oldest);
        if (!front->events.empty()) return true;
        counters_.pending_bytes -= batch_memory;
        fresh_.erase(*front);
        return true;
    }

    /// Null without memory.
    event_batch* open_batch(bool on_disk, time_point now, bool replayed) noexcept {
        std::unique_ptr<event_batch> made = event_batch::make(now);
        if (!made) return nullptr;
        made->replayed = replayed;
        made->on_disk = on_disk;
        counters_.pending_bytes += batch_memory;
        made->send_at = core::saturating_add(now, rules_.linger);
        batch_list& line = replayed ? replayed_ : fresh_;
        line.push_back(std::move(made));
        event_batch* closing = line.back();
        for (int open = 0; closing && open < most_open; ++open) closing = closing->before;
        close_up_to(closing);
        return line.back();
    }

    /// What is open are the last ones.
    static void close_up_to(event_batch* last) noexcept {
        for (event_batch* b = last; b && b->open; b = b->before) b->open = false;
    }

    /// Where an event goes; null: to a new batch. One whose size or kind does not let in what reaches it is closed with those
    /// before it: so events of about one time stay in order.
    event_batch* open_for(const log_event& event, bool on_disk, event_batch* last) noexcept {
        for (event_batch* one = last; one && one->open; one = one->before) {
            if (!one->reaches(event)) continue;
            if (one->on_disk == on_disk && one->has_room(event, limits)) return one;
            close_up_to(one);
        }
        return nullptr;
    }

    /// False without memory.
    bool append(log_event& event, time_point now, bool replayed) noexcept {
        const bool on_disk = event.sequence != 0;
        event_batch* batch = open_for(event, on_disk, (replayed ? replayed_ : fresh_).back());
        if (!batch) batch = open_batch(on_disk, now, replayed);
        if (!batch) return false;
        if (event.severity >= log::level::error && !std::exchange(batch->urgent, true))
            batch->send_at = std::min(batch->send_at, core::saturating_add(now, rules_.urgent_linger));
        ++counters_.pending;
        counters_.pending_bytes += event.memory();
        counters_.most_pending = std::max(counters_.most_pending, in_memory());
        counters_.most_bytes = std::max(counters_.most_bytes, counters_.pending_bytes);
        batch->add(event);
        return true;
    }

    queue_rules rules_;
    delivery_counters& counters_;
    event_carver carver_;
    batch_list fresh_, replayed_;
    memory_share allowance_{rules_.bytes / 2, rules_.events / 2}, promised_;
    drop_notes notes_;
    bool fresh_is_next_ = true;
    bool closed_ = false;
};

}  // namespace kedge::aws::detail
