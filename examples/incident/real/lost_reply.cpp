// SPDX-License-Identifier: BSL-1.0
// The payment service charges a customer, but its answer is lost, and then nobody gets through for four seconds.

#include "service.hpp"
#include "trial.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>

namespace incident::real {

void lost_reply(trial& t) {
    using way = kedge::testing::served::way;
    using kedge::payment::outcome;
    asio::io_context io;
    service at(io);
    at.server().next({.how = way::reset}).always({.how = way::reset_at_once});
    const auto journal = std::make_shared<kedge::payment::memory_journal>();

    kedge::payment_options options = t.settings().payment;
    options.sink = t.log();
    std::optional<kedge::payment_result> told, found;
    const task customer = [&]() -> asio::awaitable<void> {
        kedge::payment_client payments(io, options, journal, at.exchange());
        told = co_await payments.async_charge(order(4711), checkout, asio::use_awaitable);
        const auto open = journal->open_intents();
        kedge::payment_client restarted(io, options, journal, at.exchange());
        for (const auto& intent : open) found = co_await restarted.async_reconcile(intent.key, asio::use_awaitable);
    };
    const task network = [&]() -> asio::awaitable<void> {
        co_await kedge::async_sleep(io, 4s, asio::use_awaitable);
        at.server().always({});
    };
    start(io.get_executor(), customer);
    start(io.get_executor(), network);
    const time_point begin = kedge::now();
    io.run();

    const auto sent = std::ranges::count(at.server().heard(), "POST", &kedge::http::request::method);
    const bool once = found && found->outcome() == outcome::succeeded && at.server().charges() == 1;
    t.with_kedge("the answer is lost: " + std::string(to_string(told->outcome())) + " after " +
                 std::to_string(told->report().attempts) + " attempts; asked " +
                 std::to_string(found ? found->report().attempts : 0) + " times, and charged " + (once ? "once" : "NOT once"));
    t.check(told->outcome() == outcome::unknown && told->report().attempts == 4, "nobody knows after four attempts");
    t.check(once && sent == 4, "settled by asking, without a second execution");
    t.check(journal->open_intents().empty(), "the journal has it settled");
    t.check(kedge::now() - begin < 30s, "settled soon after the service can be reached");
}

}  // namespace incident::real
