// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/event_batch.hpp>
#include <kedge/aws/detail/json_text.hpp>

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// Where the events go; names that the service takes.
struct log_target {
    std::string group, stream;
};

inline void append_json_string(std::string& out, std::string_view text) {
    const std::size_t start = out.size();
    out.resize(start + measure(text).escaped + 2);
    char* to = out.data() + start;
    *to++ = '"';
    *write_escaped(to, text) = '"';
}

inline std::string group_body(const log_target& target) {
    std::string out = R"({"logGroupName":)";
    append_json_string(out, target.group);
    return out += '}';
}

inline std::string stream_body(const log_target& target) {
    std::string out = group_body(target);
    out.back() = ',';
    out += R"("logStreamName":)";
    append_json_string(out, target.stream);
    return out += '}';
}

inline std::string retention_body(const log_target& target, int days) {
    std::string out = group_body(target);
    out.back() = ',';
    return out += R"("retentionInDays":)" + std::to_string(days) + '}';
}

/// Makes `out`, whose memory it uses again, the body of PutLogEvents.
/// @throws std::bad_alloc
inline void put_body(const log_target& target, const event_list& events, std::string& out) {
    constexpr std::string_view before_time = R"({"timestamp":)", before_text = R"(,"message":")", after = R"("},)";
    out.clear();
    out += stream_body(target);
    out.back() = ',';
    out += R"("logEvents":[)";
    const std::size_t start = out.size();
    constexpr std::size_t longest_time = 20;
    out.resize(start + events.wire() + events.size() * longest_time + 2);
    char* to = out.data() + start;
    const auto put = [&to](std::string_view text) {
        std::memcpy(to, text.data(), text.size());
        to += text.size();
    };
    for (const log_event* event = events.front(); event; event = event->next) {
        put(before_time);
        to = std::to_chars(to, to + longest_time, event->time_ms).ptr;
        put(before_text);
        if (event->escaped == event->size) put(event->message());
        else to = write_escaped(to, event->message());
        put(after);
    }
    if (!events.empty()) --to;
    put("]}");
    out.resize(static_cast<std::size_t>(to - out.data()));
}

/// Of a body without events.
inline std::size_t frame_bytes(const log_target& target) {
    std::string body;
    put_body(target, {}, body);
    return body.size();
}

}  // namespace kedge::aws::detail
