// SPDX-License-Identifier: BSL-1.0
// Long random stories of a stream and its endpoint. After each step the books are balanced and agree with what lies where; at the
// end nothing is lost that was accepted, and nothing is there twice unless its fate had been unknown.
#include "model_endpoint.hpp"

#include <set>

using namespace kedge_test;
using namespace std::chrono_literals;

namespace {

struct plan {
    delivery_rules rules{};
    bool patient = true;  ///< the shutdown waits until all is delivered
};

plan random_plan(kedge::detail::splitmix& draw, bool roomy) {
    plan p;
    p.rules.max_in_flight = 1 + static_cast<int>(draw() % 4);
    p.rules.retention_days = draw() % 2 ? 30 : 0;
    p.rules.clamp_too_new = roomy || draw() % 2;
    p.rules.queue.when_full = static_cast<overflow>(draw() % 3);
    p.rules.queue.events = roomy ? 1'000'000 : 50 + draw() % 500;
    p.rules.queue.bytes = roomy ? 1u << 30 : 20'000 + draw() % 100'000;
    p.patient = roomy || draw() % 3 != 0;
    return p;
}

class story {
public:
    story(std::uint64_t seed, bool roomy)
        : draw_(seed), plan_(random_plan(draw_, roomy)), endpoint_(seed + 1), core_(plan_.rules) {}

