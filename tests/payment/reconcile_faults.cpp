// SPDX-License-Identifier: BSL-1.0
// What others may do wrong while kedge finds out what became of a payment: journals, exchanges, callers and contexts.
#include "shop.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <deque>
#include <stdexcept>
#include <thread>

using namespace payment_test;

namespace {

/// A journal that keeps, drops or spoils what it is asked.
struct slow_journal final : payment::journal {
    payment::memory_journal good;
    std::function<void(find_handler)> finds{};
    std::function<void(settle_handler)> settles{};

    void begin(const payment::intent& what, begin_handler handler) override { good.begin(what, std::move(handler)); }
    void settle(const payment::settlement& how, settle_handler handler) override {
        if (settles) settles(std::move(handler));
        else good.settle(how, std::move(handler));
    }
    void find(const idempotency_key& key, find_handler handler) const override {
        if (finds) finds(std::move(handler));
        else good.find(key, std::move(handler));
    }
    std::vector<payment::intent> open_intents() const override { return good.open_intents(); }
};

/// A charge was executed, and its reply lost.
struct open_case : shop {
    std::shared_ptr<slow_journal> slow = std::make_shared<slow_journal>();
    payment_client payments = prepared();
    boost::asio::cancellation_signal stop;
    std::optional<payment_result> end;

    payment_client prepared() {
        journal = slow;
        auto made = client({.max_retries = 0});
        provider->resets(1, true);
        nobody_can_be_asked();
        (void)charge(made);
        front->answers = nullptr;
        return made;
    }
    void begin() {
        auto take = [this](payment_result r) { end = std::move(r); };
        payments.async_reconcile(key, boost::asio::bind_cancellation_slot(stop.slot(), take));
    }
};

}  // namespace

TEST_CASE_METHOD(open_case, "a journal that cannot find is asked again, and one that answers twice is heard once") {
    int asked = 0;
    const int manner = GENERATE(0, 1, 2, 3);
    slow->finds = [&](payment::journal::find_handler h) {
        if (asked++ > 0) return slow->good.find(key, std::move(h));
        if (manner == 0) throw std::runtime_error("disk gone");
        if (manner == 1) return h(boost::asio::error::no_memory, {});
        slow->good.find(key, [&](error_code ec, std::optional<payment::entry> e) {
            h(ec, e);
            if (manner == 2) throw std::runtime_error("as an afterthought");
            h(ec, {});
        });
    };
    begin();
    sim.run();
    REQUIRE(end);
    CHECK(end->outcome() == outcome::succeeded);
    CHECK(end->report().attempts == (manner < 2 ? 2 : 1));
    CHECK(end->report().history[0].error == (manner < 2 ? error_code(payment::errc::journal_failed) : error_code()));
    CHECK(payments.snapshot().in_flight == 0);
}

TEST_CASE_METHOD(open_case, "what cannot be recorded is delivered all the same, and stays open") {
    const bool throws = GENERATE(true, false);
    slow->settles = [&](payment::journal::settle_handler h) {
        if (throws) throw std::runtime_error("disk full");
        h(boost::asio::error::no_memory);
    };
    begin();
    sim.run();
    CHECK(end->outcome() == outcome::succeeded);
    CHECK_FALSE(end->recorded());
    CHECK(journal->open_intents().size() == 1);
}

TEST_CASE_METHOD(open_case, "a journal that forgets its handler abandons the reconciliation, and frees the key") {
    const bool settling = GENERATE(true, false);
    if (settling) slow->settles = [](payment::journal::settle_handler) {};
    else slow->finds = [](payment::journal::find_handler) {};
    auto kept = std::make_shared<int>();
    payments.async_reconcile(key, boost::asio::bind_cancellation_slot(stop.slot(), [kept](payment_result) { FAIL(); }));
    sim.run();
    CHECK(kept.use_count() == 1);
    CHECK(payments.snapshot().in_flight == 0);
    stop.emit(boost::asio::cancellation_type::terminal);  // finds nobody
    slow->finds = nullptr, slow->settles = nullptr;
    CHECK(reconcile(payments).outcome() == outcome::succeeded);
}

