// SPDX-License-Identifier: BSL-1.0
#pragma once
// Drives the core of a delivery by hand, and checks its books after each step.
#include "../support/catch.hpp"

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/log/python_format.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kedge_test {

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

struct sent_request {
    std::uint32_t serial = 0;
    operation what{};
    std::vector<std::string> texts{};
    std::vector<std::int64_t> times{};
    bool gzip = false;
};

inline service_answer answer_of(answer_kind kind) {
    service_answer out;
    out.kind = kind;
    return out;
}

class courier {
public:
    explicit courier(delivery_rules rules = {}) : core(std::make_unique<delivery>(rules)) {}

    std::optional<drop_reason> submit(std::string_view text, log::level severity = log::level::info,
                                      std::chrono::milliseconds ahead = 0ms) {
        const raw_event raw{text, at().wall_ms + ahead.count(), severity};
        const auto why = core->submit(prepare_for_queue(raw, core->most_event()), raw, now);
        check();
        return why;
    }

    /// Lets time pass; at its end what is due happens.
    void pass(nanoseconds span) {
        now += span;
        act([this](delivery_actions& todo) { core->tick(at(), todo); });
    }

    /// Until something is due, and does it.
    void pass_until_due() {
        const time_point due = core->due();
        pass(due == never || due <= now ? nanoseconds::zero() : due - now);
    }

    void answer(const service_answer& how) {
        REQUIRE_FALSE(sent.empty());
        const std::uint32_t serial = sent.front().serial;
        sent.erase(sent.begin());
        act([&](delivery_actions& todo) { core->answered(serial, how, at(), random, todo); });
    }
    void answer(answer_kind kind) { answer(answer_of(kind)); }

    /// A failure of the connection after something had been sent, and the pause behind it.
    void lose() {
        answer(no_answer(true));
        pass_until_due();
    }

    void close(nanoseconds within) {
        core->close(now + within, now);
        pass(0s);
    }

    moment at() const {
        return {now, std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch() + clock_set).count()};
    }
    /// What the service's clock is ahead of ours.
    void see_clock(std::chrono::milliseconds ahead) {
        core->clock_seen(at().wall_ms + ahead.count(), at().wall_ms, at().wall_ms, now);
    }
    delivery_counters counters() const { return core->counters(now); }

    std::unique_ptr<delivery> core;
    time_point now{1'000'000h};
    nanoseconds clock_set{0};  ///< by how much our wall clock was set forward
    std::uint64_t random = 12'345'678'901'234'567;  ///< 0: the longest equal jitter, no full jitter
    std::vector<sent_request> sent;          ///< not answered yet
    std::vector<std::string> refused, leftover;
    std::vector<delivery_alarm> alarms;
    int refreshes = 0;
    bool starts = true;  ///< false: there is no memory for requests
    bool closed = false;

private:
    template <class Call> void act(Call call) {
        delivery_actions todo;
        call(todo);
        for (int i = 0; i < todo.starting; ++i) {
            const delivery_request& one = todo.start[static_cast<std::size_t>(i)];
            if (!starts) {
                core->not_started(one.serial, now, random, todo);
                continue;
            }
            sent_request copy{one.serial, one.what, {}, {}, one.gzip};
            for (const log_event* e = one.batch ? one.events()->front() : nullptr; e; e = e->next) {
                copy.texts.emplace_back(e->message());
                copy.times.push_back(e->time_ms);
            }
            sent.push_back(std::move(copy));
        }
        for (const event_list& list : todo.refused)
            for (const log_event* e = list.front(); e; e = e->next) refused.emplace_back(e->message());
        for (const log_event* e = todo.leftover.front(); e; e = e->next) leftover.emplace_back(e->message());
        for (const alarm_list::one& alarm : todo.alarms) alarms.push_back(alarm.what);
        refreshes += todo.refresh_credentials;
        closed = closed || todo.closed;
        check();
    }

    void check() const {
        const delivery_counters c = counters();
        if (!c.accounting().balanced() || c.pending != core->count_events()) {
            CHECK(c.accounting().balanced());
            CHECK(c.pending == core->count_events());
        }
    }
};

}  // namespace kedge_test
