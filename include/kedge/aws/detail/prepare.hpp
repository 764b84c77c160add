// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/log_event.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kedge::aws::detail {

/// The largest event, 1 MB with its 26 bytes; 256 KB before 2025, which some emulators still have.
inline constexpr std::size_t most_event_bytes = 1'048'576;
/// Below this no text is split: a mark and some of its own text must fit.
inline constexpr std::size_t least_event_bytes = 1024;

/// What one record has to say.
struct raw_event {
    std::string_view message;
    std::int64_t time_ms = 0;
    log::level severity = log::level::info;
    bool whole = false;       ///< JSON or EMF: cut in pieces it would be none
    std::uint64_t number = 0; ///< names its parts if it has to be split
    std::string_view id{};    ///< names them instead, if it has one
};

enum class preparation : std::uint8_t { as_it_was, split, shortened, empty, no_memory, unredacted };

struct prepared {
    event_list events{};
    preparation how = preparation::as_it_was;
    bool repaired = false;     ///< it held bytes that were no UTF-8
    std::size_t parts = 1;     ///< as many events would it have been

    /// Instead of an event, for a text that is one as it stands: its size, and what it takes in JSON. The queue makes it.
    std::uint32_t plain = 0, escaped = 0;

    std::size_t size() const noexcept { return plain > 0 ? 1 : events.size(); }
    std::size_t memory() const noexcept { return plain > 0 ? log_event::memory_for(plain) : events.memory(); }
};

/** Makes the events of a record, needing no lock.
 *
 *  Bytes that are no UTF-8 become U+FFFD, three bytes each. What is larger than `most` (with its 26 bytes) is split: after a
 *  line's end if there is one in the second half of a part, else between code points, each part with the time of all and
 *  `[part i/n number] ` in front, or the id instead of the number; without the marks the parts are the text. A document is not
 *  cut but replaced by one that holds its size, the text of its beginning, and its id.
 */
prepared prepare(const raw_event& what, std::size_t most = most_event_bytes) noexcept;
/// The same, but most are left @ref prepared::plain.
prepared prepare_for_queue(const raw_event& what, std::size_t most = most_event_bytes) noexcept;

/// Whether it needs a number: each byte may become three.
inline bool may_be_split(const raw_event& what, std::size_t most) noexcept {
    return 3 * what.message.size() + event_overhead > std::max(most, least_event_bytes);
}

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/prepare.ipp>
#endif
