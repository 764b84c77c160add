// SPDX-License-Identifier: BSL-1.0
//
// How to test that nobody pays twice: your checkout, a provider behind a bad network, and a hundred seeds.

#include <kedge/payment_client.hpp>
#include <kedge/testing/simulated_provider.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

namespace asio = boost::asio;
namespace testing = kedge::testing;
using kedge::payment::outcome;
using namespace std::chrono_literals;

namespace {

struct order {
    std::string name;
    kedge::charge_request bill(const std::string& key) const {
        return kedge::charge_request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa"))
            .reference(name)
            .key(kedge::idempotency_key(key));
    }
};

/// The code under test: charges, and finds out what became of it.
asio::awaitable<outcome> careful(kedge::payment_client payments, order what) {
    auto r = co_await payments.async_charge(what.bill("key-of-" + what.name), asio::use_awaitable);
    while (r.outcome() == outcome::unknown || r.outcome() == outcome::pending) {
        const kedge::idempotency_key key = r.key();
        r = co_await payments.async_reconcile(key, asio::use_awaitable);
    }
    co_return r.outcome();
}

/// The same by somebody in a hurry: what did not work is tried again, as a payment of its own.
asio::awaitable<outcome> careless(kedge::payment_client payments, order what) {
    outcome last = outcome::unknown;
    for (int i = 1; i <= 3 && last != outcome::succeeded; ++i) {
        const std::string key = "try-" + std::to_string(i) + "-of-" + what.name;
        const auto r = co_await payments.async_charge(what.bill(key), asio::use_awaitable);
        last = r.outcome();
    }
    co_return last;
}

struct tally {
    int orders = 0, paid = 0, paid_twice = 0, told_wrong = 0;
};

using checkout = asio::awaitable<outcome> (*)(kedge::payment_client, order);

/// Twenty customers in a bad minute, then a network without faults. @return the digest of the run
std::uint64_t play(std::uint64_t seed, checkout pay, tally& sum) {
    testing::simulation world(seed);
    const testing::provider_faults bad{.lost = 0.3, .slow = 0.2, .duplicated = 0.1, .turned_away = 0.1, .pending = 0.1};
    auto provider = std::make_shared<testing::simulated_provider>(world, bad);
    kedge::payment_client payments(world, {}, std::make_shared<kedge::payment::memory_journal>(), provider);
    const auto customer = [&](int number) -> asio::awaitable<void> {
        const order what{"order-" + std::to_string(number) + "-of-today"};
        co_await kedge::async_sleep(world, number * 3s, asio::use_awaitable);
        const outcome told = co_await pay(payments, what);
        const int executed = provider->executions(what.name);  // the provider's ledger knows the truth
        ++sum.orders;
        sum.paid += executed > 0;
        sum.paid_twice += executed > 1;
        sum.told_wrong += (told == outcome::succeeded) != (executed > 0);
    };
    for (int i = 0; i < 20; ++i)
        asio::co_spawn(world, customer(i), [](std::exception_ptr e) { if (e) std::rethrow_exception(e); });
    world.run_for(1min);
    provider->heal();
    world.run();  // what is on its way arrives, and everybody is told something
    return world.trace();
}

tally play_all(checkout pay) {
    tally sum;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) play(seed, pay, sum);
    return sum;
}

void tell(const char* who, const tally& t) {
    std::printf("%-9s %d orders, %d paid, %d of them twice, %d customers told something wrong\n", who, t.orders, t.paid,
                t.paid_twice, t.told_wrong);
}

}  // namespace

int main() {
    const tally good = play_all(careful), bad = play_all(careless);
    tell("careful", good);
    tell("careless", bad);
    tally ignored;
    const bool repeatable = play(42, careful, ignored) == play(42, careful, ignored);  // what failed fails again
    const bool right = good.orders == 2000 && good.paid_twice == 0 && good.told_wrong == 0 && good.paid > 1500;
    const bool wrong = bad.paid_twice > 0 && bad.told_wrong > 0;
    std::printf("careful holds %d, careless is caught %d, repeatable %d\n", right, wrong, repeatable);
    return right && wrong && repeatable ? 0 : 1;
}
