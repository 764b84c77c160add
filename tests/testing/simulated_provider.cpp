// SPDX-License-Identifier: BSL-1.0
// That the simulated provider is as good, and its network as bad, as they say.
#include "../support/catch.hpp"

#include <kedge/payment/provider.hpp>
#include <kedge/testing/simulated_provider.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;
using payment::send_phase;
using testing::provider_faults;

namespace {

struct reply {
    error_code ec;
    payment::response from;
    send_phase phase;
};

struct network {
    testing::simulation sim;
    std::shared_ptr<testing::simulated_provider> provider = std::make_shared<testing::simulated_provider>(sim);
    payment::generic_provider speaks{};
    int asked = 0;

    explicit network(const provider_faults& faults = {}, std::uint64_t seed = 1) : sim(seed) { provider->suffer(faults); }

    payment::request charge(const std::string& key, const std::string& amount = "19.90",
                            const std::string& token = "tok_visa") const {
        charge_request what(money::parse(amount, "EUR"), card_token(token));
        return speaks.charge(std::move(what).reference("order of " + key), idempotency_key(key));
    }
    std::shared_ptr<std::optional<reply>> send(const payment::request& what, boost::asio::cancellation_slot slot = {}) {
        auto got = std::make_shared<std::optional<reply>>();
        auto take = [got](error_code ec, payment::response r, send_phase p) { *got = reply{ec, std::move(r), p}; };
        provider->start(what, {}, {boost::asio::bind_cancellation_slot(slot, take), sim.get_executor()});
        REQUIRE_FALSE(got->has_value());
        return got;
    }
    reply ask(const payment::request& what) {
        const auto got = send(what);
        sim.run_until([&] { return got->has_value(); });
        return **got;
    }
    payment::request status(const std::string& of, payment::action a = payment::action::charge) const {
        return speaks.status(idempotency_key(of), a);
    }
    payment::answer read(const reply& r) const { return speaks.read(r.from); }
};

const std::string key = "order-4711-2025-10-26";

}  // namespace

TEST_CASE_METHOD(network, "without faults a key is executed once, answered again, and bound to its content") {
    const auto first = ask(charge(key)), again = ask(charge(key)), other = ask(charge(key, "20.00"));
    CHECK(first.from.status == 201);
    CHECK(first.phase == send_phase::response_done);
    CHECK(again.from.status == 200);
    CHECK(again.from.body == first.from.body);
    CHECK(other.from.status == 422);
    CHECK(read(other).conflict);
    REQUIRE(provider->ledger().size() == 1);
    CHECK(provider->ledger()[0].key == key);
    CHECK(provider->ledger()[0].amount == money::parse("19.90", "EUR"));
    CHECK(provider->ledger()[0].id == read(first).id);
    CHECK(provider->executions("order of " + key) == 1);
    CHECK(read(ask(status(key))).state == payment::outcome::succeeded);
    CHECK(ask(status("another-key-0000")).from.status == 404);
    CHECK(ask(speaks.health()).from.status == 200);
    CHECK(provider->counters().replayed == 1);
    CHECK(provider->counters().conflicts == 1);
    sim.run();
}

TEST_CASE_METHOD(network, "while a key is being executed it is busy; a declined card stays declined") {
    const auto a = send(charge(key)), b = send(charge(key));
    sim.run();
    CHECK((*a)->from.status + (*b)->from.status == 201 + 409);
    CHECK(read((*a)->from.status == 409 ? **a : **b).in_flight);
    const std::string second = "order-4712-2025-10-26";
    for (int i = 0; i < 2; ++i) {
        const auto r = ask(charge(second, "1.00", "tok_declined_no_money"));
        CHECK(r.from.status == 402);
        CHECK(read(r).key == second);
    }
    CHECK(read(ask(status(second))).state == payment::outcome::declined);
    CHECK(provider->ledger().size() == 1);
}

TEST_CASE_METHOD(network, "what was charged is given back once, in parts or all that is left, and no more") {
    const auto refund = [&](const std::string& own, const char* part, const std::string& of = key) {
        refund_request what = refund_request::of_key(idempotency_key(of)).reference("refund " + own);
        if (!part) return ask(speaks.refund(what, idempotency_key(own)));
        return ask(speaks.refund(std::move(what).amount(money::parse(part, "EUR")), idempotency_key(own)));
    };
    CHECK(refund("refund-before-it-0", "1.00").from.status == 422);
    const auto charged = ask(charge(key));
    CHECK(refund("refund-before-it-0", "1.00").from.status == 422);  // as it was answered first
    CHECK(refund("refund-too-much-00", "19.91").from.status == 422);
    CHECK(refund("refund-a-part-0000", "5.00").from.status == 201);
    CHECK(refund("refund-a-part-0000", "5.00").from.status == 200);
    CHECK(refund("refund-too-much-01", "14.91").from.status == 422);
    CHECK(read(refund("refund-the-rest-00", nullptr)).amount == money::parse("14.90", "EUR"));
    CHECK(refund("refund-nothing-000", nullptr).from.status == 422);
    CHECK(refund("refund-a-foreign-0", nullptr, "another-key-0000").from.status == 422);
    using payment::action;
    CHECK(read(ask(status("refund-a-part-0000", action::refund))).amount == money::parse("5.00", "EUR"));
    CHECK(ask(status("refund-a-part-0000", action::charge)).from.status == 404);
    CHECK(ask(status("refund-too-much-00", action::refund)).from.status == 404);
    REQUIRE(provider->ledger().size() == 3);
    CHECK_FALSE(provider->ledger()[0].refund);
    CHECK(provider->ledger()[2].refund);
    CHECK(provider->ledger()[2].reference == "refund refund-the-rest-00");
    (void)ask(charge("order-4712-2025-10-26"));
    const auto by_id = refund_request::of_charge(read(charged).id);
    CHECK(ask(speaks.refund(by_id, idempotency_key("refund-by-its-name"))).from.status == 422);  // nothing is left of it
}

