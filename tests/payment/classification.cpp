// SPDX-License-Identifier: BSL-1.0
// How the end of an attempt is judged, row by row, and what that means for a whole charge.
#include "shop.hpp"

#include <kedge/http/error.hpp>
#include <kedge/payment/provider.hpp>

using namespace payment_test;
using payment::proof;
using payment::send_phase;
namespace net = boost::asio::error;

namespace {

const std::string ours = "order-4711-2025-10-26";

std::string paid(const std::string& state, const std::string& amount = "19.90", const std::string& in = "EUR",
                 const std::string& key = ours) {
    return R"({"id":"ch_1","status":")" + state + R"(","amount":")" + amount + R"(","currency":")" + in +
           R"(","idempotency_key":")" + key + "\"}";
}
std::string problem(const std::string& code) { return R"({"error":{"code":")" + code + R"(","message":"…"}})"; }

enum class again : std::uint8_t { no, once, yes };

struct row {
    const char* event;
    desk::reply end;
    proof proves;
    outcome says;  ///< for a charge of which this is the first attempt
    error_code error;
    again repeated;
    kind judged;  ///< what the circuit breaker hears
};

desk::reply gives(int code, std::string body = {}, std::vector<payment::header> headers = {}) {
    return {{code, std::move(headers), std::move(body)}};
}
desk::reply lost(error_code ec, send_phase phase) { return {{}, ec, phase}; }

using enum again;
constexpr auto settles = proof::settling, in_front = proof::non_settling, ambiguous = proof::ambiguous;
constexpr auto good = kind::success, bad = kind::failure, calm = kind::neutral;
constexpr auto rejected = outcome::rejected, unknown = outcome::unknown;
using payment::errc;

