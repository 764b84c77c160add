// SPDX-License-Identifier: BSL-1.0
// The payment service accepts requests and does not answer for twelve seconds.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/log/payment_error.hpp>
#include <kedge/payment_client.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>

namespace incident {

namespace {

/// As on the day: one request, an error after 5000 ms, and the traceback of the request that kedge was made for.
void one_request(story& s) {
    shop at(s.seed());
    at.provider->silent_until(at.sim.now() + 12s);
    kedge::error_code error;
    const task customer = [&]() -> asio::awaitable<void> { error = co_await at.charge_plainly(4711); };
    start(at.sim.get_executor(), customer);
    at.sim.run();
    const nanoseconds waited = at.sim.elapsed();
    kedge::log::payment_error(*s.log(), {.error = error,
                                         .limit = 5000ms,
                                         .place = checkout.place,
                                         .source_line = "response = payment_client.charge(amount)",
                                         .time = deployment + waited});
    at.sim.run_for(12s - waited);
    s.without("error after " + to_string(waited) + "; was the customer charged? nobody knows (it was, 7 s later)");
    s.check(error == kedge::errc::timed_out && waited == 5s, "the plain request times out after 5000 ms");
    s.check(at.provider->executions() == 1, "the customer is charged in spite of the error");
}

/// As one mends it in a hurry: again until it works, each time as a request of its own.
void plain_retries(story& s) {
    shop at(s.seed());
    at.provider->silent_until(at.sim.now() + 12s);
    kedge::error_code error;
    const task customer = [&]() -> asio::awaitable<void> {
        for (int attempt = 1; attempt <= 4; ++attempt)
            if (error = co_await at.charge_plainly(attempt); !error) break;
    };
    start(at.sim.get_executor(), customer);
    at.sim.run();
    s.without("with plain retries: ok, and charged " + std::to_string(at.provider->executions()) + " times");
    s.check(!error && at.provider->executions() == 3, "retries without a key charge three times");
}

void with_kedge(story& s) {
    shop at(s.seed());
    at.provider->silent_until(at.sim.now() + 12s);
    kedge::payment_options options = s.settings().payment;
    options.sink = s.log();
    kedge::payment_client payments(at.sim, options, at.journal, at.provider);
    std::optional<kedge::payment_result> result;
    const task customer = [&]() -> asio::awaitable<void> {
        result = co_await payments.async_charge(order(4711), checkout, asio::use_awaitable);
    };
    start(at.sim.get_executor(), customer);
    at.sim.run();

    const kedge::call_report& report = result->report();
    const auto& sent = at.provider->arrivals();
    const bool one_key = std::ranges::all_of(sent, [&](const auto& a) { return a.key == result->key().text(); });
    const bool once = result->outcome() == kedge::payment::outcome::succeeded && at.provider->executions() == 1;
    s.with_kedge(std::string("charged ") + (once ? "once" : "NOT once") + ", " + to_string(report) + "; " +
                 (one_key ? "the same key" : "NOT the same key") + " on all three attempts");
    s.the_price("the customer waits " + to_string(report.elapsed));
    s.check(once, "charged exactly once");
    s.check(one_key && sent.size() == 3 && report.attempts == 3, "three attempts with one key");
    s.check(report.elapsed >= 12s && report.elapsed < 13s, "answered when the service is back");
}

}  // namespace

void silent_payment_service(story& s) {
    s.title(1, "The payment service falls silent for 12 s. A customer pays 19.90 EUR.");
    one_request(s);
    plain_retries(s);
    with_kedge(s);
}

}  // namespace incident
