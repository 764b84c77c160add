// SPDX-License-Identifier: BSL-1.0
// The database goes away for eight seconds and comes back.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/database_client.hpp>
#include <kedge/testing/scripted_connection.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <tuple>

namespace incident {

namespace {

using kedge::testing::scripted_connection;
using kedge::testing::scripted_server;

constexpr int queries = 1200;  // in half a minute; the database is away from the second second to the tenth
constexpr nanoseconds pause = 25ms;
constexpr nanoseconds away_for = 8s;
constexpr nanoseconds statement = 300ms;

/// The latest first answer, by the settings. A second into the outage the pool fails who waits, and the circuit breaker opens,
/// for 5 s at most. The probe then fails, and it opens for 5 s again. The next one may fail even when the server is back: the
/// pool pauses for up to 5 s between dials, and who comes meanwhile gets the last error. The breaker then opens for 10 s, which
/// no such pause outlives. Each probe waits for a customer to come, and the last one for its connection and statement.
constexpr nanoseconds latest_answer = 1s + 5s + 5s + 10s - away_for + 4 * pause + statement;

/// Three probes close the breaker, one after another; who comes between them is refused.
constexpr nanoseconds latest_error = latest_answer + 2 * (pause + statement) + pause;

struct outage {
    int failed = 0, failed_later = 0;  ///< later: asked when the database was back
    int dials = 0, connections = 0, leaked = 0;
    nanoseconds answered{0}, last_error{0};  ///< after the database was back
};

/// One connection, opened at the start, as programs without a pool have it.
outage without_kedge(story& s) {
    simulation sim(s.seed(), deployment);
    scripted_server server("shop");
    const time_point back = sim.now() + 10s;
    server.query_takes(3ms).away(back - away_for, back);
    const kedge::testing::scripted_connector connector(server.url());
    const auto connection = connector.create(sim.get_executor());
    outage o;
    const task program = [&]() -> asio::awaitable<void> {
        co_await connector.async_connect(*connection, asio::use_awaitable);
        for (int i = 0; i < queries; ++i) {
            const auto done = co_await connection->async_query("select 1", {}, asio::as_tuple(asio::use_awaitable));
            if (std::get<0>(done)) ++(sim.now() < back ? o.failed : o.failed_later);
            else o.answered = sim.now() - back;
            co_await kedge::async_sleep(sim, pause, asio::use_awaitable);
        }
    };
    start(sim.get_executor(), program);
    sim.run();
    return o;
}

outage with_kedge(story& s) {
    simulation sim(s.seed(), deployment);
    scripted_server server("shop");
    const time_point back = sim.now() + 10s;
    server.query_takes(statement).away(back - away_for, back);
    kedge::database_options options = s.settings().database;
    options.name = "shop";
    options.url = server.url();
    kedge::database_client<scripted_connection> db(sim, options);
    outage o;
    time_point answered = kedge::never;
    const visit customer = [&](int) -> asio::awaitable<void> {
        const bool later = sim.now() >= back;
        const kedge::call c{.repeating = kedge::repeat::harmless};
        const auto done = co_await db.async_query("select 1", {}, c, asio::as_tuple(asio::use_awaitable));
        if (!std::get<0>(done)) {
            if (sim.now() > back) answered = std::min(answered, sim.now());
            co_return;
        }
        ++(later ? o.failed_later : o.failed);
        o.last_error = sim.now() - back;
    };
    start_customers(sim.get_executor(), queries, pause, customer);
    sim.run();
    o.answered = answered - back;
    o.dials = server.refused();
    o.connections = server.most_open();
    o.leaked = db.snapshot().pool.used + server.open() - db.snapshot().pool.idle;
    return o;
}

}  // namespace

void database_restart(story& s) {
    s.title(5, "The database restarts, 8 s down. 40 queries a second for 30 s.");

    const outage bare = without_kedge(s);
    s.without("every query fails from then on: its one connection is gone, until somebody restarts the program");
    s.check(bare.failed > 280 && bare.failed_later > 700 && bare.answered < 0s, "a lost connection stays lost");

    const outage o = with_kedge(s);
    s.with_kedge(std::to_string(o.dials) + " dials while it was down; the first answer " + to_string(o.answered) +
                 " after it was back, and nobody had to do anything; at most " + std::to_string(o.connections) +
                 " connections at a time, " + (o.leaked == 0 ? "none" : "SOME") + " leaked");
    s.the_price(std::to_string(o.failed) + " of " + std::to_string(queries) + " queries failed while it was down, and " +
                std::to_string(o.failed_later) + " more until the circuit breaker's next probe; the last " +
                to_string(o.last_error) + " after it was back");
    s.check(o.dials > 0 && o.dials <= 40, "few dials while it is down");
    s.check(o.answered > 0s && o.answered <= latest_answer, "answers again with the third probe at the latest");
    s.check(o.failed > 200 && o.failed <= 332, "who asks while it is down may get an error");
    s.check(o.failed_later <= latest_error / pause && o.last_error <= latest_error, "and for some seconds afterwards");
    s.check(o.connections <= 20 && o.leaked == 0, "nothing leaked");
}

}  // namespace incident