const row single[] = {
    {"the name does not exist", lost(net::host_not_found, send_phase::none), proof::not_sent, outcome::not_sent,
     net::host_not_found, yes, bad},
    {"nobody listens", lost(net::connection_refused, send_phase::resolved), proof::not_sent, outcome::not_sent,
     net::connection_refused, yes, bad},
    {"no connection in time", lost(net::timed_out, send_phase::resolved), proof::not_sent, outcome::not_sent, net::timed_out,
     yes, bad},
    {"certificate or host name", lost(http::errc::not_verified, send_phase::connected), proof::not_sent, outcome::not_sent,
     http::errc::not_verified, no, bad},
    {"a request that cannot be sent", lost(http::errc::bad_request, send_phase::tls_done), proof::not_sent,
     outcome::not_sent, http::errc::bad_request, no, bad},
    {"reset before any byte", lost(net::connection_reset, send_phase::tls_done), proof::not_sent, outcome::not_sent,
     net::connection_reset, yes, bad},
    {"end of stream before any byte", lost(net::eof, send_phase::tls_done), proof::not_sent, outcome::not_sent, net::eof, yes,
     bad},
    {"reset after some bytes", lost(net::connection_reset, send_phase::partial), ambiguous, unknown, net::connection_reset,
     yes, bad},
    {"end of stream without an answer", lost(net::eof, send_phase::complete), ambiguous, unknown, net::eof, yes, bad},
    {"an error of TLS after some bytes", lost(http::errc::not_verified, send_phase::partial), ambiguous, unknown,
     http::errc::not_verified, yes, bad},
    {"a body that ends too early", lost(http::errc::truncated, send_phase::response_head), ambiguous, unknown,
     http::errc::truncated, once, bad},
    {"bad framing", lost(http::errc::bad_response, send_phase::response_head), ambiguous, unknown, http::errc::bad_response,
     once, bad},
    {"an answer without an end", lost(http::errc::response_too_large, send_phase::response_head), ambiguous, unknown,
     http::errc::response_too_large, once, bad},
    {"2xx without a body", gives(200), ambiguous, unknown, errc::malformed_answer, once, bad},
    {"2xx that is no JSON", gives(201, "<html>"), ambiguous, unknown, errc::malformed_answer, once, bad},
    {"2xx that says too little", gives(200, R"({"status":"succeeded"})"), ambiguous, unknown, errc::malformed_answer, once,
     bad},
    {"2xx about another amount", gives(200, paid("succeeded", "19.91")), ambiguous, unknown, errc::foreign_answer, once, bad},
    {"2xx about another currency", gives(200, paid("succeeded", "19.90", "USD")), ambiguous, unknown, errc::foreign_answer,
     once, bad},
    {"2xx about another key", gives(201, paid("succeeded", "19.90", "EUR", "another-key-0000000")), ambiguous, unknown,
     errc::foreign_answer, once, bad},
    {"200 succeeded", gives(200, paid("succeeded")), settles, outcome::succeeded, {}, no, good},
    {"201 succeeded", gives(201, paid("succeeded")), settles, outcome::succeeded, {}, no, good},
    {"200 declined", gives(200, paid("declined")), settles, outcome::declined, errc::declined, no, good},
    {"200 pending", gives(200, paid("pending")), settles, outcome::pending, {}, no, good},
    {"200 processing", gives(200, paid("processing")), settles, outcome::pending, {}, no, good},
    {"202", gives(202, paid("pending")), settles, outcome::pending, {}, no, good},
    {"202 without a body", gives(202), settles, outcome::pending, {}, no, good},
    {"202 about another key", gives(202, paid("pending", "19.90", "EUR", "another-key-0000000")), ambiguous, unknown,
     errc::foreign_answer, once, bad},
    {"401", gives(401), in_front, rejected, errc::unauthorized, no, good},
    {"403", gives(403), in_front, rejected, errc::unauthorized, no, good},
    {"402 about our key", gives(402, R"({"idempotency_key":")" + ours + "\"}"), settles, outcome::declined, errc::declined,
     no, good},
    {"402 that names no key", gives(402), in_front, outcome::declined, errc::declined, no, good},
    {"408", gives(408), in_front, rejected, errc::unavailable, yes, bad},
    {"409 in flight", gives(409, problem("idempotency_key_in_use")), ambiguous, unknown, errc::key_in_use, yes, calm},
    {"409 that does not say", gives(409), ambiguous, unknown, errc::key_in_use, yes, calm},
    {"409 other content", gives(409, problem("idempotency_key_reused")), in_front, rejected, errc::key_conflict, no, good},
    {"412", gives(412), in_front, rejected, errc::rejected, no, good},
    {"422", gives(422, problem("amount_too_small")), in_front, rejected, errc::rejected, no, good},
    {"422 other content", gives(422, problem("idempotency_key_reused")), in_front, rejected, errc::key_conflict, no, good},
    {"425", gives(425), in_front, rejected, errc::unavailable, once, calm},
    {"429", gives(429), in_front, rejected, errc::throttled, yes, calm},
    {"500", gives(500), ambiguous, unknown, errc::unavailable, yes, bad},
    {"500 that is stored", gives(500, {}, {{"Idempotent-Replayed", "true"}}), ambiguous, unknown, errc::unavailable, no, bad},
    {"503", gives(503), ambiguous, unknown, errc::unavailable, yes, bad},
    {"503 with a wait", gives(503, {}, {{"Retry-After", "1"}}), ambiguous, unknown, errc::unavailable, yes, kind::overload},
    {"302", gives(302), ambiguous, unknown, errc::unavailable, no, bad},
    {"303", gives(303), ambiguous, unknown, errc::unavailable, no, bad},
    {"500, and the provider says no", gives(500, {}, {{"Should-Retry", "false"}}), ambiguous, unknown, errc::unavailable, no,
     bad},
    {"400, and the provider says yes", gives(400, {}, {{"Should-Retry", "true"}}), in_front, rejected, errc::rejected, yes,
     calm},
    {"200 succeeded, and the provider says yes", gives(200, paid("succeeded"), {{"Should-Retry", "true"}}), settles,
     outcome::succeeded, {}, no, good},
};

struct group {
    std::vector<int> statuses;
    row like;
};
const group groups[] = {
    {{400, 404, 405, 406, 410, 411, 413, 414, 415, 418, 421, 428, 431, 451},
     {"other 4xx", {}, in_front, rejected, errc::rejected, no, good}},
    {{300, 301, 304, 307, 308}, {"other 3xx", {}, in_front, rejected, errc::rejected, no, good}},
    {{501, 505, 511}, {"cannot do it", {}, in_front, rejected, errc::rejected, no, bad}},
    {{502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 599},
     {"other 5xx", {}, ambiguous, unknown, errc::unavailable, yes, bad}},
    {{0, 99, 100, 103, 199, 600, 999}, {"no status of an answer", {}, ambiguous, unknown, errc::malformed_answer, once, bad}},
};

