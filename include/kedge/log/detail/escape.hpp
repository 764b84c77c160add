// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kedge::log::detail {

/// One step through text that may be anything: a code point and its bytes.
struct decoded {
    char32_t point = 0;
    std::size_t size = 1;
    bool valid = true;  ///< false: no UTF-8 begins here; one byte was consumed
};

/** Reads the first code point of `text`, which is not empty. Overlong forms, surrogates and what lies beyond U+10FFFF
 *  are not UTF-8. */
constexpr decoded decode(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return {0, 1, false};
    char32_t point = first & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {0, 1, false};
        point = point << 6 | (byte(i) & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < least[size] || surrogate || point > 0x10ffff) return {0, 1, false};
    return {point, size, true};
}

/** True for what could end a line, start a terminal sequence or reorder what a reader sees: control characters (C0, DEL,
 *  C1), line and paragraph separator, and the overrides of writing direction. */
constexpr bool is_dangerous(char32_t point) noexcept {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

inline constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

template <class String> void append_hex(String& out, char32_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xf];
}

/// How many bytes at the front are visible ASCII that need not be escaped. Most text is nothing else, so it is looked at eight at
/// a time.
template <class Must> std::size_t plain_ascii(std::string_view text, Must must) noexcept {
    static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101, tops = 0x80 * ones;
    std::size_t at = 0;
    for (std::uint64_t eight; text.size() - at >= sizeof eight; at += sizeof eight) {
        std::memcpy(&eight, text.data() + at, sizeof eight);
        // the highest bit of each that is below 0x20 or above 0x7e; those above the lowest that is set may be wrong
        const std::uint64_t others = ((eight - 0x20 * ones) | (eight + ones) | eight) & tops;
        const std::size_t visible = static_cast<std::size_t>(std::countr_zero(others)) / 8;
        for (std::size_t i = 0; i < visible; ++i)
            if (must(static_cast<char32_t>(text[at + i]))) return at + i;
        if (visible < sizeof eight) return at + visible;
    }
    while (at < text.size() && text[at] >= 0x20 && text[at] < 0x7f && !must(static_cast<char32_t>(text[at]))) ++at;
    return at;
}

/** Appends `text` as valid UTF-8 without anything dangerous; `escape(out, point)` writes what must not stand as it is.
 *  @param must  which points, beside the dangerous ones, are to be escaped */
template <class String, class Must, class Escape>
void append_safe(String& out, std::string_view text, Must must, Escape escape) {
    std::size_t plain = 0;  // how much of the front can be copied as it is
    while ((plain += plain_ascii(text.substr(plain), must)) < text.size()) {
        const decoded one = decode(text.substr(plain));
        if (one.valid && !is_dangerous(one.point) && !must(one.point)) {
            plain += one.size;
            continue;
        }
        out.append(text.data(), plain);
        if (one.valid) escape(out, one.point);
        else out += replacement;
        text.remove_prefix(plain + one.size);
        plain = 0;
    }
    out.append(text.data(), plain);
}

}  // namespace kedge::log::detail
