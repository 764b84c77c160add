// SPDX-License-Identifier: BSL-1.0
// For six seconds the payment service resets every connection, while twenty customers a second pay.

#include "service.hpp"
#include "trial.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <future>
#include <variant>

namespace incident::real {

namespace {

constexpr nanoseconds pause = 50ms, outage = 6s, patience = 16s;
const kedge::testing::served resets{.how = kedge::testing::served::way::reset_at_once};

/// What became of the customers who came while the service was away, and what it had to bear.
struct tally {
    int customers = 0, errors = 0, requests = 0;
    int told_at_once = 0;         ///< of the errors: nothing was charged, and when to come back
    int refused_later = 0;        ///< when the service was back already
    nanoseconds closed_after{0};  ///< that
};

tally without_kedge() {
    asio::io_context io;
    service at(io);
    at.server().always(resets);
    tally t{.customers = static_cast<int>(outage / pause)};
    const visit customer = [&](int number) -> asio::awaitable<void> {
        t.errors += (co_await at.charge_plainly(number)).failed();
    };
    start_customers(io.get_executor(), t.customers, pause, customer);
    io.run();
    t.requests = at.server().requests();
    return t;
}

/// Customers come until the service is back and the circuit breaker has found out.
class shop {
public:
    explicit shop(trial& t)
        : payments_(io_, {.sink = t.log(), .on_event = [this](const kedge::event& what) noexcept { hear(what); }},
                    std::make_shared<kedge::payment::memory_journal>(), at_.exchange()) {}

    tally play() {
        at_.server().always(resets);
        start(io_.get_executor(), [this] { return service_returns(); });
        start(io_.get_executor(), [this] { return customers(); });
        io_.run();
        return tally_;
    }

private:
    asio::awaitable<void> service_returns() {
        co_await kedge::async_sleep(io_, outage, asio::use_awaitable);
        is_back_ = true;
        tally_.requests = at_.server().requests();
        at_.server().always({});
    }

    asio::awaitable<void> customers() {
        while (!closed_ && kedge::now() < back_ + patience) {
            start(io_.get_executor(), [this] { return pay(came_++); });
            co_await kedge::async_sleep(io_, pause, asio::use_awaitable);
        }
    }

    asio::awaitable<void> pay(int number) {
        const bool late = is_back_;
        if (!late) ++tally_.customers;
        const auto r = co_await payments_.async_charge(order(number), checkout, asio::use_awaitable);
        if (r.outcome() == kedge::payment::outcome::succeeded) co_return;
        ++(late ? tally_.refused_later : tally_.errors);
        const bool told = r.outcome() == kedge::payment::outcome::not_sent && r.report().retry_after > 0s;
        if (!late) tally_.told_at_once += told && r.report().elapsed < 100ms;
    }

    void hear(const kedge::event& what) noexcept {
        const auto* change = std::get_if<kedge::breaker_changed>(&what);
        if (!change || change->to != kedge::breaker_state::closed) return;
        closed_ = true;
        tally_.closed_after = kedge::now() - back_;
    }

    asio::io_context io_;
    service at_{io_};
    const time_point back_ = kedge::now() + outage;
    kedge::payment_client payments_;
    tally tally_;
    int came_ = 0;
    bool is_back_ = false, closed_ = false;
};

}  // namespace

void reset_connections(trial& t) {
    auto plain = std::async(std::launch::async, without_kedge);
    const tally kept = shop(t).play();
    const tally bare = plain.get();

    t.without("every connection is reset for 6 s*: " + std::to_string(bare.errors) + " errors, and nobody knows who was charged");
    t.check(bare.errors == bare.customers && bare.requests >= bare.customers, "each customer gets an error");
    t.with_kedge(std::to_string(kept.requests) + " requests hit the service; " + std::to_string(kept.told_at_once) + " of " +
           std::to_string(kept.errors) + " customers heard at once that nothing was charged");
    t.the_price("closed again " + to_string(kept.closed_after) + " after the service was back; " +
           std::to_string(kept.refused_later) + " customers were refused in that time");
    t.check(kept.customers > 60 && kept.errors == kept.customers, "nobody can pay while it is away");
    t.check(kept.requests > 0 && kept.requests <= 20, "the sick service is left alone");
    t.check(kept.told_at_once >= kept.customers - 30, "who is refused knows that nothing was sent");
    t.check(kept.closed_after > 0s && kept.closed_after < 12s, "closed within the second open time");
}

}  // namespace incident::real