TEST_CASE_METHOD(network, "a key is forgotten when its window has passed, and a request without one is never remembered") {
    provider->window(1h);
    (void)ask(charge(key));
    sim.run_for(59min);
    CHECK(ask(charge(key)).from.status == 200);
    sim.run_for(1min);
    CHECK(ask(status(key)).from.status == 404);
    CHECK(ask(charge(key)).from.status == 201);
    auto nameless = charge(key);
    std::erase_if(nameless.headers, [](const auto& h) { return h.name == "Idempotency-Key"; });
    (void)ask(nameless), (void)ask(nameless);
    CHECK(provider->executions("order of " + key) == 4);
}

TEST_CASE("what breaks tells how far it came: below `partial` nothing is executed, above it anything may be") {
    std::map<send_phase, int> seen, executed;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        network n({.lost = 1}, seed);
        boost::asio::cancellation_signal stop;
        const auto got = n.send(n.charge(key), stop.slot());
        n.sim.run_for(5s);
        if (!got->has_value()) stop.emit(boost::asio::cancellation_type::terminal);
        n.sim.run();
        REQUIRE(got->has_value());
        CHECK((*got)->ec);
        ++seen[(*got)->phase];
        executed[(*got)->phase] += n.provider->executions("order of " + key);
    }
    for (const auto p : {send_phase::resolved, send_phase::connected, send_phase::tls_done, send_phase::partial}) {
        CHECK(seen[p] > 10);
        CHECK(executed[p] == 0);
    }
    CHECK(executed[send_phase::complete] > 20);
    CHECK(executed[send_phase::complete] < seen[send_phase::complete] - 20);
    CHECK(executed[send_phase::response_head] == seen[send_phase::response_head]);
}

TEST_CASE("who is turned away is executed only behind 502 and 504") {
    std::map<int, int> seen, executed;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        network n({.turned_away = 1}, seed);
        const auto r = n.ask(n.charge(key));
        n.sim.run();
        ++seen[r.from.status];
        executed[r.from.status] += n.provider->executions("order of " + key);
    }
    CHECK(seen.size() == 8);
    for (const int s : {401, 403, 404, 408, 429, 503}) CHECK(executed[s] == 0);
    for (const int s : {502, 504}) {
        CHECK(executed[s] > 0);
        CHECK(executed[s] < seen[s]);
    }
}

TEST_CASE("garbled answers settle nothing: none is understood, bound to the key and about the amount") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        network n({.garbled = 1}, seed);
        (void)n.ask(n.charge("order-4710-2025-10-26"));
        const auto r = n.ask(n.charge(key));
        const auto said = n.read(r);
        CHECK_FALSE((said.understood && said.key == key && said.amount == money::parse("19.90", "EUR")));
    }
}

TEST_CASE("a crash loses answers, but no key and no money") {
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        network n({.crashed = 1}, seed);
        const auto lost = n.ask(n.charge(key));
        CHECK(lost.ec == boost::asio::error::connection_reset);
        CHECK(lost.phase == send_phase::complete);
        refused += n.ask(n.charge(key)).ec == boost::asio::error::connection_refused;
        n.sim.run_for(15s);
        n.provider->heal();
        CHECK(n.ask(n.charge(key)).from.status == 200);
        CHECK(n.provider->executions("order of " + key) == 1);
    }
    CHECK(refused == 50);
}

TEST_CASE("after `settled_within` everything is executed and found, or never will be") {
    int duplicated = 0, pending = 0, stale = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        network n({.lost = 0.3, .slow = 0.5, .duplicated = 0.5, .turned_away = 0.2, .crashed = 0.2, .pending = 0.3, .stale = 0.5},
                  seed);
        boost::asio::cancellation_signal stop;
        (void)n.send(n.charge(key), stop.slot());
        n.sim.run_for(testing::simulated_provider::settled_within);
        const int executed = n.provider->executions("order of " + key);
        n.provider->heal();
        CHECK(n.ask(n.status(key)).from.status == (executed == 1 ? 200 : 404));
        stop.emit(boost::asio::cancellation_type::terminal);
        n.sim.run();
        CHECK(n.provider->executions("order of " + key) == executed);
        duplicated += n.provider->counters().duplicated, pending += n.provider->counters().pending;
        stale += n.provider->counters().stale;
    }
    CHECK(duplicated > 20);
    CHECK(pending > 20);
    CHECK(stale > 20);
}

TEST_CASE("a simulated provider that is given up ends within one turn, and may end before its simulation") {
    auto n = std::make_unique<network>(provider_faults{.lost = 1, .slow = 1}, 5);
    auto kept = std::make_shared<int>();
    for (int i = 0; i < 20; ++i) {
        auto take = [kept](error_code, payment::response, send_phase) { FAIL(); };
        n->provider->start(n->charge(key), {}, {take, n->sim.get_executor()});
    }
    n->provider.reset();
    CHECK(kept.use_count() == 21);
    n.reset();
    CHECK(kept.use_count() == 1);
}
