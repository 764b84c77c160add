// SPDX-License-Identifier: BSL-1.0
// The sink with a spool, in the simulation: what a process leaves is delivered by the next one, and more than memory holds waits
// on disk.
#include "spool_folder.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/detail/runtime_random.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <optional>
#include <set>

using namespace kedge_test;

namespace {

/// The service, which outlives the processes that write to it.
struct store {
    std::vector<std::string> texts;  ///< in the order in which they came
    answer_kind answer = answer_kind::accepted;
    bool loses_answers = false;      ///< after storing
    std::size_t event_limit = most_event_bytes;
    kedge::detail::splitmix draw{5};
};

/// `e17;` of each message in the body.
std::vector<std::string> tokens_of(std::string_view body) {
    std::vector<std::string> out;
    for (std::size_t at = body.find("e"); at != body.npos; at = body.find("e", at + 1)) {
        const std::size_t end = body.find_first_not_of("0123456789", at + 1);
        if (end > at + 1 && end != body.npos && body[end] == ';') out.emplace_back(body.substr(at, end - at));
    }
    return out;
}

class storing_transport final : public log_transport {
public:
    storing_transport(testing::simulation& ctx, store& to) : ctx_(ctx), store_(to) {}

    void start(log_request what, log_response_handler done) override {
        log_response response;
        response.answer.kind = store_.answer;
        if (what.body.size() > store_.event_limit) {  // one event, and what stands around it
            response.answer = {.kind = answer_kind::invalid, .limited = limit_kind::event, .limit = store_.event_limit};
            store_.event_limit = most_event_bytes;
        }
        const bool stores = response.answer.kind == answer_kind::accepted;
        if (stores)
            for (std::string& text : tokens_of(what.body)) store_.texts.push_back(std::move(text));
        const std::int64_t now = milliseconds_of(runtime::of(ctx_.get_executor()).wall_now());
        if (stores) response.clock = {now, now, now};
        if (stores && store_.loses_answers && store_.draw() % 3 == 0) response.answer = no_answer(true);
        async_sleep(ctx_, 20ms, [done = std::move(done), response = std::move(response)](error_code) mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

private:
    testing::simulation& ctx_;
    store& store_;
};

/// A process: it ends without a farewell when it is destroyed, and what it had in memory is gone.
struct process {
    process(const spool_folder& where, store& to, cloudwatch_options o = {}) {
        o.group = "shop", o.stream = "web-1", o.fallback = console;
        o.spool.directory = where.path.string();
        sink.emplace(ctx, o, std::make_shared<storing_transport>(ctx, to));
    }
    void write(int number, std::size_t size = 0, log::level severity = log::level::info, std::chrono::hours ago = 0h) {
        const std::string text = 'e' + std::to_string(number) + ';' + std::string(size, '.');
        log::record what;
        what.time = today - ago;
        what.severity = severity;
        what.message = text;
        log::submit(*sink, what);
        check();
    }
    void check() const {
        const delivery_counters now = sink->delivery();
        if (!now.accounting().balanced() || now.spooled > now.pending) {
            CHECK(now.accounting().balanced());
            CHECK(now.spooled <= now.pending);
        }
    }
    void run_for(nanoseconds span) {
        for (; span > 0ns; span -= 10ms) ctx.run_for(10ms), check();
    }
    std::optional<delivery_accounting> shut_down(nanoseconds within) {
        std::optional<delivery_accounting> books;
        sink->async_shutdown(ctx.now() + within, [&](delivery_accounting b) { books = b; });
        ctx.run();
        return books;
    }

    static constexpr log::wall_time today{std::chrono::seconds(1'761'492'406)};
    testing::simulation ctx{1, today};
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    std::optional<cloudwatch_sink> sink;
};

std::vector<std::string> tokens(int first, int last) {
    std::vector<std::string> out;
    for (int i = first; i <= last; ++i) out.push_back('e' + std::to_string(i));
    return out;
}

struct fixture : spool_folder {
    store service;
};

}  // namespace

TEST_CASE_METHOD(fixture, "what a process left is delivered by the next one, in order") {
    {
        process one(*this, service);
        service.answer = answer_kind::not_sent;
        for (int i = 1; i <= 20; ++i) one.write(i);
        one.run_for(5s);
    }
    service.answer = answer_kind::accepted;
    process two(*this, service);
    two.write(21);
    two.ctx.run();
    CHECK(service.texts == tokens(1, 21));
    CHECK(two.sink->delivery().recovered == 20);
    CHECK(two.sink->delivery().accounting() == delivery_accounting{.offered = 21, .acked = 21});
    CHECK(two.sink->spool().lost == 0);
}

TEST_CASE_METHOD(fixture, "what was acknowledged does not come again") {
    {
        process one(*this, service);
        for (int i = 1; i <= 5; ++i) one.write(i);
        CHECK(one.shut_down(5s) == delivery_accounting{.offered = 5, .acked = 5});
    }
    {
        process two(*this, service);
        two.write(6);
        two.ctx.run();  // no farewell
    }
    process three(*this, service);
    three.ctx.run();
    CHECK(service.texts == tokens(1, 6));
    CHECK(three.sink->delivery().offered == 0);
}

TEST_CASE_METHOD(fixture, "a shutdown sends what a process before left, too") {
    {
        process one(*this, service);
        for (int i = 1; i <= 5; ++i) one.write(i);
    }
    process two(*this, service);
    CHECK(two.shut_down(5s) == delivery_accounting{.offered = 5, .acked = 5});
    CHECK(two.ctx.elapsed() < 1s);
}

TEST_CASE_METHOD(fixture, "more than memory holds waits on disk, and nothing is dropped") {
    process one(*this, service, {.max_events = 50});
    service.answer = answer_kind::not_sent;
    for (int i = 1; i <= 1000; ++i) one.write(i);
    CHECK(one.sink->delivery().pending == 1000);
    CHECK(one.sink->delivery().spooled == 950);
    one.run_for(10s);
    service.answer = answer_kind::accepted;
    for (int i = 1001; i <= 1010; ++i) one.write(i);
    one.run_for(60s);
    CHECK(service.texts == tokens(1, 1010));
    CHECK(one.sink->delivery().accounting() == delivery_accounting{.offered = 1010, .acked = 1010});
    CHECK(one.sink->delivery().most_pending <= 50);
    one.write(1011);
    CHECK(one.sink->delivery().spooled == 0);  // memory again
}

TEST_CASE_METHOD(fixture, "what is left at the end of a shutdown stays on disk, and is not handed back as well") {
    process one(*this, service, {.max_events = 5});
    service.answer = answer_kind::not_sent;
    for (int i = 1; i <= 8; ++i) one.write(i);
    CHECK(one.shut_down(3s) == delivery_accounting{.offered = 8, .leftover = 8});
    for (const std::string& told : one.console->events()) CHECK(tokens_of(told).empty());
    one.write(9);
    CHECK(one.sink->delivery().dropped[drop_reason::closed] == 1);
    one.sink.reset();
    service.answer = answer_kind::accepted;
    process two(*this, service);
    two.ctx.run();
    CHECK(service.texts == tokens(1, 8));
}

TEST_CASE_METHOD(fixture, "without its disk the sink goes on in memory, says so once, and takes the disk when it is there") {
    path = root / "later" / "spool";
    process one(*this, service);
    for (int i = 1; i <= 3; ++i) one.write(i);
    one.run_for(5s);
    for (int i = 4; i <= 5; ++i) one.write(i);
    one.run_for(5s);
    CHECK(service.texts == tokens(1, 5));
    CHECK_FALSE(one.sink->spool().working);
    CHECK(one.console->events() == std::vector<std::string>{"[WARNING] CloudWatch Logs: the spool cannot be used, events wait in "
                                                            "memory only: No such file or directory"});
    fs::create_directory(path.parent_path());
    one.run_for(30s);
    one.write(6);
    one.run_for(2s);
    CHECK(one.sink->spool().working);
    CHECK(one.console->events().back() == "[INFO] CloudWatch Logs: the spool is used again");
    one.write(7);
    one.sink.reset();  // it cannot deliver it any more
    one.ctx.run();
    CHECK(one.console->events().size() == 2);
    process two(*this, service);
    two.ctx.run();
    CHECK(service.texts == tokens(1, 7));
}

TEST_CASE_METHOD(fixture, "a second process has memory only, until the first one is gone") {
    auto one = std::make_unique<process>(*this, service);
    one->write(1);
    process two(*this, service);
    two.write(2);
    two.run_for(5s);
    CHECK(service.texts == tokens(2, 2));
    CHECK(two.console->events().size() == 1);
    one.reset();
    two.run_for(30s);
    two.write(3);
    two.ctx.run();
    CHECK(std::set(service.texts.begin(), service.texts.end()) == std::set<std::string>{"e1", "e2", "e3"});
    CHECK(service.texts.size() == 3);
    CHECK(two.sink->delivery().recovered == 1);
}

TEST_CASE_METHOD(fixture, "an event that the service refuses leaves the disk, too") {
    {
        process one(*this, service);
        one.write(1);
        one.run_for(2s);
        one.write(2, 0, log::level::info, 15 * 24h);
        one.ctx.run();
        CHECK(one.sink->delivery().rejected[rejection::too_old] == 1);
    }
    process two(*this, service);
    two.ctx.run();
    CHECK(two.sink->delivery().offered == 0);
}

TEST_CASE_METHOD(fixture, "a text that had to be split later leaves the disk when all its parts are stored") {
    {
        process one(*this, service);
        service.event_limit = 2048;
        one.write(1, 3000);
        one.ctx.run();
        CHECK(one.sink->delivery().accounting() == delivery_accounting{.offered = 2, .acked = 2});
    }
    process two(*this, service);
    two.ctx.run();
    CHECK(two.sink->delivery().offered == 0);

    settlements settled;
    for (const float share : {0.5f, 0.25f, 0.25f}) {
        CHECK_FALSE(settled.any());
        delivery_actions done;
        done.refused[0] = events_of({"part"});
        done.refused[0].front()->sequence = 7;
        done.refused[0].front()->share = share;
        settled.note(done.refused);
    }
    CHECK((settled.any() && settled.take().at(0).first == 7));
}

TEST_CASE("the accounts hold from before an event is written, whoever reads it and whenever the end comes") {
    delivery core(delivery_rules{.queue = {.events = 1}});  // what was not read yet leaves no share for what is fresh
    const moment now{time_point(1000h), 3'600'000'000};
    const auto books = [&] { return core.counters(now.steady).accounting(); };
    const auto make = [] { return prepare({.message = "event"}); };
    core.expect_earlier(true);
    prepared first = make();
    CHECK_FALSE(core.will_store(first));
    CHECK(books() == delivery_accounting{.offered = 1, .pending = 1});
    core.refill({.events = events_of({"event"}), .ours = true, .earlier_left = true}, now);  // before its writer knows
    CHECK(core.counters(now.steady).spooled == 0);
    core.stored(std::move(first), false, now.steady);
    CHECK(books() == delivery_accounting{.offered = 1, .pending = 1});

    prepared second = make(), third = make(), fourth = make(), fifth = make();
    CHECK_FALSE(core.will_store(second));
    core.not_stored(second, false);
    CHECK(books() == delivery_accounting{.offered = 1, .pending = 1});
    CHECK_FALSE(core.will_store(third));
    CHECK_FALSE(core.will_store(fourth));
    core.expect_earlier(false);
    delivery_actions todo;
    core.close(now.steady, now.steady);
    core.tick(now, todo);
    CHECK(books() == delivery_accounting{.offered = 3, .leftover = 3});
    core.stored(std::move(third), false, now.steady);
    core.not_stored(fourth, false);
    CHECK(books() == delivery_accounting{.offered = 2, .leftover = 2});
    core.stored(std::move(fifth), true, now.steady);
    CHECK(books() == delivery_accounting{.offered = 3, .leftover = 3});
}

TEST_CASE_METHOD(fixture, "what is lost on the disk while it waits is dropped, and told of") {
    process one(*this, service, {.max_events = 5});
    service.answer = answer_kind::not_sent;
    for (int i = 1; i <= 8; ++i) one.write(i);
    std::string bytes = bytes_of(segments().at(0));
    bytes[bytes.find("e7;")] = 'X';
    write_bytes(segments().at(0), bytes);
    one.run_for(5s);
    service.answer = answer_kind::accepted;
    one.run_for(60s);
    CHECK(one.sink->delivery().dropped[drop_reason::unreadable] == 1);
    CHECK(one.sink->delivery().accounting() == delivery_accounting{.offered = 9, .acked = 8, .dropped = 1});
    CHECK(service.texts.size() == 7);
}

TEST_CASE_METHOD(fixture, "processes come and go through bad weather, and all that was accepted arrives") {
    kedge::detail::splitmix draw(11);
    int number = 0;
    std::uint64_t maybe_twice = 0, recovered = 0;
    for (int life = 0; life < 40; ++life) {
        const int flights = 1 + static_cast<int>(draw() % 3);
        process one(*this, service, {.max_bytes = 64 * 1024, .max_events = 20 + draw() % 50, .max_in_flight = flights});
        for (int step = 0; step < 30; ++step) {
            service.answer = draw() % 3 ? answer_kind::accepted : draw() % 2 ? answer_kind::not_sent : answer_kind::throttled;
            service.loses_answers = draw() % 4 == 0;
            for (std::uint64_t n = draw() % 40; n > 0; --n) one.write(++number, draw() % 20 ? draw() % 100 : draw() % 30'000);
            one.run_for(std::chrono::milliseconds(draw() % 500));
        }
        const delivery_counters end = one.sink->delivery();
        CHECK(end.dropped.total() == 0);
        CHECK(one.sink->spool().lost == 0);
        CHECK(end.most_bytes <= 64 * 1024);
        maybe_twice += end.unknown_events + (end.pending - end.spooled);  // what was on its way at the end
        recovered += end.recovered;
    }
    service.answer = answer_kind::accepted;
    service.loses_answers = false;
    process last(*this, service);
    last.ctx.run();
    std::multiset<std::string> there(service.texts.begin(), service.texts.end());
    for (int i = 1; i <= number; ++i) CHECK(there.contains('e' + std::to_string(i)));
    CHECK(recovered > 1000);
    CHECK(there.size() - static_cast<std::size_t>(number) <= maybe_twice);
    CHECK(last.sink->spool().segments <= 1);
}
