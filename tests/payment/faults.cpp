// SPDX-License-Identifier: BSL-1.0
// What others may do wrong: journals, exchanges, providers, and contexts that go away.
#include "shop.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace payment_test;

namespace {

/// A journal with manners of its own.
struct odd_journal final : payment::journal {
    payment::memory_journal good;
    std::function<void(begin_handler)> begins;
    std::function<void(settle_handler)> settles;

    void begin(const payment::intent& what, begin_handler handler) override {
        if (begins) begins(std::move(handler));
        else good.begin(what, std::move(handler));
    }
    void settle(const payment::settlement& how, settle_handler handler) override {
        if (settles) settles(std::move(handler));
        else good.settle(how, std::move(handler));
    }
    std::vector<payment::intent> open_intents() const override { return good.open_intents(); }
};

/// An exchange that is a function.
struct any_exchange final : payment::exchange {
    std::function<void(const payment::request&, payment::exchange_handler)> does;
    void start(const payment::request& what, const attempt&, payment::exchange_handler handler) override {
        does(what, std::move(handler));
    }
};

struct market : shop {
    std::shared_ptr<odd_journal> odd = std::make_shared<odd_journal>();
    int called = 0;
    std::optional<payment_result> ended;

    market() { journal = odd; }

    auto take() {
        return [this](payment_result r) {
            ++called;
            ended = std::move(r);
        };
    }
};

}  // namespace

TEST_CASE_METHOD(market, "a journal that answers twice, or throws after its answer, is heard once") {
    const bool throws = GENERATE(true, false);
    const auto rude = [&](auto handler, auto... results) {
        handler(results...);
        if (throws) throw std::runtime_error("as an afterthought");
        handler(results...);
    };
    odd->begins = [&](payment::journal::begin_handler h) { rude(std::move(h), error_code(), payment::standing{}); };
    odd->settles = [&](payment::journal::settle_handler h) { rude(std::move(h), error_code()); };
    auto payments = client();
    payments.async_charge(request(), take());
    CHECK(called == 0);
    sim.run();
    CHECK(called == 1);
    CHECK(ended->outcome() == outcome::succeeded);
    CHECK(ended->recorded());
    CHECK(provider->arrivals().size() == 1);
    CHECK(payments.snapshot().in_flight == 0);
}

TEST_CASE_METHOD(market, "a journal that forgets its handler abandons the call, and frees the key") {
    odd->begins = [](payment::journal::begin_handler) {};
    auto payments = client();
    boost::asio::cancellation_signal stop;
    auto kept = std::make_shared<int>();
    payments.async_charge(request(), boost::asio::bind_cancellation_slot(stop.slot(), [kept](payment_result) { FAIL(); }));
    sim.run();
    CHECK(kept.use_count() == 1);
    CHECK(payments.snapshot().in_flight == 0);
    stop.emit(boost::asio::cancellation_type::terminal);  // finds nobody
    odd->begins = nullptr;
    CHECK(charge(payments).outcome() == outcome::succeeded);
}

TEST_CASE("while only the journal works, the contexts of client and handler have work too") {
    boost::asio::io_context theirs, ours;
    auto odd = std::make_shared<odd_journal>();
    std::optional<payment::journal::begin_handler> begins;
    std::optional<payment::journal::settle_handler> settles;
    odd->begins = [&](payment::journal::begin_handler h) { begins.emplace(std::move(h)); };
    odd->settles = [&](payment::journal::settle_handler h) { settles.emplace(std::move(h)); };
    auto exchange = std::make_shared<any_exchange>();
    exchange->does = [](const payment::request&, payment::exchange_handler h) {
        const auto ex = h.get_executor();
        boost::asio::post(ex, [h = std::move(h)]() mutable {
            h(boost::asio::error::connection_refused, {}, payment::send_phase::none);
        });
    };
    std::optional<outcome> ended;
    payment_client payments(theirs, {.max_retries = 0}, odd, exchange);
    payments.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                          boost::asio::bind_executor(ours, [&](payment_result r) { ended = r.outcome(); }));
    const auto turn = [&] {
        for (int i = 0; i < 10; ++i) theirs.poll(), ours.poll();
    };
    turn();
    REQUIRE(begins);
    CHECK_FALSE(theirs.stopped());
    CHECK_FALSE(ours.stopped());
    (*begins)({}, {});
    turn();
    REQUIRE(settles);
    CHECK_FALSE(theirs.stopped());
    CHECK_FALSE(ours.stopped());
    CHECK_FALSE(ended);
    (*settles)({});
    turn();
    CHECK(ended == outcome::not_sent);
    CHECK(ours.stopped());
}

