// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kedge::aws {

/// Why an event was given up by this process.
enum class drop_reason : std::uint8_t {
    queue_full,  ///< neither memory nor a place for it
    displaced,   ///< it was the oldest, and a newer one took its place
    too_large,   ///< larger than the whole queue
    no_memory,   ///< the allocator had none
    empty,       ///< no text; the service takes none without
    closed,      ///< submitted after the shutdown began
    unreadable,  ///< it was on disk alone, and could not be read back
    unredacted,  ///< the user's redaction threw
    forked,      ///< written in a child of `fork`, which has none of its parent's connections and files
};

/// Why an event was refused for good, by the service or by what is known of it.
enum class rejection : std::uint8_t {
    too_old,   ///< older than 14 days
    too_new,   ///< more than two hours ahead
    expired,   ///< older than the group keeps events
    oversize,  ///< alone larger than the service takes
    poison,    ///< the service refuses each batch with it, and takes others
};

/// What an answer of the service, or its lack, means.
enum class answer_kind : std::uint8_t {
    accepted,           ///< stored, as far as it names no rejected ranges
    throttled,          ///< too many requests
    failed,             ///< it did not do it, but may when asked again
    unknown,            ///< it may have done it: the answer was lost, or is none of this service
    not_sent,           ///< nobody was reached
    missing,            ///< no such group or stream
    exists,             ///< what was to be created is there
    conflict,           ///< somebody else changes the same
    stale_credentials,  ///< expired or revoked keys
    bad_signature,      ///< a clock that is wrong, or wrong keys
    denied,             ///< no permission
    invalid,            ///< something in this request is not accepted
    too_large,          ///< the whole request is
    malformed,          ///< not understood at all
    limit_reached,      ///< no more groups in this account
};

inline constexpr std::size_t drop_reasons = 9, rejections = 5, answer_kinds = 15;

constexpr std::string_view name_of(drop_reason why) noexcept {
    constexpr std::array<std::string_view, drop_reasons> names = {"queue_full", "displaced",  "too_large",  "no_memory", "empty",
                                                                  "closed",     "unreadable", "unredacted", "forked"};
    return names[static_cast<std::size_t>(why)];
}

constexpr std::string_view name_of(rejection why) noexcept {
    constexpr std::array<std::string_view, rejections> names = {"too_old", "too_new", "expired", "oversize", "poison"};
    return names[static_cast<std::size_t>(why)];
}

constexpr std::string_view name_of(answer_kind what) noexcept {
    constexpr std::array<std::string_view, answer_kinds> names = {
        "accepted", "throttled",         "failed",        "unknown", "not_sent", "missing",   "exists",       "conflict",
        "stale_credentials", "bad_signature", "denied",  "invalid",  "too_large", "malformed", "limit_reached"};
    return names[static_cast<std::size_t>(what)];
}

/// Counts by reason.
template <class Reason, std::size_t Count> class counts_by {
public:
    std::uint64_t& operator[](Reason why) noexcept { return counts_[static_cast<std::size_t>(why)]; }
    std::uint64_t operator[](Reason why) const noexcept { return counts_[static_cast<std::size_t>(why)]; }
    std::uint64_t total() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t one : counts_) sum += one;
        return sum;
    }
    friend bool operator==(const counts_by&, const counts_by&) = default;

private:
    std::array<std::uint64_t, Count> counts_{};
};

/// Where every event went. Each is in exactly one place.
struct delivery_accounting {
    std::uint64_t offered = 0;   ///< came in, or came back from the disk; a text that was split counts once for each part
    std::uint64_t acked = 0;     ///< the service said that it has them
    std::uint64_t rejected = 0;  ///< refused for good
    std::uint64_t dropped = 0;   ///< given up by this process
    std::uint64_t leftover = 0;  ///< still there when the shutdown's time was up: handed back, or left on disk
    std::uint64_t pending = 0;   ///< waiting or on their way

    bool balanced() const noexcept { return offered == acked + rejected + dropped + leftover + pending; }
    friend bool operator==(const delivery_accounting&, const delivery_accounting&) = default;
};

/** The counters of one stream's delivery since it was made; `pending` to `window` are of this moment. */
struct delivery_counters {
    std::uint64_t offered = 0, acked = 0, leftover = 0;
    counts_by<drop_reason, drop_reasons> dropped{};
    counts_by<rejection, rejections> rejected{};

    std::uint64_t recovered = 0;                       ///< of those offered: came back from a process before, by the spool
    std::uint64_t pending = 0, pending_bytes = 0;      ///< with what is on its way; real memory
    std::uint64_t spooled = 0;                         ///< of those pending: on disk alone, until there is room in memory
    std::uint64_t most_pending = 0, most_bytes = 0;    ///< high-water marks of what was in memory
    nanoseconds oldest{0};                             ///< how long the first that is pending has been
    nanoseconds ack_latency{0};                        ///< of the last batch acknowledged, since its first event came
    std::chrono::milliseconds clock_skew{0};           ///< what the service's clock is ahead
    int window = 1;                                    ///< requests that may be on their way at once
    bool outage = false;

    std::uint64_t acked_bytes = 0, acked_batches = 0;  ///< bytes as the service counts them
    counts_by<answer_kind, answer_kinds> answers{};    ///< of all requests
    std::uint64_t retries = 0;                         ///< batches sent again
    counts_by<answer_kind, answer_kinds> retried{};    ///< the same, by what the attempt before ended with
    std::uint64_t unknown_events = 0;                  ///< once for each time that one's fate was unknown: bounds the duplicates
    std::uint64_t unread_ranges = 0;                   ///< acknowledgements that name refused events as no index: all are acked
    std::uint64_t repaired = 0, split = 0, shortened = 0, clamped = 0;  ///< texts; `clamped`: times that lay ahead
    std::uint64_t bisections = 0, creations = 0, refreshes = 0, outages = 0;

    delivery_accounting accounting() const noexcept {
        return {offered, acked, rejected.total(), dropped.total(), leftover, pending};
    }
};

}  // namespace kedge::aws
