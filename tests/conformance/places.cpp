// SPDX-License-Identifier: BSL-1.0
// Every function that takes a `call` exists without one, too, and both record the line of their caller.

#include "../support/conformance.hpp"
#include "../support/scripted_client.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <optional>

using namespace kedge_test;
using kedge::call;
using kedge::testing::simulation;

namespace {

const auto ignore = [](auto&&...) {};

/// A form of a function, called in a world; returns the line on which it is called.
template <class World> using form = std::function<unsigned(World&)>;

/// @tparam World has `seen()`: the line that was recorded
template <class World> void check_places(const char* name, const form<World>& with_call, const form<World>& without) {
    for (const auto& f : {with_call, without}) {
        World w;
        const unsigned line = f(w);
        w.sim.run_for(1ms);
        INFO(name);
        CHECK(w.seen() == line);
    }
}

struct plain_call {
    auto operation() {
        return [this](const kedge::attempt& a, auto&& token) {
            line = a.place.line();
            return kedge::async_sleep(sim, 0s, std::forward<decltype(token)>(token));
        };
    }
    unsigned seen() const { return line; }

    simulation sim;
    kedge::pipeline<simulation::executor_type> pipe{sim};
    unsigned line = 0;
};

/// The refusal of a second borrower names the first.
struct one_connection {
    one_connection() {
        pool.async_acquire(ignore);  // opens it
        sim.run_for(1ms);
    }
    unsigned seen() {
        kedge::call_report report;
        pool.async_acquire(call{.deadline = sim.now() + 1ms, .report = &report}, ignore);
        sim.run_for(10ms);
        return report.pool.holders[0].place.line();
    }
    auto keep() {
        return [this](error_code, kedge::lease<int> l) { held = std::move(l); };
    }
    void keep(asio::awaitable<kedge::lease<int>> lending) {
        auto wait = [](asio::awaitable<kedge::lease<int>> l, one_connection* w) -> asio::awaitable<void> {
            w->held = co_await std::move(l);
        };
        asio::co_spawn(sim, wait(std::move(lending), this), asio::detached);
    }
    auto use() {
        return [this](int&, auto&& token) { return kedge::async_sleep(sim, 1h, std::forward<decltype(token)>(token)); };
    }

    struct connector {
        std::unique_ptr<int> create(const asio::any_io_executor&) const { return std::make_unique<int>(); }
        template <class Token> auto async_connect(int&, Token&& token) const {
            return kedge::async_sleep(*sim, 0s, std::forward<Token>(token));
        }
        void close(int&) const noexcept {}
        static kedge::reuse inspect(const int&) noexcept { return kedge::reuse::clean; }
        simulation* sim;
    };
    simulation sim;
    kedge::connection_pool<int> pool{sim, {.max = 1}, connector{&sim}};
    std::optional<kedge::lease<int>> held;
};

struct shop {
    struct recording_exchange final : kedge::payment::exchange {
        void start(const kedge::payment::request&, const kedge::attempt& of, kedge::payment::exchange_handler) override {
            line = of.place.line();
        }
        unsigned line = 0;
    };
    kedge::charge_request request() const { return {kedge::money::parse("1.00", "EUR"), kedge::card_token("tok")}; }
    unsigned seen() const { return exchange->line; }

    simulation sim;
    std::shared_ptr<recording_exchange> exchange = std::make_shared<recording_exchange>();
    kedge::payment_client payments{sim, {}, std::make_shared<kedge::payment::memory_journal>(), exchange};
    const kedge::idempotency_key key{"order-4711-2025-10-26"};
};

/// The record of a failure names the call.
struct office {
    office() {
        kedge::database_options o;
        o.url = server.url();
        o.sink = sink;
        o.max_retries = 0;
        db.emplace(sim, o);
        server.connect_takes(0s).query_takes(0s).fail("", asio::error::connection_reset);
    }
    auto body() {
        return [](kedge::transaction&) -> asio::awaitable<void> { co_return; };
    }
    unsigned seen() const {
        const auto records = sink->records();
        return records.empty() ? 0 : records[0].place.line();
    }

