// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/profile_text.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <cstddef>

namespace kedge::aws::detail {

inline constexpr std::string_view blanks = " \t\r\f\v";

inline std::string_view without_blanks(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(blanks);
    return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

/// Keys have neither `#` nor `;`, but what does (a password in somebody else's setting) may: not without a space in front.
inline std::string_view without_comment(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((text[i] == '#' || text[i] == ';') && (i == 0 || blanks.find(text[i - 1]) != blanks.npos)) return text.substr(0, i);
    return text;
}

/// A name with spaces stands in quotes in the file of settings, as for a shell; in that of credentials quotes are of the name.
inline std::string_view without_quotes(std::string_view name) noexcept {
    const bool quoted = name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front();
    return quoted ? name.substr(1, name.size() - 2) : name;
}

class profile_reader {
public:
    profile_reader(std::string_view name, profile_file kind) : name_(name), kind_(kind) {}

    void take(std::string_view line, int number) {
        const std::string_view text = without_blanks(without_comment(line));
        if (text.empty()) return;
        const std::size_t indent = line.find_first_not_of(blanks);
        if (text.front() == '[') return begin_section(text, number);
        if (indent > indent_) return;  // of the setting above
        if (is_wanted_) take_setting(text, number);
        indent_ = indent;
    }

    profile out{};

private:
    static constexpr std::size_t any_indent = std::string_view::npos;

    void begin_section(std::string_view text, int number) {
        const auto close = text.find(']');
        indent_ = any_indent;
        is_wanted_ = close != text.npos && is_wanted(without_blanks(text.substr(1, close - 1)));
        out.is_there |= is_wanted_;
        if (close == text.npos) complain(number);
    }

    bool is_wanted(std::string_view section) const noexcept {
        constexpr std::string_view word = "profile";
        if (kind_ == profile_file::credentials || section == "default") return section == name_;
        if (!section.starts_with(word) || section.find_first_of(blanks) != word.size()) return false;
        return without_quotes(without_blanks(section.substr(word.size()))) == name_;
    }

    void take_setting(std::string_view text, int number) {
        const auto equals = text.find('=');
        std::string name(without_blanks(text.substr(0, equals)));
        if (equals == text.npos || name.empty()) return complain(number);
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        out.values.insert_or_assign(std::move(name), secret<std::string>(std::string(without_blanks(text.substr(equals + 1)))));
    }

    void complain(int number) noexcept {
        if (out.bad_line == 0) out.bad_line = number;
    }

    const std::string_view name_;
    const profile_file kind_;
    bool is_wanted_ = false;
    std::size_t indent_ = any_indent;
};

KEDGE_DECL profile read_profile(std::string_view text, std::string_view name, profile_file kind) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    profile_reader reader(name, kind);
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        reader.take(text.substr(0, end), number);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return std::move(reader.out);
}

}  // namespace kedge::aws::detail
