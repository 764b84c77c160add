// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/spool_record.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::aws::detail {

struct sequence_range {
    std::uint64_t first = 0, last = 0;  ///< both belong to it
};

/** The sequence numbers of a spool of which nothing is to be done any more, as few ranges. Number 0 is none of an event. */
class settled_ranges {
public:
    /// The next @ref add needs no memory.
    void make_room() {
        if (ranges_.size() == ranges_.capacity()) ranges_.reserve(2 * ranges_.size());
    }

    void add(sequence_range more) {
        const auto ends_before = [](const sequence_range& r, std::uint64_t n) { return r.last + 1 < n; };  // touching is joined
        const auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), more.first, ends_before);
        auto end = begin;
        for (; end != ranges_.end() && end->first <= more.last + 1; ++end)
            more = {std::min(more.first, end->first), std::max(more.last, end->last)};
        if (begin == end) {
            ranges_.insert(begin, more);
            return;
        }
        *begin = more;
        ranges_.erase(begin + 1, end);
    }

    bool contains(std::uint64_t number) const noexcept { return open_in({number, number}) == 0; }

    /// How many of these are not settled.
    std::uint64_t open_in(sequence_range asked) const noexcept {
        if (asked.first > asked.last) return 0;
        std::uint64_t open = asked.last - asked.first + 1;
        auto at = std::lower_bound(ranges_.begin(), ranges_.end(), asked.first,
                                   [](const sequence_range& r, std::uint64_t n) { return r.last < n; });
        for (; at != ranges_.end() && at->first <= asked.last; ++at)
            open -= std::min(at->last, asked.last) - std::max(at->first, asked.first) + 1;
        return open;
    }

    std::size_t count() const noexcept { return ranges_.size(); }
    /// All up to this one are settled.
    std::uint64_t low() const noexcept { return ranges_.front().last; }
    std::uint64_t high() const noexcept { return ranges_.back().last; }

    /// As it stands on the disk. More ranges than a file of this size needs are left out: their events come again after a crash.
    std::string bytes() const {
        const std::size_t count = std::min(ranges_.size(), most_ranges);
        std::string out;
        append_number(out, static_cast<std::uint64_t>(count));
        for (std::size_t i = 0; i < count; ++i) append_number(out, ranges_[i].first), append_number(out, ranges_[i].last);
        crc32c sum;
        sum.process_bytes(out.data(), out.size());
        append_number(out, sum.checksum());
        return out;
    }

    static std::optional<settled_ranges> from(std::string_view bytes) {
        if (bytes.size() < 12 || bytes.size() % 16 != 12) return std::nullopt;
        const std::string_view body = bytes.substr(0, bytes.size() - 4);
        crc32c sum;
        sum.process_bytes(body.data(), body.size());
        if (sum.checksum() != number_at<std::uint32_t>(bytes, body.size())) return std::nullopt;
        settled_ranges out;
        for (std::size_t at = 8; at < body.size(); at += 16)
            out.add({number_at<std::uint64_t>(body, at), number_at<std::uint64_t>(body, at + 8)});
        return out;
    }

    static constexpr std::size_t most_ranges = 4096, most_bytes = 8 + most_ranges * 16 + 4;

private:
    std::vector<sequence_range> ranges_{{0, 0}};
};

}  // namespace kedge::aws::detail
