// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/log_event.hpp>
#include <kedge/aws/detail/prepare.hpp>

#include <boost/crc.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/* A record: `size u32 | crc32c u32 | sequence u64 | time i64 | kind u8 | text`. `size` is that of kind and text; the sum covers
 * the segment's salt and all but itself. */

static_assert(std::endian::native == std::endian::little, "numbers stand on the disk as in memory");

inline constexpr std::size_t record_header = 24;
inline constexpr std::size_t most_record = record_header + 1 + most_event_bytes;
inline constexpr std::uint8_t whole_bit = 0x80;

using crc32c = boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true>;

template <class Number> Number number_at(std::string_view bytes, std::size_t at) noexcept {
    Number n;
    std::memcpy(&n, bytes.data() + at, sizeof n);
    return n;
}

template <class Number> void append_number(std::string& to, Number n) { to.append(reinterpret_cast<const char*>(&n), sizeof n); }

/// @param record  from its beginning; the sum in it is left out
inline std::uint32_t record_sum(std::uint64_t salt, std::string_view record) noexcept {
    crc32c sum;
    sum.process_bytes(&salt, sizeof salt);
    sum.process_bytes(record.data(), 4);
    sum.process_bytes(record.data() + 8, record.size() - 8);
    return sum.checksum();
}

inline void append_record(std::string& to, std::uint64_t salt, std::uint64_t sequence, const log_event& event) {
    const std::size_t start = to.size();
    append_number(to, static_cast<std::uint32_t>(event.size + 1));
    append_number(to, std::uint32_t(0));
    append_number(to, sequence);
    append_number(to, event.time_ms);
    to += static_cast<char>(static_cast<std::uint8_t>(event.severity) | (event.whole ? whole_bit : 0));
    to.append(event.message());
    const std::uint32_t sum = record_sum(salt, std::string_view(to).substr(start));
    std::memcpy(to.data() + start + 4, &sum, sizeof sum);
}

struct spool_record {
    std::uint64_t sequence = 0;
    std::int64_t time_ms = 0;
    log::level severity = log::level::info;
    bool whole = false;
    std::string_view text;
};

/** Finds the records in a piece of a segment. What is none is stepped over byte by byte; the salt, which nobody who writes log
 *  texts knows, keeps a text from posing as a record then. */
class record_scan {
public:
    /// @param more   the segment goes on behind `bytes`
    /// @param next   the lowest sequence that may come
    /// @param astray the byte in front was no part of a record
    record_scan(std::string_view bytes, bool more, std::uint64_t salt, std::uint64_t next, bool astray) noexcept
        : bytes_(bytes), salt_(salt), next_(next), more_(more), astray_(astray) {}

    std::optional<spool_record> next() noexcept {
        for (; at_ < bytes_.size(); ++at_) {
            const std::string_view rest = bytes_.substr(at_);
            if (rest.size() < record_header && more_) return std::nullopt;
            if (is_plausible(rest)) {
                const std::size_t size = record_header + number_at<std::uint32_t>(rest, 0);
                if (size > rest.size() && more_) return std::nullopt;
                if (size <= rest.size() && number_at<std::uint32_t>(rest, 4) == record_sum(salt_, rest.substr(0, size)))
                    return found(rest.substr(0, size));
            }
            corrupt_ += !std::exchange(astray_, true);
        }
        return std::nullopt;
    }

    /// Where it is: behind the last record, or at the first byte that it could not judge.
    std::size_t at() const noexcept { return at_; }
    std::uint64_t next_sequence() const noexcept { return next_; }
    bool astray() const noexcept { return astray_; }
    /// Places at which something was that is no record, since it was last asked.
    std::uint64_t take_corrupt() noexcept { return std::exchange(corrupt_, 0); }

private:
    /// More than a segment holds: a number that is further ahead is none.
    static constexpr std::uint64_t farthest = 1u << 24;

    bool is_plausible(std::string_view rest) const noexcept {
        if (rest.size() < record_header) return false;
        const auto size = number_at<std::uint32_t>(rest, 0);
        const auto sequence = number_at<std::uint64_t>(rest, 8);
        return size >= 2 && size <= most_record - record_header && sequence >= next_ && sequence - next_ < farthest;
    }

    spool_record found(std::string_view record) noexcept {
        spool_record out;
        out.sequence = number_at<std::uint64_t>(record, 8);
        out.time_ms = number_at<std::int64_t>(record, 16);
        const auto kind = static_cast<std::uint8_t>(record[record_header]);
        out.severity = static_cast<log::level>(kind & ~whole_bit);
        out.whole = kind & whole_bit;
        out.text = record.substr(record_header + 1);
        at_ += record.size();
        next_ = out.sequence + 1;
        astray_ = false;
        return out;
    }

    std::string_view bytes_;
    std::uint64_t salt_, next_;
    std::size_t at_ = 0;
    std::uint64_t corrupt_ = 0;
    bool more_, astray_;
};

}  // namespace kedge::aws::detail
