// SPDX-License-Identifier: BSL-1.0
// Three of ten attempts fail, by a fixed pattern; one payment after the other.

#include "service.hpp"
#include "trial.hpp"

#include <kedge/payment_client.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>

namespace incident::real {

namespace {

constexpr int payments_in_all = 60;

void fail_three_of_ten(service& at) {
    for (int i = 0; i < 3 * payments_in_all / 10; ++i) at.server().pattern("xx...x....");
}

}  // namespace

void three_of_ten(trial& t) {
    asio::io_context io;
    service at(io), at_plain(io);
    fail_three_of_ten(at);
    fail_three_of_ten(at_plain);
    kedge::payment_options options = t.settings().payment;
    options.sink = t.log();
    kedge::payment_client payments(io, options, std::make_shared<kedge::payment::memory_journal>(), at.exchange());

    int plain = 0, succeeded = 0;
    nanoseconds slowest{0};
    const task without = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < payments_in_all; ++i) plain += !co_await at_plain.charge_plainly(i);
    };
    const task customers = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < payments_in_all; ++i) {
            const auto paid = co_await payments.async_charge(order(i), checkout, asio::use_awaitable);
            succeeded += paid.outcome() == kedge::payment::outcome::succeeded;
            slowest = std::max(slowest, paid.report().elapsed);
        }
    };
    start(io.get_executor(), without);
    start(io.get_executor(), customers);
    io.run();

    const int requests = at.server().requests();
    char text[120];
    std::snprintf(text, sizeof text, "%d succeeded, none charged twice; %.2f attempts each, and the slowest took ", succeeded,
                  requests / static_cast<double>(payments_in_all));
    t.without("three of ten attempts fail: " + std::to_string(plain) + " of " + std::to_string(payments_in_all) +
              " payments succeeded");
    t.with_kedge(text + to_string(slowest));
    t.check(plain == payments_in_all * 7 / 10, "seven of ten succeed without retries");
    t.check(succeeded >= payments_in_all * 98 / 100, "at least 98 of 100 succeed");
    t.check(at.server().charges() == succeeded, "each of them is charged once");
    t.check(requests > payments_in_all && requests < 2 * payments_in_all, "fewer than 2 attempts each");
}

}  // namespace incident::real