std::vector<row> table() {
    std::vector<row> rows(std::begin(single), std::end(single));
    for (const group& g : groups)
        for (const int code : g.statuses) {
            rows.push_back(g.like);
            rows.back().end = gives(code);
        }
    return rows;
}

struct bench : shop {
    int sent = 0;

    /// Each attempt ends like this, after the first `before`; questions find nobody.
    void ends(const desk::reply& end, std::vector<desk::reply> before = {}) {
        sent = 0;
        front->answers = [this, end, before = std::move(before)](const payment::request& what) -> std::optional<desk::reply> {
            if (desk::is_question(what)) return gives(503);
            const auto number = static_cast<std::size_t>(sent++);
            return number < before.size() ? before[number] : end;
        };
    }
    void fresh() { journal = std::make_shared<payment::memory_journal>(); }
};

}  // namespace

TEST_CASE("each row of the classification", "[payment]") {
    const idempotency_key key(ours);
    const payment::generic_provider provider;
    for (const row& r : table()) {
        INFO(r.event << ", status " << r.end.said.status);
        const payment::answer said = r.end.error ? payment::answer{} : provider.read(r.end.said);
        const auto j = payment::judge(r.end.error, r.end.said, said, r.end.phase, {key, money::parse("19.90", "EUR")});
        CHECK(j.found.proves == r.proves);
        CHECK(j.found.says == r.says);
        CHECK(j.error == r.error);
        CHECK(j.judged.judged == r.judged);
        CHECK((j.judged.again != replay::never) == (r.repeated != no));
        CHECK(j.once == (r.repeated == once));
    }
}

TEST_CASE_METHOD(bench, "each row of the classification, as a charge", "[payment]") {
    for (const row& r : table()) {
        INFO(r.event << ", status " << r.end.said.status);
        ends(r.end);
        fresh();
        auto payments = client();
        const auto end = charge(payments);
        CHECK(end.outcome() == r.says);
        CHECK(end.error() == r.error);
        CHECK(sent == (r.repeated == yes ? 4 : r.repeated == once ? 2 : 1));
        CHECK(end.report().attempts == sent);
        CHECK(end.status() == r.end.said.status);
        CHECK(end.furthest() == r.end.phase);
        CHECK(journal->open_intents().size() == (r.says == unknown || r.says == outcome::pending ? 1 : 0));
        for (const payment::request& one : front->heard)
            if (one.method == "POST") CHECK(one.body == front->heard.front().body);
    }
}

TEST_CASE_METHOD(bench, "each row of the classification, as the circuit breaker sees it", "[payment]") {
    for (const row& r : table()) {
        INFO(r.event << ", status " << r.end.said.status);
        ends(r.end);
        fresh();
        auto payments = client({.max_retries = 0, .breaker_threshold = 1});
        (void)charge(payments);
        CHECK((payments.snapshot().charges.state == breaker_state::open) == is_bad(r.judged));
    }
}

TEST_CASE_METHOD(bench, "after one ambiguous attempt only a settling answer counts, whatever the row", "[payment]") {
    for (const row& r : table()) {
        INFO(r.event << ", status " << r.end.said.status);
        ends(r.end, {lost(net::connection_reset, send_phase::complete)});
        fresh();
        auto payments = client();
        const auto end = charge(payments);
        CHECK(sent >= 2);
        CHECK(end.outcome() == (r.proves == settles ? r.says : unknown));
        CHECK(end.furthest() >= send_phase::complete);
    }
}

TEST_CASE_METHOD(bench, "the join of two attempts, cell by cell", "[payment]") {
    const desk::reply not_sent = lost(net::connection_refused, send_phase::resolved), front_says = gives(429),
                      doubt = lost(net::connection_reset, send_phase::complete), answer = gives(201, paid("succeeded"));
    struct cell {
        desk::reply before, now;
        outcome expected;
    };
    const cell cells[] = {
        {not_sent, not_sent, outcome::not_sent},  {not_sent, front_says, rejected}, {not_sent, doubt, unknown},
        {not_sent, answer, outcome::succeeded},   {front_says, not_sent, outcome::not_sent},
        {front_says, front_says, rejected},       {front_says, doubt, unknown},     {front_says, answer, outcome::succeeded},
        {doubt, not_sent, unknown},               {doubt, front_says, unknown},     {doubt, doubt, unknown},
        {doubt, answer, outcome::succeeded},
    };
    int number = 0;
    for (const cell& c : cells) {
        INFO("cell " << number++);
        ends(c.now, {c.before});
        fresh();
        auto payments = client({.max_retries = 1});
        CHECK(charge(payments).outcome() == c.expected);
        CHECK(sent == 2);
    }
}

