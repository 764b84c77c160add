// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/delivery_counters.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace kedge::aws::detail {

/** What was dropped since the stream was last told of it. */
class drop_notes {
public:
    /// @param time_ms  of the event
    void note(drop_reason why, std::uint64_t events, std::int64_t time_ms) noexcept {
        if (why == drop_reason::empty || why == drop_reason::closed) return;  // a reader misses nothing; nobody reads any more
        counts_[why] += events;
        first_ms_ = std::min(first_ms_, time_ms);
        last_ms_ = std::max(last_ms_, time_ms);
    }

    bool any() const noexcept { return counts_.total() > 0; }
    std::int64_t first_ms() const noexcept { return first_ms_; }
    std::int64_t last_ms() const noexcept { return last_ms_; }
    void clear() noexcept { *this = {}; }

    /// "418 events were dropped (queue_full=400, too_large=18)"
    std::string text() const {
        const std::uint64_t total = counts_.total();
        std::string out = std::to_string(total) + (total == 1 ? " event was dropped (" : " events were dropped (");
        const char* comma = "";
        for (std::size_t i = 0; i < drop_reasons; ++i) {
            const auto why = static_cast<drop_reason>(i);
            if (counts_[why] == 0) continue;
            out.append(comma).append(name_of(why)).append("=").append(std::to_string(counts_[why]));
            comma = ", ";
        }
        return out += ')';
    }

private:
    counts_by<drop_reason, drop_reasons> counts_{};
    std::int64_t first_ms_ = std::numeric_limits<std::int64_t>::max();
    std::int64_t last_ms_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace kedge::aws::detail
