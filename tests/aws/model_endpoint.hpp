// SPDX-License-Identifier: BSL-1.0
#pragma once
// What CloudWatch Logs does with a request, and what may go wrong with it: remembers each text that it stored.
#include "../support/catch.hpp"

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kedge_test {

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;

/// How the endpoint is at the moment.
enum class weather { fine, flaky, throttling, unreachable, silent };

struct model_answer {
    service_answer answer{};
    bool accepted = false;
    std::size_t first = 0, last = 0;  ///< of the events, those that were acknowledged
};

class model_endpoint {
public:
    explicit model_endpoint(std::uint64_t seed) : draw_(seed) {
        if (below(3) == 0) event_limit = 2048;
        has_group_ = has_stream_ = below(2) == 0;
    }

    /// Decides a request at the moment when it has all of it.
    model_answer serve(const delivery_request& request) {
        if (sky == weather::unreachable) return {no_answer(false)};
        if (sky == weather::silent) return lost(request, below(2) == 0);
        if (sky == weather::throttling && below(3) != 0) return plain(answer_kind::throttled);
        if (sky == weather::flaky && below(2) == 0) return trouble(request);
        return request.what == operation::put_events ? put(*request.events()) : create(request.what);
    }

    void forget_stream() { has_stream_ = false; }
    void forget_group() { has_group_ = has_stream_ = false; }

    std::map<std::string, int, std::less<>> stored;   ///< how often
    std::map<std::string, int, std::less<>> untold;   ///< how often it was sent without a valid answer
    weather sky = weather::fine;
    std::size_t event_limit = most_event_bytes;
    std::uint64_t acknowledged = 0;

private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(draw_() % n); }

    static model_answer plain(answer_kind kind) {
        model_answer out;
        out.answer.kind = kind;
        return out;
    }

    void keep(const event_list& events) {
        for (const log_event* e = events.front(); e; e = e->next) ++stored[std::string(e->message())];
    }

    model_answer lost(const delivery_request& request, bool after_storing) {
        if (request.batch) {
            for (const log_event* e = request.events()->front(); e; e = e->next) ++untold[std::string(e->message())];
            if (after_storing && has_stream_ && !complaint(*request.events())) keep(*request.events());
        }
        return {no_answer(true)};
    }

    model_answer trouble(const delivery_request& request) {
        switch (below(9)) {
        case 0: return plain(answer_kind::stale_credentials);
        case 1: return plain(answer_kind::bad_signature);
        case 2: return plain(answer_kind::throttled);
        case 3: return plain(answer_kind::failed);
        case 4: return plain(answer_kind::conflict);
        case 5: return {no_answer(false)};
        case 6: has_stream_ = false; return plain(answer_kind::missing);
        default: return lost(request, below(2) == 0);  // reset, 5xx of a proxy, HTML with 200, bad JSON
        }
    }

    model_answer create(operation what) {
        if (what == operation::put_retention) return plain(has_group_ ? answer_kind::accepted : answer_kind::missing);
        if (what == operation::create_stream && !has_group_) return plain(answer_kind::missing);
        bool& there = what == operation::create_group ? has_group_ : has_stream_;
        return plain(std::exchange(there, true) ? answer_kind::exists : answer_kind::accepted);
    }

    /// What the service checks, though kedge should never let it complain of more than a poison or a limit that it did not know.
    const char* complaint(const event_list& events) const {
        std::int64_t oldest = events.front()->time_ms, newest = oldest;
        bool poison = false, large = false;
        for (const log_event* e = events.front(); e; e = e->next) {
            if (e->time_ms < newest) return "order";
            oldest = std::min(oldest, e->time_ms), newest = std::max(newest, e->time_ms);
            poison = poison || e->message().find("poison") != std::string_view::npos;
            large = large || e->counted() > event_limit;
            if (e->size == 0) return "empty";
        }
        if (newest - oldest > 24 * 3'600'000) return "span";
        if (events.size() > 10'000 || events.counted() > 1'048'576) return "size";
        return large ? "large" : poison ? "poison" : nullptr;
    }

    model_answer put(const event_list& events) {
        if (!has_stream_) {
            model_answer missing = plain(answer_kind::missing);
            missing.answer.of_group = !has_group_;
            return missing;
        }
        if (const std::string_view what = complaint(events) ? complaint(events) : ""; !what.empty()) {
            INFO(what);
            CHECK((what == "poison" || what == "large"));
            model_answer refused = plain(answer_kind::invalid);
            if (what == "large") refused.answer.limited = limit_kind::event, refused.answer.limit = event_limit;
            return refused;
        }
        model_answer out = plain(answer_kind::accepted);
        out.accepted = true;
        out.last = events.size();
        if (below(20) == 0) {  // it keeps them shorter than we know, or its clock is another
            out.answer.rejected.expired_end = out.first = below(events.size() + 1);
            out.answer.rejected.too_new_start = out.last = out.first + below(events.size() - out.first + 1);
        }
        std::size_t index = 0;
        for (const log_event* e = events.front(); e; e = e->next, ++index)
            if (index >= out.first && index < out.last) ++stored[std::string(e->message())];
        acknowledged += out.last - out.first;
        return out;
    }

    kedge::detail::splitmix draw_;
    bool has_group_ = true, has_stream_ = true;
};

}  // namespace kedge_test