    void play() {
        for (int step = 0; step < 400; ++step) {
            if (draw_() % 8 == 0) change_weather();
            if (draw_() % 2 == 0) submit(draw_() % 40);
            pass(std::chrono::milliseconds(draw_() % 1500));
        }
        endpoint_.sky = plan_.patient ? weather::fine : weather::unreachable;
        core_.close(now_ + (plan_.patient ? 240h : 10s), now_);
        for (int step = 0; !closed_ && step < 100'000; ++step) pass(1s);
        CHECK(closed_);
        compare();
    }

    std::uint64_t outages = 0, lost = 0, twice = 0, delivered = 0;

private:
    struct coming {
        time_point at;
        std::uint32_t serial;
        bool creates;
        service_answer answer;
    };

    void change_weather() {
        endpoint_.sky = static_cast<weather>(draw_() % 5);
        if (endpoint_.sky != weather::fine) ++outages;
        if (draw_() % 10 == 0) endpoint_.forget_stream();
        if (draw_() % 20 == 0) endpoint_.forget_group();
    }

    moment at() const { return {now_, std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count()}; }

    void submit(std::uint64_t count) {
        for (; count > 0; --count) {
            const std::string token = "e" + std::to_string(submitted_) + ";";
            std::string text = token + (draw_() % 200 == 0 ? "poison" : "");
            const std::uint64_t size = draw_() % 60 == 0 ? draw_() % 6000 : draw_() % 100;
            while (text.size() < size) text += token;
            std::int64_t ahead = draw_() % 20 ? 0 : static_cast<std::int64_t>(draw_() % 600'000) - 500'000;
            if (draw_() % 300 == 0) ahead = -15 * 24 * 3'600'000ll;
            if (draw_() % 300 == 0) ahead = 30 * 3'600'000ll;
            const auto severity = draw_() % 10 ? log::level::info : log::level::error;
            const raw_event raw{text, at().wall_ms + ahead, severity, false, submitted_};
            const bool redacts = draw_() % 100 != 0;
            prepared ready = redacts ? prepare_for_queue(raw, core_.most_event()) : prepared{.how = preparation::unredacted};
            const bool in = !core_.submit(std::move(ready), raw, now_);
            unredacted_ += !redacts;
            if (in) accepted_.insert(submitted_);
            ++submitted_;
            check();
        }
    }

    /// Time passes, with all that happens meanwhile in its order.
    void pass(nanoseconds span) {
        const time_point end = now_ + span;
        while (!closed_) {
            const auto first = std::min_element(coming_.begin(), coming_.end(), [](auto& a, auto& b) { return a.at < b.at; });
            const time_point due = std::max(core_.due(), now_), next = first == coming_.end() ? never : std::max(first->at, now_);
            if (std::min(due, next) > end) break;
            now_ = std::min(due, next);
            if (next <= due) {
                const coming one = *first;
                coming_.erase(first);
                const std::int64_t theirs = at().wall_ms;
                if (one.answer.kind != answer_kind::not_sent) core_.clock_seen(theirs, theirs, theirs, now_);
                act([&](delivery_actions& todo) { core_.answered(one.serial, one.answer, at(), draw_(), todo); });
            } else {
                act([&](delivery_actions& todo) { core_.tick(at(), todo); });
            }
        }
        now_ = std::max(now_, end);
    }

    template <class Call> void act(Call call) {
        delivery_actions todo;
        call(todo);
        for (int i = 0; i < todo.starting; ++i) {
            const delivery_request& request = todo.start[static_cast<std::size_t>(i)];
            CHECK((!request.batch || !request.events()->empty()));
            const model_answer out = endpoint_.serve(request);
            coming_.push_back({now_ + std::chrono::milliseconds(1 + draw_() % 200), request.serial, !request.batch, out.answer});
        }
        CHECK(static_cast<int>(coming_.size()) <= plan_.rules.max_in_flight);
        CHECK(std::count_if(coming_.begin(), coming_.end(), [](const coming& one) { return one.creates; }) <= 1);
        for (std::size_t i = 0; i < rejections; ++i) {
            note(todo.refused[i]);
            refused_[static_cast<rejection>(i)] += todo.refused[i].size();
        }
        note(todo.leftover);
        if (todo.refresh_credentials && draw_() % 2) core_.credentials_renewed(now_);
        closed_ = closed_ || todo.closed;
        check();
    }

    /// The number of the submission that a text is from, or one that none has.
    static std::uint64_t number_of(std::string_view text) {
        if (text.starts_with("[part ")) text.remove_prefix(text.find(';') + 1);
        return text.starts_with('e') ? std::stoull(std::string(text.substr(1, 20))) : ~0ull;
    }

    void note(const event_list& events) {
        for (const log_event* e = events.front(); e; e = e->next) elsewhere_.insert(number_of(e->message()));
    }

    void check() const {
        const delivery_counters c = core_.counters(now_);
        const bool told = c.rejected == refused_ && c.dropped[drop_reason::unredacted] == unredacted_ &&
                          c.retries == c.retried.total();
        const bool right = told && c.accounting().balanced() && c.pending == core_.count_events() &&
                           (c.pending > 0) == (c.pending_bytes > 0) && c.most_bytes <= plan_.rules.queue.bytes &&
                           c.acked <= endpoint_.acknowledged;
        if (right) return;
        CHECK(told);
        CHECK(c.accounting().balanced());
        CHECK(c.pending == core_.count_events());
        CHECK((c.pending > 0) == (c.pending_bytes > 0));
        CHECK(c.most_bytes <= plan_.rules.queue.bytes);
        CHECK(c.acked <= endpoint_.acknowledged);
    }

    void compare() {
        const delivery_counters c = core_.counters(now_);
        std::set<std::uint64_t> there;
        std::uint64_t duplicates = 0;
        for (const auto& [text, copies] : endpoint_.stored) {
            there.insert(number_of(text));
            duplicates += static_cast<std::uint64_t>(copies - 1);
            const auto untold = endpoint_.untold.find(text);
            CHECK(copies <= 1 + (untold == endpoint_.untold.end() ? 0 : untold->second));
        }
        for (const std::uint64_t one : accepted_) lost += !there.contains(one) && !elsewhere_.contains(one);
        CHECK(lost <= c.dropped[drop_reason::displaced]);
        CHECK(duplicates <= c.unknown_events);
        CHECK(c.pending == 0);
        CHECK(c.pending_bytes == 0);
        if (plan_.patient) CHECK(c.leftover == 0);
        twice = duplicates;
        delivered = c.acked;
    }

    kedge::detail::splitmix draw_;
    plan plan_;
    model_endpoint endpoint_;
    delivery core_;
    time_point now_{500'000h};
    std::vector<coming> coming_;
    std::set<std::uint64_t> accepted_, elsewhere_;
    counts_by<rejection, rejections> refused_;  ///< as they were handed over
    std::uint64_t submitted_ = 0, unredacted_ = 0;
    bool closed_ = false;
};

}  // namespace

TEST_CASE("a thousand outages lose nothing within the bounds, and duplicate only what had an unknown fate") {
    std::uint64_t outages = 0, lost = 0, twice = 0, delivered = 0;
    for (std::uint64_t seed = 1; outages < 1000; ++seed) {
        INFO("seed " << seed);
        story one(seed, true);
        one.play();
        CHECK(one.lost == 0);
        outages += one.outages, lost += one.lost, twice += one.twice, delivered += one.delivered;
    }
    CHECK(delivered > 50'000);
    CHECK(twice > 0);
}

TEST_CASE("the books are balanced after each step when memory is short and time runs out") {
    for (std::uint64_t seed = 1001; seed < 1040; ++seed) {
        INFO("seed " << seed);
        story(seed, false).play();
    }
}
