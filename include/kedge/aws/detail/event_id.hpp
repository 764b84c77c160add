// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/** Names an event: `0123456789abcdef-2a`, of the process and the number of the event in it; hexadecimal. */
class event_id {
public:
    event_id() = default;
    /// @param kind  set in front of the number of what the sink says itself: it is counted apart
    event_id(std::uint64_t process, std::uint64_t number, std::string_view kind = {}) noexcept {
        char digits[16];
        const auto size = static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, process, 16).ptr - digits);
        append("0000000000000000", process_digits - size);
        append(digits, size);
        append("-", 1);
        append(kind.data(), kind.size());
        size_ = static_cast<std::size_t>(std::to_chars(text_ + size_, text_ + sizeof text_, number, 16).ptr - text_);
    }
    std::string_view text() const noexcept { return {text_, size_}; }

    static constexpr std::size_t process_digits = 16;

private:
    void append(const char* from, std::size_t size) noexcept {
        std::copy_n(from, size, text_ + size_);
        size_ += size;
    }

    char text_[process_digits * 2 + 2];
    std::size_t size_ = 0;
};

inline constexpr std::string_view id_in_text = " mid=", id_in_object = R"("event_id":")";

inline bool is_object(std::string_view text) noexcept {
    constexpr std::string_view begins = "\"} \t\r\n";
    return text.size() >= 2 && text.front() == '{' && text.back() == '}' && begins.find(text[1]) != std::string_view::npos;
}

/** Puts ` mid=ID` behind a text, and `"event_id":"ID"` behind the last member of a JSON object.
 *
 *  One that it would make larger than `room` goes without: it would not be itself any more. So does a document that is no object.
 */
inline void add_id(std::string& text, std::string_view id, bool document, std::size_t room) {
    if (text.empty()) return;
    if (!is_object(text)) {
        if (!document) text.append(id_in_text).append(id);
        return;
    }
    if (text.size() + id_in_object.size() + id.size() + 2 > room) return;
    text.pop_back();
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    if (text[last] != '{') text += ',';
    text.append(id_in_object).append(id).append("\"}");
}

/// Whether it is one of @ref event_id, or of a part of its event.
inline bool is_id(std::string_view text) noexcept {
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    const std::size_t dash = event_id::process_digits;
    return text.size() > dash + 1 && text[dash] == '-' && std::all_of(text.begin(), text.begin() + dash, hex) &&
           std::all_of(text.begin() + dash + 1, text.end(), [hex](char c) { return hex(c) || c == '.'; });
}

/// The id that a text, a document or a part has; empty: none. Of part 2 it is `ID.2`, since that may be in parts itself.
inline std::string id_of(std::string_view text) {
    constexpr std::string_view part = "[part ";
    if (text.starts_with(part)) {
        const std::size_t slash = text.find('/'), space = text.find(' ', part.size()), end = text.find("] ");
        if (slash > space || space > end || end == text.npos) return {};
        const std::string_view id = text.substr(space + 1, end - space - 1);
        if (!is_id(id)) return {};
        return std::string(id).append(".").append(text.substr(part.size(), slash - part.size()));
    }
    const bool object = is_object(text) && text.ends_with("\"}");
    if (object) text.remove_suffix(2);
    const std::string_view before = object ? id_in_object : id_in_text;
    const std::size_t at = text.rfind(before);
    if (at == text.npos) return {};
    const std::string_view id = text.substr(at + before.size());
    return is_id(id) ? std::string(id) : std::string();
}

}  // namespace kedge::aws::detail
