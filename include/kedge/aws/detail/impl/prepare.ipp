// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/event_id.hpp>
#include <kedge/aws/detail/json_text.hpp>
#include <kedge/aws/detail/prepare.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <string>

namespace kedge::aws::detail {

/// The longest `[part 4294967295/4294967295 ffffffffffffffff] `, of which the number may be a longer id.
inline constexpr std::size_t longest_mark = 48, longest_number = 16;

/// Where a piece of at most `room` bytes of UTF-8 ends best.
inline std::size_t cut(std::string_view text, std::size_t room) noexcept {
    if (text.size() <= room) return text.size();
    if (const std::size_t line = text.rfind('\n', room - 1); line != std::string_view::npos && line >= room / 2) return line + 1;
    while ((static_cast<std::uint8_t>(text[room]) & 0xc0) == 0x80) --room;
    return room;
}

/// Null without memory. `text` is put behind `mark`, repaired.
inline log_event* make_event(const raw_event& what, std::string_view mark, std::string_view text,
                             const text_measure& measured) noexcept {
    log_event* const event = log_event::make(mark.size() + measured.size);
    if (!event) return nullptr;
    event->describe(what.time_ms, what.severity, what.whole, mark.size() + measured.escaped);
    char* const to = std::copy(mark.begin(), mark.end(), event->text());
    if (measured.broken > 0) write_repaired(to, text);
    else std::copy(text.begin(), text.end(), to);
    return event;
}

inline std::string mark_of(std::size_t part, std::size_t parts, const raw_event& what) {
    char hex[16];
    const std::string_view number(hex, static_cast<std::size_t>(std::to_chars(hex, hex + sizeof hex, what.number, 16).ptr - hex));
    std::string mark = "[part " + std::to_string(part) + '/' + std::to_string(parts) + ' ';
    return mark.append(what.id.empty() ? number : what.id).append("] ");
}

/// `text` is valid. False without memory.
inline bool split(const raw_event& what, std::string_view text, std::size_t room, prepared& to) {
    to.how = preparation::split;
    to.parts = 0;
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(cut(rest, room))) ++to.parts;
    for (std::size_t part = 1; !text.empty(); ++part) {
        const std::size_t size = cut(text, room);
        const std::string_view piece = text.substr(0, size);
        log_event* const event = make_event(what, mark_of(part, to.parts, what), piece, measure(piece));
        if (!event) return false;
        to.events.push_back(*event);
        text.remove_prefix(size);
    }
    return true;
}

/// `text` is valid. False without memory.
inline bool shorten(const raw_event& what, std::string_view text, std::size_t most, prepared& to) {
    to.how = preparation::shortened;
    std::string stub = R"({"kedge":"shortened: the document was too large for one event","size":)" +
                       std::to_string(what.message.size()) + R"(,"head":")";
    std::string end = "\"}";
    if (!what.id.empty()) end = std::string("\",").append(id_in_object).append(what.id).append(end);
    std::size_t room = most - event_overhead - stub.size() - end.size(), head = 0;
    while (head < text.size()) {
        const std::size_t size = log::detail::decode(text.substr(head)).size;
        const std::size_t width = size == 1 ? escaped_width(text[head]) : size;
        if (width > room) break;
        room -= width;
        head += size;
    }
    const std::size_t start = stub.size();
    stub.resize(start + measure(text.substr(0, head)).escaped);
    write_escaped(stub.data() + start, text.substr(0, head));
    stub += end;
    log_event* const event = make_event(what, {}, stub, measure(stub));
    if (event) to.events.push_back(*event);
    return event;
}

inline bool prepare_large(const raw_event& what, std::size_t most, prepared& to) {
    std::string repaired;
    std::string_view text = what.message;
    if (to.repaired) {
        repaired.resize(measure(text).size);
        write_repaired(repaired.data(), text);
        text = repaired;
    }
    const std::size_t mark = longest_mark + std::max(what.id.size(), longest_number) - longest_number;
    return what.whole ? shorten(what, text, most, to) : split(what, text, most - event_overhead - mark, to);
}

/// @param leave  texts of up to so many bytes for the queue
inline prepared prepare(const raw_event& what, std::size_t most, std::size_t leave) noexcept {
    prepared to;
    if (what.message.empty()) {
        to.how = preparation::empty;
        return to;
    }
    most = std::clamp(most, least_event_bytes, most_event_bytes);
    const text_measure measured = measure(what.message);
    to.repaired = measured.broken > 0;
    bool made = false;
    if (!to.repaired && measured.size <= leave) {
        to.plain = static_cast<std::uint32_t>(measured.size);
        to.escaped = static_cast<std::uint32_t>(measured.escaped);
        made = true;
    } else if (measured.size + event_overhead <= most) {
        log_event* const event = make_event(what, {}, what.message, measured);
        if ((made = event)) to.events.push_back(*event);
    } else {
        try {
            made = prepare_large(what, most, to);
        } catch (const std::exception&) {  // no memory
        }
    }
    if (!made) to.events = {}, to.how = preparation::no_memory;
    return to;
}

KEDGE_DECL prepared prepare(const raw_event& what, std::size_t most) noexcept { return prepare(what, most, 0); }

KEDGE_DECL prepared prepare_for_queue(const raw_event& what, std::size_t most) noexcept {
    return prepare(what, most, least_event_bytes - event_overhead);
}

}  // namespace kedge::aws::detail