    simulation sim;
    kedge::testing::scripted_server server;
    std::shared_ptr<kedge::testing::recording_sink> sink = std::make_shared<kedge::testing::recording_sink>();
    std::optional<kedge::database_client<kedge::testing::scripted_connection>> db;
};

}  // namespace

#define LINE_OF(expression) (static_cast<void>(expression), __LINE__)

TEST_CASE("pipeline records the caller's line", "[conformance][place]") {
    using w = plain_call;
    check_places<w>("async_call", [](w& p) { return LINE_OF(p.pipe.async_call(p.operation(), {}, ignore)); },
                    [](w& p) { return LINE_OF(p.pipe.async_call(p.operation(), ignore)); });
}

TEST_CASE("connection_pool records the caller's line", "[conformance][place]") {
    using w = one_connection;
    check_places<w>("async_acquire", [](w& p) { return LINE_OF(p.pool.async_acquire(call{}, p.keep())); },
                    [](w& p) { return LINE_OF(p.pool.async_acquire(p.keep())); });
    check_places<w>("try_acquire", [](w& p) { return LINE_OF(p.held = p.pool.try_acquire(call{})); },
                    [](w& p) { return LINE_OF(p.held = p.pool.try_acquire()); });
    check_places<w>("acquire", [](w& p) { return LINE_OF(p.keep(p.pool.acquire(call{}))); },
                    [](w& p) { return LINE_OF(p.keep(p.pool.acquire())); });
    check_places<w>("async_with", [](w& p) { return LINE_OF(p.pool.async_with(p.use(), call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.pool.async_with(p.use(), ignore)); });
}

TEST_CASE("payment_client records the caller's line", "[conformance][place]") {
    using w = shop;
    check_places<w>("async_charge", [](w& p) { return LINE_OF(p.payments.async_charge(p.request(), call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.payments.async_charge(p.request(), ignore)); });
    const auto refund = kedge::refund_request::of_charge("ch_1");
    check_places<w>("async_refund", [&](w& p) { return LINE_OF(p.payments.async_refund(refund, call{}, ignore)); },
                    [&](w& p) { return LINE_OF(p.payments.async_refund(refund, ignore)); });
    check_places<w>("async_reconcile", [](w& p) { return LINE_OF(p.payments.async_reconcile(p.key, call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.payments.async_reconcile(p.key, ignore)); });
    check_places<w>("async_status", [](w& p) { return LINE_OF(p.payments.async_status(p.key, call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.payments.async_status(p.key, ignore)); });
    check_places<w>("async_health", [](w& p) { return LINE_OF(p.payments.async_health(call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.payments.async_health(ignore)); });
}

TEST_CASE("database_client records the caller's line", "[conformance][place]") {
    using w = office;
    check_places<w>("async_query", [](w& p) { return LINE_OF(p.db->async_query("select 1", {}, call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.db->async_query("select 1", {}, ignore)); });
    const auto take = [](const kedge::rows&) {};
    check_places<w>("async_query_batches",
                    [&](w& p) { return LINE_OF(p.db->async_query_batches("select 1", {}, take, call{}, ignore)); },
                    [&](w& p) { return LINE_OF(p.db->async_query_batches("select 1", {}, take, ignore)); });
    check_places<w>("async_execute", [](w& p) { return LINE_OF(p.db->async_execute("delete from t", {}, call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.db->async_execute("delete from t", {}, ignore)); });
    check_places<w>("async_ping", [](w& p) { return LINE_OF(p.db->async_ping(call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.db->async_ping(ignore)); });
    check_places<w>("async_transaction", [](w& p) { return LINE_OF(p.db->async_transaction(p.body(), {}, call{}, ignore)); },
                    [](w& p) { return LINE_OF(p.db->async_transaction(p.body(), {}, ignore)); });
}
