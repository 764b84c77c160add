// SPDX-License-Identifier: BSL-1.0
// The database goes away for eight seconds and comes back.

#include "scripted_service.hpp"
#include "story.hpp"

#include <kedge/database_client.hpp>
#include <kedge/testing/scripted_connection.hpp>

#include <functional>

namespace incident {

void database_restart(story& s) {
    s.title(5, "The database restarts, 8 s down. Ten queries a second.");

    simulation sim(s.seed(), deployment);
    kedge::testing::scripted_server server("shop");
    const time_point start = sim.now(), down = start + 2s, back = down + 8s;
    server.query_takes(3ms).away(down, back);
    kedge::database_client<kedge::testing::scripted_connection> db(sim, {.name = "shop", .url = server.url()});

    int failed = 0;
    time_point first_success = kedge::never, last_error{};
    auto query = [&](int number) -> asio::awaitable<void> {
        co_await kedge::async_sleep(sim, number * 100ms, asio::use_awaitable);
        try {
            const auto c = kedge::call{.repeating = kedge::repeat::harmless};
            (void)co_await db.async_query("select 1", kedge::params(), c, asio::use_awaitable);
            if (sim.now() > back) first_success = std::min(first_success, sim.now());
        } catch (const system_error&) {
            ++failed;
            last_error = sim.now();
        }
    };
    for (int i = 0; i < 300; ++i) {
        std::function<asio::awaitable<void>()> one = [&query, i] { return query(i); };
        asio::co_spawn(sim, one, asio::detached);
    }
    sim.run();

    s.without("every query fails until somebody restarts the process");
    s.with_kedge(std::to_string(server.refused()) + " dials while it was down; the first answer " +
                 to_string(first_success - back) + " after it was back, nobody had to do anything");
    s.the_price(std::to_string(failed) + " of 300 queries failed, the last " + to_string(last_error - back) +
                " after it was back; at most " + std::to_string(server.most_open()) + " connections were open");
    s.check(server.refused() > 0 && server.refused() <= 40, "few dials while it is down");
    s.check(first_success != kedge::never && first_success - back < 10s, "answers again within ten seconds");
    s.check(server.most_open() <= 20 && db.snapshot().pool.used == 0, "nothing leaked");
}

}  // namespace incident
