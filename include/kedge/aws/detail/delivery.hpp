// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/clock_skew.hpp>
#include <kedge/aws/detail/event_queue.hpp>
#include <kedge/aws/detail/send_pace.hpp>
#include <kedge/aws/detail/service_answer.hpp>
#include <kedge/aws/detail/target_creation.hpp>
#include <kedge/log/record.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace kedge::aws::detail {

inline constexpr int most_flights = 8;

struct delivery_rules {
    queue_rules queue{};
    int max_in_flight = 1;      ///< 1 to @ref most_flights; with 1 events arrive in order
    bool create = true;         ///< the group and the stream, when they are missing
    int retention_days = 0;     ///< of the group; 0: what it is
    bool clamp_too_new = true;  ///< a time too far ahead becomes the present; else the event is rejected
    bool gzip = false;
    std::size_t frame_bytes = 0;   ///< of a body without events
    std::uint64_t process_id = 0;  ///< of the events' ids; 0: they have none
    std::uint64_t numbers_from = 0;  ///< see @ref delivery::next_number; by chance if nothing else tells processes apart
    void (*format)(const log::record&, std::string&) = nullptr;  ///< for the record that tells of drops; null: its text alone
};

/// What the operator should hear of, once until it is over.
enum class delivery_alarm : std::uint8_t {
    none,
    outage,            ///< five failures in a row; one small batch at a time asks whether it is over
    recovered,         ///< from any of the others that make events wait
    credentials,       ///< refused as expired, or as signed wrongly
    denied,            ///< no permission, or no more groups: tried again every half minute
    nothing_accepted,  ///< whatever is sent is called invalid: probably a name
    retention,         ///< the group was created, but keeps its events for ever
    spool_failed,      ///< the disk takes nothing: what comes waits in memory only
    spool_works,       ///< it does again
    spool_hangs,       ///< the end came before the disk answered
};

/** Something to send. The core owns the events: they stay as they are until the next call of anything but `submit`, so the body
 *  is made at once. */
struct delivery_request {
    std::uint32_t serial = 0;
    operation what = operation::put_events;
    event_batch* batch = nullptr;           ///< of put_events
    bool gzip = false;
    std::chrono::milliseconds skew{0};      ///< to add to the clock when signing

    /// Those of `batch`, in the order of their times; null without one. The first call has to look at each if they came out of
    /// order: outside of the shell's lock.
    const event_list* events() const noexcept {
        if (!batch) return nullptr;
        batch->sort();
        return &batch->events;
    }
};

/** What is to be told after one call, in this order.
 *
 *  Three at most: an answer leads to one, since a second trouble of one request is no news to the pace; what starts then may find
 *  no memory, which may be the outage; the disk adds one. What would find no place is not marked as told, so it comes again.
 */
class alarm_list {
public:
    struct one {
        delivery_alarm what = delivery_alarm::none;
        const service_answer* cause = nullptr;  ///< what it is about, if anything
    };

    /// False: there is no place.
    bool add(delivery_alarm what, const service_answer* cause = nullptr) noexcept {
        if (size_ == told_.size()) return false;
        told_[size_++] = {what, cause};
        return true;
    }
    const one* begin() const noexcept { return told_.data(); }
    const one* end() const noexcept { return told_.data() + size_; }

private:
    std::array<one, 3> told_{};
    std::size_t size_ = 0;
};

/** What the shell is to do after a call, outside its lock; a new one for each call. */
struct delivery_actions {
    std::array<delivery_request, most_flights + 1> start{};
    int starting = 0;
    bool refresh_credentials = false;
    bool closed = false;                       ///< the end: the accounting is final
    alarm_list alarms{};
    const service_answer* cause = nullptr;     ///< the answer that refused, if one did: the one that was given
    std::array<event_list, rejections> refused{};  ///< by reason, for the dead letters
    event_list leftover{};                     ///< for the fallback; those on their way may be stored as well
    batch_list spent{};                        ///< to destroy

    bool any_refused() const noexcept {
        return std::any_of(refused.begin(), refused.end(), [](const event_list& list) { return !list.empty(); });
    }
};