TEST_CASE("a journal may answer from another thread, and the contexts of client and handler run until then", "[tsan]") {
    boost::asio::io_context theirs, ours;
    auto odd = std::make_shared<odd_journal>();
    std::vector<std::thread> threads;
    const auto later = [&](auto answer) { threads.emplace_back([answer = std::move(answer)]() mutable { answer(); }); };
    odd->begins = [&](payment::journal::begin_handler h) {
        later([h = std::move(h)]() mutable { h({}, {}); });
    };
    odd->settles = [&](payment::journal::settle_handler h) { later([h = std::move(h)]() mutable { h({}); }); };
    auto exchange = std::make_shared<any_exchange>();
    exchange->does = [](const payment::request&, payment::exchange_handler h) {
        const auto ex = h.get_executor();
        boost::asio::post(ex, [h = std::move(h)]() mutable {
            h(boost::asio::error::connection_refused, {}, payment::send_phase::none);
        });
    };
    std::atomic<int> there{0};
    {
        payment_client payments(theirs, {.max_retries = 0}, odd, exchange);
        const auto here = std::this_thread::get_id();
        payments.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                              boost::asio::bind_executor(ours, [&, here](payment_result r) {
                                  CHECK(r.outcome() == outcome::not_sent);
                                  there += std::this_thread::get_id() == here;
                              }));
    }
    std::thread other([&] { theirs.run(); });
    ours.run();
    other.join();
    for (std::thread& t : threads) t.join();
    CHECK(there == 1);
}

TEST_CASE_METHOD(shop, "an exchange that throws may have sent something") {
    auto broken = std::make_shared<any_exchange>();
    broken->does = [](const payment::request&, payment::exchange_handler) { throw std::runtime_error("on the way"); };
    payment_client payments(sim, {.sink = sink}, journal, broken);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == errc::operation_threw);
    CHECK(r.report().attempts == 1);
    CHECK(r.report().thrown);
    CHECK(journal->open_intents().size() == 1);
    CHECK(payments.snapshot().in_flight == 0);
    std::optional<error_code> health;
    payments.async_health([&](error_code ec, payment::health_report) { health = ec; });
    sim.run();
    CHECK(health == error_code(errc::operation_threw));
}