TEST_CASE("a journal may answer from other threads, one for each question", "[tsan]") {
    boost::asio::io_context io;
    auto slow = std::make_shared<slow_journal>();
    std::vector<std::thread> threads;
    slow->finds = [&](payment::journal::find_handler h) {
        threads.emplace_back([h = std::move(h)]() mutable { h({}, {}); });
    };
    slow->settles = [&](payment::journal::settle_handler h) {
        threads.emplace_back([h = std::move(h)]() mutable { h({}); });
    };
    struct paid final : payment::exchange {
        void start(const payment::request&, const attempt&, payment::exchange_handler handler) override {
            const auto ex = handler.get_executor();
            const payment::response said{200, {}, R"({"status":"succeeded","amount":"1.00","currency":"EUR",)"
                                                  R"("idempotency_key":"order-4711-2025-10-26"})"};
            auto give = [said, h = std::move(handler)]() mutable { h({}, said, payment::send_phase::response_done); };
            boost::asio::post(ex, std::move(give));
        }
    };
    payment_client payments(io, {}, slow, std::make_shared<paid>());
    const auto here = std::this_thread::get_id();
    int ended = 0;
    const auto take = [&](payment_result r) {
        CHECK(r.outcome() == outcome::succeeded);
        ended += std::this_thread::get_id() == here;
    };
    payments.async_reconcile(idempotency_key("order-4711-2025-10-26"), take);
    payments.async_status(idempotency_key("order-4711-2025-10-26"), take);
    io.run();
    for (std::thread& t : threads) t.join();
    CHECK(ended == 2);
}

TEST_CASE_METHOD(open_case, "cancelled: the outcome stays unknown, wherever it was") {
    std::optional<payment::journal::find_handler> found;
    SECTION("the journal works: when it has answered") {
        slow->finds = [&](payment::journal::find_handler h) { found.emplace(std::move(h)); };
        begin();
        sim.run_for(1s);
        stop.emit(boost::asio::cancellation_type::terminal);
        sim.run_for(1s);
        CHECK_FALSE(end);
        (*found)({}, {});
    }
    SECTION("the provider is asked") {
        provider->latency(1h);
        begin();
        sim.run_for(1s);
        stop.emit(boost::asio::cancellation_type::terminal);
    }
    SECTION("it waits for its next look") {
        nobody_can_be_asked();
        begin();
        sim.run_for(1s);
        CHECK_FALSE(end);
        stop.emit(boost::asio::cancellation_type::partial);
    }
    const auto before = sim.now();
    sim.run();
    REQUIRE(end);
    CHECK(sim.now() == before);
    CHECK(end->outcome() == outcome::unknown);
    CHECK(end->error() == boost::asio::error::operation_aborted);
    CHECK(journal->open_intents().size() == 1);
    CHECK(payments.snapshot().in_flight == 0);
}

TEST_CASE_METHOD(open_case, "a charge that is cancelled while it asks what became of it is unknown") {
    provider->resets(1, true);
    const idempotency_key next("order-4712-2025-10-26");
    const auto another = charge_request(money::parse("1.00", "EUR"), card_token(canary)).key(next);
    provider->latency(1s);
    auto take = [this](payment_result r) { end = std::move(r); };
    payments.async_charge(another, boost::asio::bind_cancellation_slot(stop.slot(), take));
    sim.run_for(1500ms);
    REQUIRE(front->asked.size() == 2);  // this, and that of the first charge
    stop.emit(boost::asio::cancellation_type::terminal);
    sim.run();
    CHECK(end->outcome() == outcome::unknown);
    CHECK(end->error() == boost::asio::error::operation_aborted);
    CHECK(journal->open_intents().size() == 2);
}

TEST_CASE_METHOD(open_case, "an exchange that throws ends a look, not the reconciliation") {
    int asked = 0;
    front->answers = [&](const payment::request&) -> std::optional<desk::reply> {
        if (asked++ == 0) throw std::runtime_error("on the way");
        return {};
    };
    begin();
    sim.run();
    CHECK(end->outcome() == outcome::succeeded);
    CHECK(end->report().attempts == 2);
    CHECK(end->report().history[0].error == errc::operation_threw);
}