TEST_CASE_METHOD(bench, "what kedge itself ends after an ambiguous attempt is unknown, too", "[payment]") {
    const desk::reply doubt = lost(net::connection_reset, send_phase::complete);
    ends(doubt);
    SECTION("the breaker opens") {
        auto payments = client({.breaker_threshold = 1});
        const auto r = charge(payments);
        CHECK(sent == 1);
        CHECK(r.outcome() == unknown);
        CHECK(r.report().stopped_by == stage::breaker);
    }
    SECTION("the deadline passes") {
        auto payments = client();
        ends(gives(503, {}, {{"Retry-After", "4"}}), {doubt});
        const auto r = charge(payments, call{.deadline = sim.now() + 3s});
        CHECK(sent == 2);
        CHECK(r.outcome() == unknown);
        CHECK(r.report().stopped_by == stage::total_timeout);
        CHECK(r.report().retry_after == 4s);
    }
    SECTION("the caller cancels") {
        auto payments = client();
        ends(gives(503, {}, {{"Retry-After", "4"}}), {doubt});
        boost::asio::cancellation_signal stop;
        std::optional<payment_result> end;
        auto take = [&](payment_result r) { end = std::move(r); };
        payments.async_charge(request(), boost::asio::bind_cancellation_slot(stop.slot(), take));
        sim.run_for(2s);
        stop.emit(boost::asio::cancellation_type::terminal);
        sim.run();
        CHECK(end->outcome() == unknown);
        CHECK(end->error() == net::operation_aborted);
        CHECK(front->asked.empty());  // who gives up is not kept waiting
    }
    SECTION("the caller allows one attempt") {
        auto payments = client();
        CHECK(charge(payments, call{.repeating = repeat::forbidden}).outcome() == unknown);
        CHECK(sent == 1);
    }
}

TEST_CASE_METHOD(shop, "what needs a person is an alarm, once", "[payment]") {
    std::vector<payment_alarm_cause> alarms;
    payment_options o;
    o.on_event = [&](const event& what) noexcept {
        if (const auto* alarm = std::get_if<payment_alarm>(&what)) alarms.push_back(alarm->cause);
    };
    auto payments = client(o);
    SECTION("a key that the provider knows with other content") {
        provider->answers(422, problem("idempotency_key_reused"));
        CHECK(charge(payments).error() == payment::errc::key_conflict);
        CHECK(alarms == std::vector{payment_alarm_cause::key_conflict});
    }
    SECTION("a peer that cannot be trusted") {
        front->answers = [](const payment::request&) { return lost(http::errc::not_verified, send_phase::connected); };
        CHECK(charge(payments).outcome() == outcome::not_sent);
        CHECK(alarms == std::vector{payment_alarm_cause::untrusted_peer});
    }
}

TEST_CASE_METHOD(bench, "a result says what came with the answer, and whether the same key may be tried again", "[payment]") {
    const std::vector<payment::header> stored{{"Request-Id", "req_1"}, {"Idempotent-Replayed", "true"}};
    ends(gives(200, paid("succeeded"), stored));
    auto payments = client({.max_retries = 0, .breaker_threshold = 1000});
    const auto r = charge(payments);
    CHECK(r.request_id() == "req_1");
    CHECK(r.replayed());
    CHECK_FALSE(r.reconciled());
    CHECK_FALSE(r.retry_with_same_key());
    for (const row& one : table()) {
        INFO(one.event << ", status " << one.end.said.status);
        ends(one.end);
        fresh();
        auto other = client({.max_retries = 0});
        const bool in_its_way = one.error == errc::throttled || one.error == errc::unavailable || one.error == errc::unauthorized;
        const bool same = one.says == unknown || one.says == outcome::not_sent || (one.says == rejected && in_its_way);
        CHECK(charge(other).retry_with_same_key() == same);
    }
}
