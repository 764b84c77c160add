// SPDX-License-Identifier: BSL-1.0
// The connection pool.

#include "../support/conformance.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/timer.hpp>

#include <optional>

using namespace kedge_test;

namespace {

/// A pool with one connection, which is idle, or is lent for a second.
struct one_connection {
    one_connection() {
        pool.async_acquire([](error_code, kedge::lease<int> first) { first.recycle(); });
        sim.run_for(1ms);
    }

    void lend() {
        held = pool.try_acquire();
        kedge::async_sleep(sim, 1s, [this](error_code ec) {
            if (!ec) held->recycle();
        });
    }
    void acquire(conformance_handler h) { pool.async_acquire(std::move(h)); }
    void use(kedge::nanoseconds time, conformance_handler h) {
        auto wait = [this, time](int&, auto&& token) {
            return kedge::async_sleep(sim, time, std::forward<decltype(token)>(token));
        };
        pool.async_with(wait, std::move(h));
    }
    void shut_down(conformance_handler h) { pool.async_shutdown(sim.now() + 10s, std::move(h)); }

    kedge::testing::simulation sim;
    kedge::connection_pool<int> pool{sim, {.max = 1, .acquire_timeout = 10s}, [this](auto&& token) {
        return asio::async_initiate<decltype(token), void(error_code, int)>(
            [this](auto h) { asio::post(sim.get_executor(), [h = std::move(h)]() mutable { std::move(h)(error_code(), 1); }); },
            token);
    }};
    std::optional<kedge::lease<int>> held;
};

using world = one_connection;

}  // namespace

TEST_CASE("connection_pool::async_acquire conforms", "[conformance]") {
    check_conformance<world>({
        .name = "async_acquire",
        .at_once = [](world& w, conformance_handler h) { w.acquire(std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.lend(), w.acquire(std::move(h)); },
    });
}

TEST_CASE("connection_pool::async_with conforms", "[conformance]") {
    check_conformance<world>({
        .name = "async_with, using",
        .at_once = [](world& w, conformance_handler h) { w.use(0s, std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.use(1s, std::move(h)); },
    });
    check_conformance<world>({
        .name = "async_with, waiting",
        .later = [](world& w, conformance_handler h) { w.lend(), w.use(0s, std::move(h)); },
    });
}

TEST_CASE("async_with is cancelled between the grant of its connection and the use", "[conformance]") {
    const auto use = [](world& w, conformance_handler h) { w.use(1s, std::move(h)); };
    trial<world> t(use, false, asio::cancellation_type::terminal);
    t.pass(0s);
    CHECK(t.ended());
}

TEST_CASE("connection_pool::async_run and async_shutdown conform", "[conformance]") {
    check_conformance<world>({
        .name = "async_run",
        .later = [](world& w, conformance_handler h) { w.pool.async_run(std::move(h)); },
        .endless = true,
    });
    check_conformance<world>({
        .name = "async_shutdown",
        .at_once = [](world& w, conformance_handler h) { w.shut_down(std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.lend(), w.shut_down(std::move(h)); },
    });
}
