// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

using namespace kedge;
using namespace std::chrono_literals;
using payment::outcome;

namespace {

/// Fails as told; may also answer later.
struct weak_journal final : payment::journal {
    payment::memory_journal good;
    bool begin_fails = false, begin_throws = false, settle_fails = false, settle_throws = false, waits = false;
    kedge::detail::unique_function<void()> release;
    int settled = 0;

    void begin(const payment::intent& what, begin_handler handler) override {
        if (begin_throws) throw std::runtime_error("disk full");
        if (begin_fails) return handler(boost::asio::error::no_memory, {});
        if (!waits) return good.begin(what, std::move(handler));
        release = [this, what, handler = std::move(handler)]() mutable { good.begin(what, std::move(handler)); };
    }
    void settle(const payment::settlement& how, settle_handler handler) override {
        ++settled;
        if (settle_throws) throw std::runtime_error("disk full");
        if (settle_fails) return handler(boost::asio::error::no_memory);
        good.settle(how, std::move(handler));
    }
    std::vector<payment::intent> open_intents() const override { return good.open_intents(); }
};

struct shop {
    testing::simulation sim;
    std::shared_ptr<testing::scripted_exchange> provider = std::make_shared<testing::scripted_exchange>(sim);
    std::shared_ptr<weak_journal> journal = std::make_shared<weak_journal>();
    payment_client client{sim, {.max_retries = 0}, journal, provider};
    std::optional<payment_result> ended;

    void charge() {
        client.async_charge(request(), [this](payment_result r) { ended = std::move(r); });
    }
    static charge_request request() {
        return charge_request(money::parse("19.90", "EUR"), card_token("tok_visa")).key(idempotency_key("order-4711-2025-10-26"));
    }
};

}  // namespace

TEST_CASE_METHOD(shop, "what cannot be recorded is not sent; whether its key was sent before, nobody can say then") {
    (GENERATE(true, false) ? journal->begin_fails : journal->begin_throws) = true;
    const bool given = GENERATE(true, false);
    if (given) charge();
    else client.async_charge(charge_request(money::parse("19.90", "EUR"), card_token("tok_visa")),
                             [this](payment_result r) { ended = std::move(r); });
    sim.run();
    CHECK(ended->outcome() == (given ? outcome::unknown : outcome::not_sent));
    CHECK(ended->error() == payment::errc::journal_failed);
    CHECK(provider->arrivals().empty());
    CHECK(client.snapshot().in_flight == 0);
}

TEST_CASE_METHOD(shop, "who has paid is not told otherwise, though the journal fails or the client was shut down") {
    charge();
    sim.run();
    REQUIRE(ended->outcome() == outcome::succeeded);
    if (GENERATE(true, false)) journal->begin_fails = true;
    else client.async_shutdown(sim.now(), [](error_code) {});
    charge();
    sim.run();
    CHECK(ended->outcome() == outcome::unknown);
    CHECK(provider->executions() == 1);
}

TEST_CASE_METHOD(shop, "an outcome that cannot be recorded is delivered all the same, and the intent stays open") {
    (GENERATE(true, false) ? journal->settle_fails : journal->settle_throws) = true;
    charge();
    sim.run();
    CHECK(ended->outcome() == outcome::succeeded);
    CHECK_FALSE(ended->recorded());
    CHECK(journal->open_intents().size() == 1);

    journal->settle_fails = journal->settle_throws = false;
    ended.reset();
    charge();  // as after a restart: the replay settles it, nobody is charged again
    sim.run();
    CHECK(ended->outcome() == outcome::succeeded);
    CHECK(ended->status() == 200);
    CHECK(provider->executions() == 1);
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(shop, "not a byte leaves before the journal has answered") {
    journal->waits = true;
    charge();
    const auto after = GENERATE(25s, 28s, 3600s);
    sim.run_for(after);
    CHECK(provider->arrivals().empty());
    CHECK(client.snapshot().in_flight == 1);
    journal->release();
    sim.run();
    if (after == 25s) CHECK(ended->outcome() == outcome::succeeded);
    else {  // the journal says that nothing leaves after the call's time, less what is kept for a look
        CHECK(ended->outcome() == outcome::not_sent);
        CHECK(ended->error() == errc::deadline_too_short);
        CHECK(provider->arrivals().empty());
        CHECK(journal->open_intents().empty());
    }
}

TEST_CASE_METHOD(shop, "cancelled while the journal works: not sent, and settled so") {
    journal->waits = true;
    boost::asio::cancellation_signal stop;
    auto take = [&](payment_result r) { ended = std::move(r); };
    client.async_charge(request(), boost::asio::bind_cancellation_slot(stop.slot(), take));
    sim.run_for(1s);
    stop.emit(boost::asio::cancellation_type::terminal);
    journal->release();
    sim.run();
    CHECK(ended->outcome() == outcome::not_sent);
    CHECK(ended->error() == boost::asio::error::operation_aborted);
    CHECK(provider->arrivals().empty());
    CHECK(journal->settled == 1);
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(shop, "after a crash an open intent is unknown until its key is answered for") {
    journal->good.begin({idempotency_key("order-4711-2025-10-26"), "other", money::parse("19.90", "EUR"), {}, {}},
                        [](error_code, payment::standing) {});
    charge();  // another fingerprint than what was recorded
    sim.run();
    CHECK(ended->error() == payment::errc::key_conflict);
    CHECK(provider->arrivals().empty());
    CHECK(journal->open_intents().size() == 1);
}
