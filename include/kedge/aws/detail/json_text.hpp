// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/escape.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kedge::aws::detail {

/// How many bytes a byte below 0x80 takes in a JSON string.
constexpr std::size_t escaped_width(char c) noexcept {
    switch (c) {
    case '"': case '\\': case '\b': case '\f': case '\n': case '\r': case '\t': return 2;
    default: return static_cast<std::uint8_t>(c) < 0x20 ? 6 : 1;
    }
}

/// The highest bit of each of eight bytes that must be escaped in JSON, or, if asked for, is not ASCII. Those above the lowest
/// that is set may be wrong.
template <bool AsciiOnly> constexpr std::uint64_t special_bits(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101, tops = 0x80 * ones;
    const std::uint64_t below = (bytes - 0x20 * ones) | ((bytes ^ '"' * ones) - ones) | ((bytes ^ '\\' * ones) - ones);
    return AsciiOnly ? (below | bytes) & tops : below & ~bytes & tops;
}

/// How many bytes from `at` on can stand in JSON as they are.
template <bool AsciiOnly> std::size_t plain_run(std::string_view text, std::size_t at) noexcept {
    static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
    const std::size_t start = at;
    for (std::uint64_t eight; text.size() - at >= sizeof eight; at += sizeof eight) {
        std::memcpy(&eight, text.data() + at, sizeof eight);
        if (const std::uint64_t found = special_bits<AsciiOnly>(eight))
            return at - start + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
    for (; at < text.size(); ++at) {
        const auto byte = static_cast<std::uint8_t>(text[at]);
        if (byte >= 0x80 ? AsciiOnly : escaped_width(text[at]) != 1) break;
    }
    return at - start;
}

/// What a text amounts to once each byte that is no UTF-8 has become U+FFFD.
struct text_measure {
    std::size_t size = 0, escaped = 0;
    std::size_t broken = 0;  ///< such bytes
};

inline text_measure measure(std::string_view text) noexcept {
    text_measure m;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t run = plain_run<true>(text, at);
        m.size += run, m.escaped += run;
        if ((at += run) == text.size()) break;
        if (static_cast<std::uint8_t>(text[at]) < 0x80) {
            m.size += 1, m.escaped += escaped_width(text[at++]);
            continue;
        }
        const log::detail::decoded one = log::detail::decode(text.substr(at));
        const std::size_t size = one.valid ? one.size : log::detail::replacement.size();
        m.broken += !one.valid;
        m.size += size, m.escaped += size;
        at += one.size;
    }
    return m;
}

/// Writes `text` with its broken bytes replaced; returns the end. There is room as @ref measure said.
inline char* write_repaired(char* to, std::string_view text) noexcept {
    const auto put = [&to](std::string_view bytes) {
        std::memcpy(to, bytes.data(), bytes.size());
        to += bytes.size();
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t run = plain_run<true>(text, at);
        put(text.substr(at, run));
        if ((at += run) == text.size()) break;
        const log::detail::decoded one = log::detail::decode(text.substr(at));
        put(one.valid ? text.substr(at, one.size) : log::detail::replacement);
        at += one.size;
    }
    return to;
}

/// Writes `text`, which is UTF-8, as the inside of a JSON string; returns the end.
inline char* write_escaped(char* to, std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t run = plain_run<false>(text, at);
        std::memcpy(to, text.data() + at, run);
        to += run;
        if ((at += run) == text.size()) break;
        constexpr std::string_view named = "\"\\\b\f\n\r\t", names = "\"\\bfnrt";
        const char c = text[at];
        *to++ = '\\';
        if (c == '"') {  // by far the most frequent
            *to++ = c;
            continue;
        }
        if (const std::size_t i = named.find(c); i != std::string_view::npos) {
            *to++ = names[i];
            continue;
        }
        std::memcpy(to, "u00", 3);
        to[3] = "0123456789abcdef"[c >> 4];
        to[4] = "0123456789abcdef"[c & 15];
        to += 5;
    }
    return to;
}

}  // namespace kedge::aws::detail
