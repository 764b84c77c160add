// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace kedge {

namespace detail {

/// Length of the well-formed UTF-8 sequence at the start of `s`, 0 if there is none (Unicode 15, table 3-7: no
/// overlong forms, no surrogates, nothing above U+10FFFF).
constexpr std::size_t utf8_sequence(std::string_view s) noexcept {
    const auto byte = [s](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned lead = byte(0);
    if (lead < 0x80U) return 1;
    if (lead < 0xC2U || lead > 0xF4U || !continues(1)) return 0;
    if (lead < 0xE0U) return 2;
    if (lead < 0xF0U) {
        if ((lead == 0xE0U && byte(1) < 0xA0U) || (lead == 0xEDU && byte(1) > 0x9FU)) return 0;
        return continues(2) ? 3 : 0;
    }
    if ((lead == 0xF0U && byte(1) < 0x90U) || (lead == 0xF4U && byte(1) > 0x8FU)) return 0;
    return continues(2) && continues(3) ? 4 : 0;
}

enum class text_flaw : std::uint8_t { none, nul, not_utf8 };

constexpr text_flaw flaw_in(std::string_view s) noexcept {
    while (!s.empty()) {
        if (s.front() == '\0') return text_flaw::nul;
        const std::size_t length = utf8_sequence(s);
        if (length == 0) return text_flaw::not_utf8;
        s.remove_prefix(length);
    }
    return text_flaw::none;
}

inline error_code check_text(std::string_view s) noexcept {
    switch (flaw_in(s)) {
    case text_flaw::nul: return sql_errc::nul_in_text;
    case text_flaw::not_utf8: return sql_errc::invalid_utf8;
    case text_flaw::none: break;
    }
    return {};
}

/// Text with a reference count. Not a `shared_ptr`: a `consteval` constructor needs a class with a constexpr destructor.
struct counted_text {
    std::string text;
    std::atomic<int> owners{1};
};

}  // namespace detail

/** A statement put together at run time: `kedge::dynamic_sql("select * from " + table)`.
 *
 *  The name is the point: what goes into it is not a value but code. Values belong into @ref params.
 */
class dynamic_sql {
public:
    explicit dynamic_sql(std::string text) : text_(std::move(text)) {}

private:
    friend class sql_text;
    std::string text_;
};

/** The text of one SQL statement: a literal, or an explicit @ref dynamic_sql.
 *
 *  A literal is taken at compile time, where a NUL or invalid UTF-8 in it does not compile; nothing is copied. A
 *  `std::string` does not convert, so that no value gets into a statement by concatenation unless somebody says so.
 *  Copies share the text. Parameters are `$1`, `$2`, … for every database.
 *
 *  @par Thread safety  Distinct objects: safe.
 */
class sql_text {
public:
    template <std::size_t N> consteval sql_text(const char (&literal)[N]) : text_(literal, N - 1) {
        if (detail::flaw_in(text_) != detail::text_flaw::none) throw "NUL or invalid UTF-8 in a SQL literal";
    }
    sql_text(dynamic_sql text) : owned_(new detail::counted_text{std::move(text.text_)}), text_(owned_->text) {}

    constexpr sql_text(const sql_text& other) noexcept : owned_(other.owned_), text_(other.text_) {
        if (owned_ != nullptr) owned_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    constexpr sql_text(sql_text&& other) noexcept : owned_(std::exchange(other.owned_, nullptr)), text_(other.text_) {
        other.text_ = {};
    }
    constexpr sql_text& operator=(sql_text other) noexcept {
        std::swap(owned_, other.owned_);
        std::swap(text_, other.text_);
        return *this;
    }
    constexpr ~sql_text() {
        if (owned_ != nullptr && owned_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete owned_;
    }

    constexpr std::string_view view() const noexcept { return text_; }

private:
    detail::counted_text* owned_ = nullptr;
    std::string_view text_;
};

}  // namespace kedge
