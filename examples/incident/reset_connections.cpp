// SPDX-License-Identifier: BSL-1.0
// For a minute the payment service resets every connection, while twenty customers a second pay.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace incident {

namespace {

constexpr nanoseconds pause = 50ms;
constexpr int in_the_minute = 1200, after_it = 1200;

/// What became of the customers who came while the service was away, and what it had to bear.
struct minute {
    int errors = 0, requests = 0;
};

/// `attempts` requests for each customer, whatever happens.
minute without_kedge(story& s, int attempts) {
    shop at(s.seed());
    at.provider->away(at.sim.now(), at.sim.now() + 60s);
    minute m;
    const visit customer = [&](int number) -> asio::awaitable<void> {
        for (int i = 0; i < attempts; ++i) {
            if (!co_await at.charge_plainly(number)) co_return;
            co_await kedge::async_sleep(at.sim, 10ms, asio::use_awaitable);
        }
        ++m.errors;
    };
    start_customers(at.sim.get_executor(), in_the_minute, pause, customer);
    at.sim.run();
    m.requests = static_cast<int>(at.provider->arrivals().size());
    return m;
}

struct survived : minute {
    int told_at_once = 0;   ///< of the errors: nothing was charged, and when to come back
    int refused_later = 0;  ///< when the service was back already
    int failures_to_open = 0;
    nanoseconds closed_after{0};
};

survived with_kedge(story& s) {
    shop at(s.seed());
    const time_point back = at.sim.now() + 60s;
    at.provider->away(at.sim.now(), back);
    survived m;
    kedge::payment_options options = s.settings().payment;
    options.on_event = [&](const kedge::event& what) noexcept {
        const auto* change = std::get_if<kedge::breaker_changed>(&what);
        if (!change) return;
        if (m.failures_to_open == 0) m.failures_to_open = change->failures_in_a_row;
        if (change->to == kedge::breaker_state::closed) m.closed_after = at.sim.now() - back;
    };
    kedge::payment_client payments(at.sim, options, at.journal, at.provider);

    const visit customer = [&](int number) -> asio::awaitable<void> {
        const bool late = at.sim.now() >= back;
        const auto r = co_await payments.async_charge(order(number), checkout, asio::use_awaitable);
        if (r.outcome() == kedge::payment::outcome::succeeded) co_return;
        ++(late ? m.refused_later : m.errors);
        const bool told = r.outcome() == kedge::payment::outcome::not_sent && r.report().elapsed == 0s;
        if (!late) m.told_at_once += told && r.report().retry_after > 0s;
    };
    start_customers(at.sim.get_executor(), in_the_minute + after_it, pause, customer);
    at.sim.run();
    m.requests = static_cast<int>(std::ranges::count_if(at.provider->arrivals(), [&](const auto& a) { return a.at < back; }));
    return m;
}

}  // namespace

void reset_connections(story& s) {
    s.title(3, "The service resets every connection for 60 s; 20 customers a second.");

    const minute bare = without_kedge(s, 1);
    s.without(std::to_string(bare.errors) + " errors, and nobody knows who was charged");
    s.check(bare.errors == in_the_minute && bare.requests == in_the_minute, "each of 1200 customers gets an error");

    const minute plain = without_kedge(s, 4);
    s.without("with three plain retries " + std::to_string(plain.requests) + " requests hit the sick service");
    s.check(plain.requests > 4700, "plain retries multiply the load by four");

    const survived kept = with_kedge(s);
    s.with_kedge(std::to_string(kept.requests) + " requests hit it: open after " + std::to_string(kept.failures_to_open) +
                 " failures, then a probe now and then");
    s.with_kedge(std::to_string(kept.told_at_once) + " of " + std::to_string(kept.errors) +
                 " customers hear at once that nothing was charged, and when to come back");
    s.the_price("closed again " + to_string(kept.closed_after) + " after the service was back; " +
                std::to_string(kept.refused_later) + " customers were refused in that time");
    s.check(kept.requests < 60 && kept.failures_to_open == 5, "the sick service is left alone");
    s.check(kept.told_at_once > 1180, "who is refused knows that nothing was sent");
    s.check(kept.closed_after > 0s && kept.closed_after < 66s, "closed within the longest open time");
}

}  // namespace incident