/** The decisions of the delivery of one stream: events and the time come in, actions come out. No clock, lock or socket.
 *
 *  Every member function is short, but for those that a refusal, a limit learned or the end of a shutdown calls for: these look
 *  at each event of a batch. An event leaves by acknowledgement, rejection, drop or at the end; there is no number of attempts
 *  after which it is given up.
 */
class delivery {
public:
    explicit delivery(const delivery_rules& rules) noexcept;

    /// @return why it was dropped; nothing if it was accepted
    std::optional<drop_reason> submit(prepared&& what, const raw_event& raw, time_point now) noexcept {
        return queue_.push(std::move(what), raw, now);
    }
    /// @name With a spool: what is in memory is on disk as well, or @ref submit took it while the disk refused
    /// @{
    std::optional<drop_reason> objection(const prepared& what) const noexcept { return queue_.objection(what); }
    /// Before it is written. Whether it will go to memory at once: if there is room, and fresh events have their share of it.
    bool will_store(const prepared& what) noexcept;
    /// After it was written. @param in_memory  what @ref will_store said
    void stored(prepared&& what, bool in_memory, time_point now) noexcept;
    /// After it could not be written.
    void not_stored(const prepared& what, bool in_memory) noexcept;
    /// When the disk was full.
    void turn_away(const prepared& what, const raw_event& raw) noexcept { queue_.turn_away(what, raw, drop_reason::queue_full); }
    void displaced(const displaced_events& gone, std::int64_t time_ms) noexcept;
    void expect_earlier(bool events) noexcept { earlier_left_ = events; }
    /// How much @ref refill can take now; of nothing if there is nothing to read.
    spool_room room() const noexcept { return is_behind() && !closed_ ? queue_.room(replayed(), crowded_) : spool_room(); }
    /// This much will be read, and until @ref refill no event takes its place.
    void promise(const spool_room& room) noexcept { queue_.promise(room); }
    void refill(spool_batch batch, const moment& now) noexcept;
    /// @}

    /// Names an event, or a text that is split: none is used twice. Safe from any thread.
    std::uint64_t next_number() noexcept { return numbers_.fetch_add(1, std::memory_order_relaxed) + 1; }
    /// The largest event that is known to be taken, for @ref prepare.
    std::size_t most_event() const noexcept { return most_event_; }

    /// To be called at @ref due or later; earlier does no harm.
    void tick(const moment& now, delivery_actions& todo) noexcept;
    /// When the next @ref tick is needed; @ref never while there is nothing to do but to wait for answers.
    time_point due() const noexcept;

    /// Once for each request that was started. One of before the end of a shutdown is ignored.
    void answered(std::uint32_t serial, const service_answer& answer, const moment& now, std::uint64_t random,
                  delivery_actions& todo) noexcept;
    /// Instead, if there was no memory to start it; to be followed by @ref due.
    void not_started(std::uint32_t serial, time_point now, std::uint64_t random, delivery_actions& todo) noexcept;
    void flush() noexcept { queue_.flush(); }
    void credentials_renewed(time_point now) noexcept { pace_.keys_came(now); }
    /// See @ref clock_skew::observe.
    void clock_seen(std::int64_t date_ms, std::int64_t sent_ms, std::int64_t received_ms, time_point now) noexcept {
        skew_.observe(date_ms, sent_ms, received_ms, now);
    }

    /// From now on nothing enters, and all that is there is sent at once. Ends with `closed`, at the deadline at the latest; a
    /// second call can only make it earlier.
    void close(time_point deadline, time_point now) noexcept;
    bool is_closed() const noexcept { return closed_; }
    time_point deadline() const noexcept { return deadline_; }

    delivery_counters counters(time_point now) const noexcept;
    /// As they lie, for tests: equals `pending` without `spooled`.
    std::size_t count_events() const noexcept;

private:
    struct flight {
        std::uint32_t serial = 0;  ///< 0: free
        operation what = operation::put_events;
        std::unique_ptr<event_batch> events{};
        std::uint64_t number = 0;  ///< of @ref send_pace::start
        time_point began{};
        std::chrono::milliseconds skew{0};
        bool gzip = false;
    };
    using batch_ptr = std::unique_ptr<event_batch>;

