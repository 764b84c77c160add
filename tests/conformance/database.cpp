// SPDX-License-Identifier: BSL-1.0
// The database client, over a scripted server.

#include "../support/conformance.hpp"
#include "../support/scripted_client.hpp"


#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace kedge_test;

namespace {

/// A client whose only connection is open already.
struct office {
    static kedge::database_options options(const std::string& url) {
        kedge::database_options o;
        o.url = url;
        o.max_connections = 1;
        o.max_retries = 1;
        return o;
    }
    office() {
        db.async_ping([](error_code) {});
        sim.run_for(1s);
        takes(0s);
    }

    office& takes(kedge::nanoseconds time) {
        server.query_takes(time);
        return *this;
    }
    void transact(conformance_handler h) {
        auto body = [](kedge::transaction& t) -> asio::awaitable<int> {
            (void)co_await t.async_execute("update stock set left = 0", {}, asio::use_awaitable);
            co_return 1;
        };
        db.async_transaction(body, {}, std::move(h));
    }

    kedge::testing::simulation sim;
    kedge::testing::scripted_server server;
    kedge::database_client<kedge::testing::scripted_connection> db{sim, options(server.url())};
};

/// A statement in all the ways that the kit asks for.
subject<office> statement(const char* name, void (*start)(office&, conformance_handler)) {
    return {
        .name = name,
        .at_once = start,
        .later = [start](office& w, conformance_handler h) { start(w.takes(1s), std::move(h)); },
        .promises = terminal_only,  // a statement under way hears no more
        .uses_memory = false,
    };
}

}  // namespace

TEST_CASE("database_client's statements conform", "[conformance]") {
    check_conformance(statement("async_query", [](office& w, conformance_handler h) {
        w.db.async_query("select 1", {}, std::move(h));
    }));
    check_conformance(statement("async_query_batches", [](office& w, conformance_handler h) {
        w.db.async_query_batches("select 1", {}, [](kedge::rows) {}, std::move(h));
    }));
    check_conformance(statement("async_execute", [](office& w, conformance_handler h) {
        w.db.async_execute("update stock set left = 0", {}, std::move(h));
    }));
    check_conformance(statement("async_ping", [](office& w, conformance_handler h) { w.db.async_ping(std::move(h)); }));
}

TEST_CASE("database_client::async_transaction conforms", "[conformance]") {
    check_conformance<office>({
        .name = "async_transaction",
        .at_once = [](office& w, conformance_handler h) { w.transact(std::move(h)); },
        .later = [](office& w, conformance_handler h) { w.takes(333ms).transact(std::move(h)); },
        .promises = terminal_only,
        .deaf_at_first = true,
        .uses_memory = false,
    });
}

TEST_CASE("database_client::async_run and async_shutdown conform", "[conformance]") {
    check_conformance<office>({
        .name = "async_run",
        .later = [](office& w, conformance_handler h) { w.db.async_run(std::move(h)); },
        .endless = true,
    });
    check_conformance<office>({
        .name = "async_shutdown",
        .at_once = [](office& w, conformance_handler h) { w.db.async_shutdown(w.sim.now() + 9s, std::move(h)); },
        .later = [](office& w, conformance_handler h) {
            w.takes(1s).db.async_ping([](error_code) {});
            w.db.async_shutdown(w.sim.now() + 9s, std::move(h));
        },
        .uses_memory = false,
    });
}