TEST_CASE_METHOD(open_case, "what one look found out is not proof for a later one that found nobody") {
    bool first = true;
    front->answers = [&](const payment::request&) -> std::optional<desk::reply> {
        if (!std::exchange(first, false)) throw std::runtime_error("on the way");
        return desk::reply{{404, {}, R"({"error":{"code":"not_found","message":"not yet"}})"}};
    };
    const auto r = reconcile(payments, call{.deadline = sim.now() + 10min});
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.report().attempts > 5);
    CHECK(journal->open_intents().size() == 1);
}

TEST_CASE("a reconciliation whose context is destroyed is abandoned wherever it is") {
    enum class place : std::uint8_t { find, exchange, wait, settling };
    for (const auto where : {place::find, place::exchange, place::wait, place::settling}) {
        CAPTURE(static_cast<int>(where));
        auto kept = std::make_shared<int>();
        boost::asio::cancellation_signal stop;
        auto slow = std::make_shared<slow_journal>();
        std::optional<payment_client> payments;
        {
            testing::simulation sim;
            auto provider = std::make_shared<testing::scripted_exchange>(sim);
            std::optional<payment::journal::find_handler> found;
            std::optional<payment::journal::settle_handler> settled;
            const idempotency_key key("order-4711-2025-10-26");
            payments.emplace(sim, payment_options{}, slow, provider);
            if (where != place::wait)
                payments->async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok")).key(key),
                                       [](payment_result) {});
            slow->settles = [&](payment::journal::settle_handler h) { h(boost::asio::error::no_memory); };
            sim.run_for(1s);
            slow->settles = [&](payment::journal::settle_handler h) { settled.emplace(std::move(h)); };
            if (where == place::find) slow->finds = [&](payment::journal::find_handler h) { found.emplace(std::move(h)); };
            if (where == place::exchange) provider->latency(1h);
            payments->async_reconcile(
                key, boost::asio::bind_cancellation_slot(stop.slot(), [kept](payment_result) { FAIL(); }));
            sim.run_for(1s);
            CHECK(payments->snapshot().in_flight == 1);
        }
        CHECK(kept.use_count() == 1);
        CHECK(payments->snapshot().in_flight == 0);
    }
}

TEST_CASE("reconciliations of many callers on two threads, some of them cancelled", "[tsan]") {
    boost::asio::io_context io(2);
    auto slow = std::make_shared<slow_journal>();
    struct forgetful final : payment::exchange {  // knows every second key
        void start(const payment::request& what, const attempt&, payment::exchange_handler handler) override {
            const std::string key = what.target.substr(what.target.find('=') + 1);
            payment::response said{404, {}, {}};
            if (key.back() % 2 == 0)
                said = {200, {}, R"({"status":"declined","amount":"1.00","currency":"EUR","idempotency_key":")" + key + "\"}"};
            const auto ex = handler.get_executor();
            auto give = [said, h = std::move(handler)]() mutable { h({}, said, payment::send_phase::response_done); };
            boost::asio::post(ex, std::move(give));
        }
    };
    payment_client payments(io, {}, slow, std::make_shared<forgetful>());
    std::atomic<int> decided{0}, cancelled{0};
    struct caller {
        explicit caller(boost::asio::io_context& ctx) : strand(boost::asio::make_strand(ctx)) {}
        boost::asio::strand<boost::asio::io_context::executor_type> strand;
        boost::asio::cancellation_signal stop;
    };
    std::deque<caller> callers;
    constexpr int number = 30;  // all of them fit into the limit of questions
    for (int i = 0; i < number; ++i) {
        caller& c = callers.emplace_back(io);
        const idempotency_key key("order-of-many-callers-" + std::to_string(100 + i));
        const auto take = [&](payment_result r) {
            decided += r.outcome() == outcome::declined;
            cancelled += r.outcome() == outcome::unknown;
        };
        boost::asio::post(c.strand, [&, key, take] {
            payments.async_reconcile(key, boost::asio::bind_executor(
                                              c.strand, boost::asio::bind_cancellation_slot(c.stop.slot(), take)));
            boost::asio::post(c.strand, [&] { c.stop.emit(boost::asio::cancellation_type::terminal); });
        });
    }
    std::thread other([&] { io.run(); });
    io.run();
    other.join();
    CHECK(decided + cancelled == number);
    CHECK(cancelled >= number / 2);
    CHECK(payments.snapshot().in_flight == 0);
}