TEST_CASE_METHOD(shop, "the record tells the time that passed, be it ours or the caller's") {
    auto payments = client();
    provider->never_answers(100);
    SECTION("the caller's") {
        const auto r = charge(payments, call{.deadline = sim.now() + 2s});
        CHECK(r.error() == errc::deadline_exceeded);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(sink->records().at(0).message == "Payment service connection failed - timeout after 2000ms");
    }
    SECTION("nobody's any more") {
        const auto r = charge(payments, call{.deadline = sim.now()});
        CHECK(r.error() == errc::deadline_too_short);
        CHECK(r.outcome() == outcome::not_sent);
        CHECK(sink->records().at(0).message == "Payment service connection failed - timeout");
    }
    SECTION("the attempt's, in the time of the simulation") {
        testing::simulation later(1, std::chrono::system_clock::time_point(1'761'492'406s));
        auto silent = std::make_shared<testing::scripted_exchange>(later);
        silent->never_answers(100);
        payment_client other(later, {.max_retries = 0, .sink = sink}, journal, silent);
        other.async_charge(request(), [](payment_result) {});
        later.run();
        CHECK(sink->records().at(0).message == "Payment service connection failed - timeout after 5000ms");
        CHECK(sink->records().at(0).time >= std::chrono::system_clock::time_point(1'761'492'411s));
    }
}

TEST_CASE_METHOD(shop, "a probe that hangs has failed when an attempt would have") {
    auto deaf = std::make_shared<any_exchange>();
    std::vector<payment::exchange_handler> hanging;
    bool answers = true;
    deaf->does = [&](const payment::request&, payment::exchange_handler h) {
        if (!answers) return hanging.push_back(std::move(h));  // and hears no cancellation either
        const auto ex = h.get_executor();
        boost::asio::post(ex, [h = std::move(h)]() mutable {
            h(boost::asio::error::connection_refused, {}, payment::send_phase::none);
        });
    };
    payment_client payments(sim, {.max_retries = 0}, journal, deaf);
    const charge_request plain(money::parse("5.00", "EUR"), card_token(canary));
    for (int i = 0; i < 5; ++i) (void)charge(payments, plain);
    sim.run_for(6s);
    answers = false;
    payments.async_charge(plain, [](payment_result) {});
    sim.run_for(1s);
    REQUIRE(payments.snapshot().charges.state == breaker_state::half_open);
    sim.run_for(5s);
    CHECK(charge(payments, plain).error() == errc::circuit_open);
    CHECK(payments.snapshot().charges.state == breaker_state::open);
    answers = true;
    for (auto& h : hanging) h(boost::asio::error::operation_aborted, {}, payment::send_phase::complete);
    sim.run();
}

TEST_CASE_METHOD(shop, "a provider that calls the payment by a secret's name is not quoted") {
    auto payments = client();
    provider->answers(200, R"({"id":")" + canary + R"(","status":"succeeded","amount":"19.90","currency":"EUR",)" +
                               R"("idempotency_key":"$KEY"})");
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(r.provider_id().empty());
}

TEST_CASE_METHOD(shop, "the provider's key goes with every request, questions for health included") {
    std::vector<std::string> seen;
    auto watching = std::make_shared<any_exchange>();
    watching->does = [&](const payment::request& what, payment::exchange_handler h) {
        for (const auto& header : what.headers)
            if (header.name == "Authorization") seen.push_back(what.target.substr(0, 10) + " " + header.value);
        const auto ex = h.get_executor();
        boost::asio::post(ex, [h = std::move(h)]() mutable { h({}, {200, {}, {}}, payment::send_phase::response_done); });
    };
    payment_options o{.max_retries = 0};
    o.api_key = std::string("sk_1");
    payment_client payments(sim, o, journal, watching);
    (void)charge(payments);
    (void)status(payments);
    payments.async_health([](error_code, payment::health_report) {});
    sim.run();
    const std::string of_payment = "/v1/charge Bearer sk_1";  // the charge, its look, and the question
    CHECK(seen == std::vector<std::string>{of_payment, of_payment, of_payment, "/health Bearer sk_1"});
}

TEST_CASE("a call whose context is destroyed is abandoned wherever it is") {
    enum class place { journal, exchange, backoff, settling };
    for (const auto where : {place::journal, place::exchange, place::backoff, place::settling}) {
        CAPTURE(static_cast<int>(where));
        auto kept = std::make_shared<int>();
        boost::asio::cancellation_signal stop;
        auto odd = std::make_shared<odd_journal>();
        std::optional<payment_client> payments;
        {
            testing::simulation sim;
            auto provider = std::make_shared<testing::scripted_exchange>(sim);
            std::optional<payment::journal::begin_handler> begins;
            std::optional<payment::journal::settle_handler> settles;
            if (where == place::journal) odd->begins = [&](payment::journal::begin_handler h) { begins.emplace(std::move(h)); };
            if (where == place::exchange) provider->never_answers();
            if (where == place::backoff) provider->overloaded(4);
            if (where == place::settling)
                odd->settles = [&](payment::journal::settle_handler h) { settles.emplace(std::move(h)); };
            payments.emplace(sim, payment_options{}, odd, provider);
            payments->async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                                   boost::asio::bind_cancellation_slot(stop.slot(), [kept](payment_result) { FAIL(); }));
            sim.run_for(1s);
            CHECK(payments->snapshot().in_flight == 1);
        }
        CHECK(kept.use_count() == 1);
        CHECK(payments->snapshot().in_flight == 0);
    }
}

TEST_CASE_METHOD(market, "a handler may own the client, and destroy it") {
    auto owned = std::make_shared<payment_client>(client());
    payment_client& payments = *owned;
    payments.async_charge(request(), [&, owned](payment_result r) mutable {
        owned.reset();
        ++called;
        CHECK(r.outcome() == outcome::succeeded);
    });
    payments.async_health([&, owned](error_code, payment::health_report) mutable {
        owned.reset();
        ++called;
    });
    owned.reset();
    sim.run();
    CHECK(called == 2);
}

TEST_CASE_METHOD(market, "handlers run on their own executor, refusals included") {
    auto strand = boost::asio::make_strand(sim.get_executor());
    int there = 0;
    const auto on_strand = [&](auto&&...) { there += strand.running_in_this_thread(); };
    auto payments = client();
    payments.async_charge(request(), boost::asio::bind_executor(strand, on_strand));
    payments.async_charge(request(), boost::asio::bind_executor(strand, on_strand));  // the key is in use
    payments.async_charge(charge_request(money::parse("0.00", "EUR"), card_token(canary)),
                          boost::asio::bind_executor(strand, on_strand));
    payments.async_status(key, boost::asio::bind_executor(strand, on_strand));
    payments.async_health(boost::asio::bind_executor(strand, on_strand));
    payments.async_run(boost::asio::bind_executor(strand, on_strand));
    CHECK(there == 0);
    sim.run_for(1s);
    CHECK(there == 5);
    payments.async_shutdown(sim.now() + 1s, boost::asio::bind_executor(strand, on_strand));
    sim.run();
    CHECK(there == 7);
}