    bool is_behind() const noexcept { return earlier_left_ || counters_.spooled > 0; }
    memory_share replayed() const noexcept;
    bool is_done() const noexcept { return closing_ && counters_.pending == 0 && !earlier_left_; }
    std::optional<flight> land(std::uint32_t serial) noexcept;
    bool creating() const noexcept;
    void dispatch(const moment& now, delivery_actions& todo) noexcept;
    void start(operation what, batch_ptr events, time_point now, delivery_actions& todo) noexcept;
    batch_ptr next_batch(const moment& now, delivery_actions& todo) noexcept;
    batch_ptr waiting_batch(time_point now) noexcept;
    batch_ptr probe_of(batch_ptr batch) noexcept;
    batch_ptr with_report(batch_ptr batch, const moment& now) noexcept;
    bool report_due(time_point now) const noexcept;
    bool report_belongs(const event_batch* batch) noexcept;
    std::int64_t report_time(const moment& now) const noexcept;
    log_event* make_report(const moment& now) noexcept;
    std::int64_t kept_ms() const noexcept;
    void sieve(event_batch& batch, const moment& now, delivery_actions& todo) noexcept;

    void settle_put(flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                    delivery_actions& todo) noexcept;
    void settle_creation(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                         delivery_actions& todo) noexcept;
    void acknowledge(batch_ptr batch, const flight& ended, const rejected_ranges& ranges, const moment& now,
                     delivery_actions& todo) noexcept;
    void suffer(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                delivery_actions& todo) noexcept;
    void fail(const flight& ended, const service_answer& cause, time_point now, std::uint64_t random,
              delivery_actions& todo) noexcept;
    void tell(delivery_alarm what, const service_answer& cause, delivery_actions& todo) noexcept;
    void ask_for_credentials(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                             delivery_actions& todo) noexcept;
    void missing(const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                 delivery_actions& todo) noexcept;

    void invalid(batch_ptr batch, const flight& ended, const service_answer& answer, const moment& now, std::uint64_t random,
                 delivery_actions& todo) noexcept;
    bool halve(batch_ptr& batch) noexcept;
    bool exceeds(const event_batch& batch, const service_answer& answer) const noexcept;
    bool shrink(batch_ptr& batch, const service_answer& answer) noexcept;
    bool split_large(event_batch& batch) noexcept;
    prepared prepare_again(const log_event& event) noexcept;
    void reject(event_list events, rejection why, delivery_actions& todo) noexcept;
    void spend(batch_ptr batch, delivery_actions& todo) noexcept;
    void give_up(delivery_actions& todo) noexcept;
    void leave(batch_ptr batch, delivery_actions& todo) noexcept;

    delivery_rules rules_;
    std::atomic<std::uint64_t> numbers_{rules_.numbers_from};
    delivery_counters counters_;
    event_queue queue_{rules_.queue, counters_};
    batch_list retries_;   ///< in order
    batch_list suspects_;  ///< single events that were called invalid while nothing else was taken
    std::array<flight, most_flights> flights_{};
    send_pace pace_;
    target_creation creation_;
    clock_skew skew_;
    int in_flight_ = 0;
    std::uint32_t serial_ = 0;
    std::uint64_t order_ = 0, reports_ = 0;
    std::uint64_t report_after_ = 0;  ///< the last batch that the record of drops waits for; 0: it was not due yet
    std::size_t most_event_ = most_event_bytes;
    int invalid_in_a_row_ = 0;
    int condemnations_ = 0;  ///< how many events may still be called poison; each acknowledgement renews it
    unsigned told_ = 0;  ///< of the present trouble: a bit for each alarm
    bool gzip_works_ = true, closing_ = false, closed_ = false;
    bool retention_is_known_ = false;  ///< a group that was there may keep its events for longer
    bool earlier_left_ = false;  ///< on disk, of processes before, and not counted yet
    bool crowded_ = false;       ///< the next on disk is too large for half of the memory
    time_point deadline_ = never, next_report_ = time_point::min();
    time_point created_at_ = time_point::min(), refreshed_at_ = time_point::min();
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/delivery.ipp>
#include <kedge/aws/detail/impl/delivery_answers.ipp>
#include <kedge/aws/detail/impl/delivery_repairs.ipp>
#endif
