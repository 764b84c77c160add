// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/log/detail/escape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// What the fallback's log is told.

namespace kedge::aws::detail {

/// So much of a refused event's text stands in the record that tells of it.
inline constexpr std::size_t told_bytes = 256;

inline std::string_view text_of(delivery_alarm what) noexcept {
    switch (what) {
    case delivery_alarm::none: return {};
    case delivery_alarm::outage: return "CloudWatch Logs cannot be reached; events wait";
    case delivery_alarm::recovered: return "CloudWatch Logs takes events again";
    case delivery_alarm::credentials: return "CloudWatch Logs: no valid credentials, or a wrong clock; events wait";
    case delivery_alarm::denied: return "CloudWatch Logs denies access, or the group or stream is missing; events wait";
    case delivery_alarm::nothing_accepted: return "CloudWatch Logs calls every request invalid: are the names right? Events wait";
    case delivery_alarm::retention: return "CloudWatch Logs: the group was created, but its retention could not be set";
    case delivery_alarm::spool_failed: return "CloudWatch Logs: the spool cannot be used, events wait in memory only";
    case delivery_alarm::spool_works: return "CloudWatch Logs: the spool is used again";
    case delivery_alarm::spool_hangs:
        return "CloudWatch Logs: the disk did not answer before the end; what was acknowledged last may come again";
    }
    return {};
}

/// What the service or the transport said. A second line of the service's may quote our request.
inline std::string said_in(const service_answer& from) {
    std::string out = from.code;
    const std::string_view message = std::string_view(from.message).substr(0, from.message.find('\n'));
    if (!out.empty() && !message.empty()) out += ": ";
    return out += message;
}

/// The alarm with what the service, the transport or the disk said of it.
inline std::string told_text(delivery_alarm what, const service_answer* cause, int disk_error) {
    std::string out(text_of(what)), said;
    if (what == delivery_alarm::spool_failed) said = error_code(disk_error, boost::system::system_category()).message();
    else if (cause && what != delivery_alarm::spool_works) said = said_in(*cause);
    return said.empty() ? out : out + ": " + said;
}

/// The beginning of a text that may be anything, at most @ref told_bytes, cut between code points.
inline std::string_view head_of(std::string_view text) noexcept {
    if (text.size() <= told_bytes) return text;
    std::size_t end = told_bytes;
    while (end > told_bytes - 4 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

/// @param sample  one of them; null: none is at hand
inline std::string refusal_text(rejection why, std::uint64_t events, const std::string& said, const log_event* sample) {
    std::string out = "CloudWatch Logs refused " + std::to_string(events) + (events == 1 ? " event" : " events") + " for good (";
    out.append(name_of(why)) += ')';
    if (!said.empty()) (out += ": ") += said;
    if (!sample) return out;
    const std::string_view head = head_of(sample->message());
    out += events == 1 ? "; it begins: " : "; one begins: ";
    out += head;
    return head.size() < sample->size ? out += "..." : out;
}

}  // namespace kedge::aws::detail
