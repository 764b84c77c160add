// SPDX-License-Identifier: BSL-1.0
// The payment service accepts requests and does not answer for twelve seconds.

#include "service.hpp"
#include "trial.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <optional>

namespace incident::real {

void silent_payment_service(trial& t) {
    asio::io_context io;
    service at(io), at_plain(io);
    const time_point begin = kedge::now();
    at.server().silent_until(begin + 12s);
    at_plain.server().silent_until(begin + 12s);
    kedge::payment_options options = t.settings().payment;
    options.sink = t.log();
    kedge::payment_client payments(io, options, std::make_shared<kedge::payment::memory_journal>(), at.exchange());

    kedge::error_code error;
    nanoseconds gave_up{0};
    const task without = [&]() -> asio::awaitable<void> {
        error = co_await at_plain.charge_plainly(4711);
        gave_up = kedge::now() - begin;
    };
    std::optional<kedge::payment_result> result;
    const task customer = [&]() -> asio::awaitable<void> {
        result = co_await payments.async_charge(order(4711), checkout, asio::use_awaitable);
    };
    start(io.get_executor(), without);
    start(io.get_executor(), customer);
    io.run();

    const kedge::call_report& report = result->report();
    t.without("the service is silent for 12 s: error after " + to_string(gave_up) + ", and charged all the same");
    t.check(error == kedge::errc::timed_out && gave_up >= 5s && gave_up < 7s, "the plain request times out after 5000 ms");
    t.check(at_plain.server().charges() == 1, "the plain customer is charged in spite of the error");
    t.with_kedge("charged once, on attempt " + std::to_string(report.attempts) + " after " +
                 to_string(report.elapsed) + "; the same key on all three");
    t.check(result->outcome() == kedge::payment::outcome::succeeded && report.attempts == 3, "it succeeds on attempt 3");
    t.check(report.elapsed >= 11900ms && report.elapsed < 15s, "answered when the service is back");
    t.check(at.server().requests() == 3 && at.server().charges() == 1, "three requests with one key, executed once");
    t.check(t.records().empty(), "no record, since nothing failed");
}

}  // namespace incident::real
