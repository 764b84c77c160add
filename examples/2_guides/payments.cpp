// SPDX-License-Identifier: BSL-1.0
//
// The code of docs/guide/payments.md, as it stands there, with a provider in virtual time that loses answers.

#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::payment::outcome;
using example::expect;

namespace {

struct shop_order {
    kedge::idempotency_key key{"order-4711-checkout-1"};
    kedge::money total = kedge::money::parse("19.90", "EUR");
};

asio::awaitable<kedge::payment_result> charge(kedge::payment_client payments, shop_order order) {
    auto request = kedge::charge_request{order.total, kedge::card_token{"tok_visa"}}.reference("order 4711").key(order.key);
    co_return co_await payments.async_charge(request, asio::use_awaitable);
}

/// What the page of the checkout says.
const char* tell_the_customer(const kedge::payment_result& r) {
    switch (r.outcome()) {
    case outcome::succeeded: return "Thank you, your order is on its way.";
    case outcome::pending: return "Your bank is still looking at it; we write to you.";
    case outcome::declined: return "Your card was declined; try another one.";          // that is a new key
    case outcome::rejected: return "This did not work, and it is our fault.";            // somebody reads r.error()
    case outcome::not_sent: return "You were not charged; please try again.";            // with the same key
    case outcome::unknown: return "We are finding out whether you were charged; please do not pay again.";
    }
    return "";
}

/// After a start of the service, and after every `unknown`. @return how many were charged
asio::awaitable<int> settle_what_is_open(kedge::payment_client payments, const kedge::payment::journal& journal) {
    int charged = 0;
    for (const auto& intent : journal.open_intents()) {
        const kedge::call c{.deadline = kedge::now() + 10min};
        const auto r = co_await payments.async_reconcile(intent.key, c, asio::use_awaitable);
        charged += r.outcome() == outcome::succeeded ? 1 : 0;
    }
    co_return charged;
}

asio::awaitable<kedge::payment_result> give_back(kedge::payment_client payments, shop_order order) {
    auto request = kedge::refund_request::of_key(order.key)
                       .amount(kedge::money::parse("5.00", "EUR"))
                       .key(kedge::idempotency_key{"order-4711-refund-1"});
    co_return co_await payments.async_refund(request, asio::use_awaitable);
}

/// The provider charges the card, its answer is lost, and then it cannot be reached for forty seconds.
asio::awaitable<void> a_lost_answer(kedge::testing::simulation& world) {
    const auto provider = std::make_shared<kedge::testing::scripted_exchange>(world);
    const auto journal = std::make_shared<kedge::payment::memory_journal>();
    const kedge::payment_client payments{world, {}, journal, provider};
    const shop_order order;
    provider->resets(1, true).away(world.now() + 1ms, world.now() + 40s);

    const auto r = co_await charge(payments, order);
    std::printf("%s\n", tell_the_customer(r));
    expect(r.outcome() == outcome::unknown && journal->open_intents().size() == 1, "a lost answer is told as what it is");

    const int charged = co_await settle_what_is_open(payments, *journal);
    expect(charged == 1 && journal->open_intents().empty(), "reconciliation finds out that the customer was charged");

    const auto again = co_await charge(payments, order);
    expect(again.outcome() == outcome::succeeded && again.from_journal(), "the same key again is answered from the journal");
    expect(provider->executions() == 1, "one execution, whatever happened");

    provider->answers(201, R"({"id":"re_1","status":"succeeded","amount":"5.00","currency":"EUR","idempotency_key":"$KEY"})");
    const auto refunded = co_await give_back(payments, order);
    expect(refunded.outcome() == outcome::succeeded && refunded.provider_id() == "re_1", "a part is given back");
}

}  // namespace

int main() {
    kedge::testing::simulation world;
    std::exception_ptr failed;
    asio::co_spawn(world, a_lost_answer(world), [&](std::exception_ptr e) { failed = e; });
    world.run();
    if (failed) std::rethrow_exception(failed);
    return example::as_told ? 0 : 1;
}
