// SPDX-License-Identifier: BSL-1.0
// The payment service charges a customer, but its answer is lost, and then nobody can reach it for forty seconds.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <optional>

namespace incident {

namespace {

constexpr nanoseconds outage = 40s;

/// What the customer orders again, by the page that said "failed", is another order.
void without_kedge(story& s) {
    shop at(s.seed());
    at.provider->resets(1, true).away(at.sim.now() + 1ms, at.sim.now() + outage);
    kedge::error_code first, second;
    const task customer = [&]() -> asio::awaitable<void> {
        first = co_await at.charge_plainly(4711);
        co_await kedge::async_sleep(at.sim, outage, asio::use_awaitable);
        second = co_await at.charge_plainly(4712);
    };
    start(at.sim.get_executor(), customer);
    at.sim.run();
    s.without("\"payment failed\"; the customer orders again, and has paid " + std::to_string(at.provider->executions()) +
              " times");
    s.check(first && !second && at.provider->executions() == 2, "an error that hides a charge leads to a second one");
}

void with_kedge(story& s) {
    shop at(s.seed());
    at.provider->resets(1, true).away(at.sim.now() + 1ms, at.sim.now() + outage);
    std::optional<kedge::payment_result> told, found;
    const task customer = [&]() -> asio::awaitable<void> {
        kedge::payment_client payments(at.sim, s.settings().payment, at.journal, at.provider);
        told = co_await payments.async_charge(order(4711), checkout, asio::use_awaitable);
    };
    start(at.sim.get_executor(), customer);
    at.sim.run();
    const auto open = at.journal->open_intents();

    const task restarted = [&]() -> asio::awaitable<void> {  // another process, which has the journal only
        kedge::payment_client payments(at.sim, s.settings().payment, at.journal, at.provider);
        for (const auto& intent : open) found = co_await payments.async_reconcile(intent.key, asio::use_awaitable);
    };
    start(at.sim.get_executor(), restarted);
    at.sim.run();

    using kedge::payment::outcome;
    const bool unknown = told->outcome() == outcome::unknown && open.size() == 1;
    s.with_kedge(std::string(unknown ? "unknown" : "NOT unknown") + " after " + to_string(told->report().elapsed) + " and " +
                 std::to_string(told->report().attempts) +
                 " attempts with one key: \"please do not pay again\"; it is in the journal");
    const bool once = found && found->outcome() == outcome::succeeded && at.provider->executions() == 1;
    s.with_kedge("the service restarts and asks what became of it, " + std::to_string(found ? found->report().attempts : 0) +
                 " times; charged " + (once ? "once" : "NOT once"));
    s.the_price("the customer waits " + to_string(at.sim.elapsed()) + " to hear that all is well");
    s.check(unknown && told->report().attempts == 4, "nobody knows after four attempts");
    s.check(once && at.provider->arrivals().size() == 4, "settled by asking, without a second execution");
    s.check(at.journal->open_intents().empty(), "the journal has it settled");
    s.check(at.sim.elapsed() >= outage && at.sim.elapsed() < 3 * outage, "settled soon after the service can be reached");
}

}  // namespace

void lost_reply(story& s) {
    s.title(6, "A customer is charged, the answer is lost, and for 40 s the service cannot be reached.");
    without_kedge(s);
    with_kedge(s);
}

}  // namespace incident
