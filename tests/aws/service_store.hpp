// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "service_request.hpp"

#include <algorithm>

// What CloudWatch Logs keeps, and what it wants of a request before it does.

namespace aws_test {

class log_store {
public:
    struct group {
        int retention_days = 0;
        std::map<std::string, std::vector<stored_event>> streams{};
    };

    std::map<std::string, group> groups{};
    std::uint64_t count = 0;

    void create_group(const log_call& call) {
        const std::string name = group_name(call);
        if (!groups.try_emplace(name).second) exists("The specified log group already exists");
    }

    void create_stream(const log_call& call) {
        if (!group_of(call).streams.try_emplace(stream_name(call)).second) exists("The specified log stream already exists");
    }

    void put_retention(const log_call& call) {
        constexpr std::array days = {1,   3,   5,   7,   14,  30,   60,   90,   120,  150,  180, 365,
                                     400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
        const auto found = call.numbers.find("retentionInDays");
        if (found == call.numbers.end() || std::ranges::count(days, found->second) == 0) invalid("retentionInDays");
        group_of(call).retention_days = static_cast<int>(found->second);
    }

    /// @return the answer's body
    std::string put_events(log_call& call, const fault& scripted, const service_rules& rules,
                           std::chrono::system_clock::time_point now) {
        const group& in = group_of(call);
        if (!in.streams.contains(stream_name(call))) missing("The specified log stream does not exist.");
        std::vector<stored_event>& kept = group_of(call).streams[stream_name(call)];
        if (!call.events || call.events->empty() || call.events->size() > 10'000) invalid("logEvents: 1 to 10000 of them");
        check_events(*call.events, rules);
        std::size_t too_old = scripted.too_old_end, expired = scripted.expired_end, too_new = call.events->size();
        const std::int64_t now_ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
        const auto first_from = [&](std::int64_t least) {
            const auto later = [](const stored_event& e, std::int64_t ms) { return e.time_ms < ms; };
            return static_cast<std::size_t>(
                std::lower_bound(call.events->begin(), call.events->end(), least, later) - call.events->begin());
        };
        too_old = std::max(too_old, first_from(now_ms - 14 * day_ms));
        if (in.retention_days > 0) expired = std::max(expired, first_from(now_ms - in.retention_days * day_ms));
        too_new = std::min({too_new, scripted.too_new_start, first_from(now_ms + day_ms / 12 + 1)});
        const std::size_t first = std::max(too_old, expired);
        if (first < too_new && (*call.events)[too_new - 1].time_ms - (*call.events)[first].time_ms > day_ms)
            invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
        keep(*call.events, first, too_new, kept, rules.remembers);
        return answer(too_old, expired, too_new, call.events->size());
    }

private:
    static constexpr std::int64_t day_ms = 24 * 3'600'000;

    [[noreturn]] static void invalid(const std::string& what) { throw refusal{"InvalidParameterException", what}; }
    [[noreturn]] static void missing(const std::string& what) { throw refusal{"ResourceNotFoundException", what}; }
    [[noreturn]] static void exists(const std::string& what) { throw refusal{"ResourceAlreadyExistsException", what}; }

    static const std::string& text_of(const log_call& call, const char* member) {
        const auto found = call.texts.find(member);
        if (found == call.texts.end() || found->second.empty() || found->second.size() > 512) invalid(member);
        return found->second;
    }
    static const std::string& group_name(const log_call& call) {
        const std::string& name = text_of(call, "logGroupName");
        const auto fits = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                   std::string_view(".-_/#").find(c) != std::string_view::npos;
        };
        if (!std::ranges::all_of(name, fits) || name.starts_with("aws/")) invalid("logGroupName");
        return name;
    }
    static const std::string& stream_name(const log_call& call) {
        const std::string& name = text_of(call, "logStreamName");
        if (name.find_first_of(":*") != std::string::npos) invalid("logStreamName");
        return name;
    }
    group& group_of(const log_call& call) {
        const auto found = groups.find(group_name(call));
        if (found == groups.end()) missing("The specified log group does not exist.");
        return found->second;
    }

    static void check_events(const std::vector<stored_event>& events, const service_rules& rules) {
        std::size_t sum = 0;
        for (const stored_event& e : events) {
            const std::size_t size = e.text.size() + 26;
            if (e.text.empty()) invalid("message: at least one character");
            if (e.time_ms < 0) invalid("timestamp: at least 0");
            if (size > rules.event_limit)
                invalid("Log event too large: " + std::to_string(size) + " bytes exceeds limit of " +
                        std::to_string(rules.event_limit));
            if (!rules.poison.empty() && e.text.find(rules.poison) != std::string::npos) invalid("a value");
            sum += size;
        }
        if (sum > 1'048'576) invalid("Upload too large: " + std::to_string(sum) + " bytes exceeds limit of 1048576");
        const auto earlier = [](const stored_event& a, const stored_event& b) { return a.time_ms < b.time_ms; };
        if (!std::is_sorted(events.begin(), events.end(), earlier))
            invalid("Log events in a single PutLogEvents request must be in chronological order.");
    }

    void keep(std::vector<stored_event>& events, std::size_t first, std::size_t last, std::vector<stored_event>& kept,
              bool remembers) {
        for (std::size_t i = first; i < last; ++i) {
            ++count;
            if (remembers) kept.push_back(std::move(events[i]));
        }
    }

    static std::string answer(std::size_t too_old, std::size_t expired, std::size_t too_new, std::size_t size) {
        std::string ranges;
        const auto add = [&](bool any, const char* name, std::size_t index) {
            if (any) ranges += (ranges.empty() ? "\"" : ",\"") + std::string(name) + "\":" + std::to_string(index);
        };
        add(too_old > 0, "tooOldLogEventEndIndex", too_old);
        add(expired > too_old, "expiredLogEventEndIndex", expired);
        add(too_new < size, "tooNewLogEventStartIndex", too_new);
        const std::string token = R"({"nextSequenceToken":"49590302")";
        return ranges.empty() ? token + "}" : token + R"(,"rejectedLogEventsInfo":{)" + ranges + "}}";
    }
};

}  // namespace aws_test
