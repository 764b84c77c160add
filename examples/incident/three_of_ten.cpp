// SPDX-License-Identifier: BSL-1.0
// Three of ten attempts fail, by a fixed pattern.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/payment_client.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>

namespace incident {

namespace {

constexpr int payments_in_all = 200;

struct result {
    int succeeded = 0, requests = 0, executions = 0;
    nanoseconds slowest{0};
    std::uint64_t refused = 0;  // by the circuit breaker
};

void fail_three_of_ten(shop& at) {
    for (int i = 0; i < 2 * payments_in_all / 10; ++i) at.provider->pattern("xx...x....");
}

result without_kedge(story& s) {
    shop at(s.seed());
    fail_three_of_ten(at);
    result r;
    const visit customer = [&](int number) -> asio::awaitable<void> { r.succeeded += !co_await at.charge_plainly(number); };
    start_customers(at.sim.get_executor(), payments_in_all, 100ms, customer);
    at.sim.run();
    r.requests = static_cast<int>(at.provider->arrivals().size());
    return r;
}

result with_kedge(story& s) {
    shop at(s.seed());
    fail_three_of_ten(at);
    kedge::payment_options options = s.settings().payment;
    options.sink = s.log();
    kedge::payment_client payments(at.sim, options, at.journal, at.provider);
    result r;
    const visit customer = [&](int number) -> asio::awaitable<void> {
        const auto paid = co_await payments.async_charge(order(number), checkout, asio::use_awaitable);
        r.succeeded += paid.outcome() == kedge::payment::outcome::succeeded;
        r.slowest = std::max(r.slowest, paid.report().elapsed);
    };
    start_customers(at.sim.get_executor(), payments_in_all, 100ms, customer);
    at.sim.run();
    r.requests = static_cast<int>(at.provider->arrivals().size());
    r.executions = at.provider->executions();
    r.refused = payments.snapshot().charges.refused;
    return r;
}

}  // namespace

void three_of_ten(story& s) {
    s.title(4, "Three of ten attempts fail. 200 payments, 10 a second.");

    const result bare = without_kedge(s);
    s.without(std::to_string(bare.succeeded) + " succeeded");
    s.check(bare.succeeded == 140 && bare.requests == payments_in_all, "seven of ten succeed");

    const result kept = with_kedge(s);
    char text[120];
    std::snprintf(text, sizeof text, "%d succeeded, %.2f attempts each; none charged twice", kept.succeeded,
                  kept.requests / static_cast<double>(payments_in_all));
    s.with_kedge(text + std::string(kept.refused == 0 ? "; the circuit breaker stayed closed" : "; the circuit breaker OPENED"));
    s.the_price(std::to_string(kept.requests - bare.requests) + " more requests than without, and the slowest payment took " +
                to_string(kept.slowest));
    s.check(kept.succeeded >= 196, "at least 98 of 100 succeed");
    s.check(kept.executions == kept.succeeded, "each of them is charged once");
    s.check(kept.requests < 320 && kept.slowest < 5s, "fewer than 1.6 attempts each, and nobody waits long");
    s.check(kept.refused == 0, "random failures do not open the circuit breaker");
}

}  // namespace incident
