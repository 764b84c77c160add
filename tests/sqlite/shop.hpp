// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "database_file.hpp"
#include "raw.hpp"

#include <kedge/sqlite/client.hpp>
#include <kedge/testing/simulation.hpp>

#include <optional>
#include <utility>

namespace test {

using namespace kedge;
using namespace std::chrono_literals;

struct asked {
    std::optional<error_code> ec{};
    rows got{};
    call_report report{};
    nanoseconds took{};

    template <class T> T value() const { return std::get<0>(got.as<T>().front()); }
};

/// One statement to its end, in virtual time and without retries.
inline asked ask(testing::simulation& sim, sqlite::client& db, sql_text text, params values = {}) {
    asked a;
    const time_point begun = sim.now();
    const call once{.report = &a.report, .repeating = repeat::forbidden};
    db.async_query(std::move(text), std::move(values), once, [&](error_code ec, rows got) {
        a.ec = ec;
        a.got = std::move(got);
        a.took = sim.now() - begun;
    });
    sim.run();
    return a;
}

/// A file with a table, and a client of it.
struct shop {
    const database_file file;
    testing::simulation sim;
    int opened_breaker = 0;
    sqlite::client db{sim, {.url = file.url(), .max_connections = 2, .on_event = [this](const event& e) noexcept { hear(e); }}};

    shop() { REQUIRE_FALSE(*ask(sim, db, "create table t(i integer)").ec); }

    void hear(const event& e) noexcept {
        if (const auto* change = std::get_if<breaker_changed>(&e); change && change->to == breaker_state::open) ++opened_breaker;
    }
    int rows_in_file() const { return raw_database(file.path).number("select count(*) from t"); }
};

}  // namespace test
