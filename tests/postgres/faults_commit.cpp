// SPDX-License-Identifier: BSL-1.0
// COMMIT was sent and its answer is lost: the caller must hear just that, and the table tells what really happened.
#include "proxy.hpp"
#include "transactions.hpp"

using namespace test;
namespace asio = boost::asio;
using loss = fault_proxy::loss;

namespace {

struct ledger {
    explicit ledger(bool through_proxy = true)
        : db(io, {.url = through_proxy ? postgres_server::url_at(proxy.port(), "sslmode=disable&application_name=ledger")
                                       : server.url("application_name=ledger"),
                  .max_connections = 2}) {
        server.sql("drop table if exists ledger cascade; create table ledger(token int); grant all on ledger to clerk");
    }
    ~ledger() { shut_down(io, db); }

    int rows() { return server.count("select count(*) from ledger"); }
    bool committing() {
        return server.count("select count(*) from pg_stat_activity where application_name = 'ledger' and state = 'active' and "
                            "query ilike 'commit%'") == 1;
    }
    /// COMMIT takes as long as this.
    void slow_commit(const std::string& seconds) {
        server.sql("create or replace function nap() returns trigger language plpgsql as $$ begin perform pg_sleep(" + seconds +
                   "); return null; end $$; create constraint trigger slow after insert on ledger deferrable initially "
                   "deferred for each row execute function nap()");
    }

    postgres_server& server = postgres_server::shared();
    stall_watch stalls;
    fault_proxy proxy{server.port()};
    asio::io_context io;
    client db;
};

}  // namespace

TEST_CASE("the answer to COMMIT is lost: commit_unknown, once, whether it was committed or not") {
    ledger l;
    const std::vector<std::pair<loss, int>> ways{
        {loss::before_execution, 0}, {loss::after_execution, 1}, {loss::silence, 1}};
    for (const auto& [how, truth] : ways) {
        INFO(static_cast<int>(how));
        l.server.sql("truncate ledger");
        int runs = 0;
        l.proxy.lose_answer_to("commit", how);
        const transacted_ptr call = transact(l.io, l.db, statements({"insert into ledger values (1)"}, &runs), {}, within(1s));
        CHECK(call->ec == kedge::errc::commit_unknown);
        CHECK(call->took() < 1s + grace + l.stalls.longest());
        CHECK(runs == 1);
        CHECK(l.rows() == truth);
    }
    CHECK(l.proxy.losses() == 3);
    const transacted_ptr next = transact(l.io, l.db, statements({"insert into ledger values (2)"}), {}, within(5s));
    INFO(kedge::to_string(next->report) << "; " << kedge::to_string(next->report.pool));
    CHECK_FALSE(next->ec);
    CHECK(l.rows() == 2);
}

TEST_CASE("who wants to know is told what became of the transaction: a success, or it runs again") {
    ledger l;
    for (const auto& [how, expected_runs] : {std::pair{loss::before_execution, 2}, std::pair{loss::after_execution, 1}}) {
        INFO(static_cast<int>(how));
        l.server.sql("truncate ledger");
        int runs = 0;
        l.proxy.lose_answer_to("commit", how);
        const transacted_ptr call = transact(l.io, l.db, statements({"insert into ledger values (1)"}, &runs),
                                             {.resolve_commit = true}, within(5s));
        INFO(call->ec.message());
        CHECK_FALSE(call->ec);
        CHECK(runs == expected_runs);
        CHECK(l.rows() == 1);
    }
    CHECK(l.proxy.losses() == 2);
}

TEST_CASE("the answer to a write outside of a transaction is lost: an error, and it is not repeated") {
    ledger l;
    for (const auto& [how, truth] : {std::pair{loss::before_execution, 0}, std::pair{loss::after_execution, 1}}) {
        l.server.sql("truncate ledger");
        l.proxy.lose_answer_to("insert", how);
        const asked_ptr call = ask(l.io, l.db, "insert into ledger values ($1)", kedge::params(7), within(2s));
        CHECK(call->ec);
        CHECK(call->report.attempts == 1);
        CHECK(l.rows() == truth);
    }
}

TEST_CASE("a COMMIT that outlasts the deadline, or is cancelled, is unknown to the caller in time") {
    ledger l(false);
    l.slow_commit("1.0");
    for (const bool cancel : {false, true}) {
        INFO(cancel);
        l.server.sql("truncate ledger");
        const transacted_ptr call = start_transaction(l.db, statements({"insert into ledger values (1)"}), {}, within(500ms));
        REQUIRE(wait_until(l.io, [&] { return l.committing(); }));
        const auto at = kedge::now();
        if (cancel) call->stop.emit(asio::cancellation_type::terminal);
        finish(l.io, call);
        CHECK(call->ec == kedge::errc::commit_unknown);
        CHECK(call->took() < 500ms + grace + l.stalls.longest());
        if (cancel) CHECK(call->ended - at < grace + l.stalls.longest());
        REQUIRE(wait_until(l.io, [&] { return !l.committing(); }));
        CHECK(l.rows() <= 1);
    }
}

TEST_CASE("the server stops during COMMIT: unknown, and the table has all or nothing") {
    ledger l(false);
    l.slow_commit("5.0");
    int runs = 0;
    const body two = statements({"insert into ledger values (1)", "insert into ledger values (2)"}, &runs);
    const transacted_ptr call = start_transaction(l.db, two, {}, within(10s));
    REQUIRE(wait_until(l.io, [&] { return l.committing(); }));
    l.server.stop();
    finish(l.io, call);
    CHECK(call->ec == kedge::errc::commit_unknown);
    CHECK(runs == 1);
    l.server.start();
    const int rows = l.rows();
    CHECK((rows == 0 || rows == 2));
}

TEST_CASE("an answer to COMMIT that says no is known: nothing was committed") {
    ledger l(false);
    l.server.sql("alter table ledger add unique (token) deferrable initially deferred");
    const transacted_ptr call =
        transact(l.io, l.db, statements({"insert into ledger values (1)", "insert into ledger values (1)"}), {}, within(5s));
    CHECK(call->ec == pg::errc::unique_violation);
    CHECK(l.rows() == 0);
}

TEST_CASE("a backend that ends inside a transaction leaves nothing of it, and no half of it is repeated") {
    ledger l(false);
    int runs = 0;
    const body dies_once = [&](kedge::transaction& tx) -> asio::awaitable<void> {
        (void)co_await tx.async_query("insert into ledger values (1)", kedge::params(), asio::use_awaitable);
        if (++runs == 1)
            l.server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ledger'");
        (void)co_await tx.async_query("insert into ledger values (2)", kedge::params(), asio::use_awaitable);
    };
    const transacted_ptr call = transact(l.io, l.db, dies_once, {}, within(5s));
    INFO(call->ec.message());
    CHECK(l.rows() == (call->ec ? 0 : 2));
    CHECK(l.server.count("select count(*) from ledger where token = 1") == (call->ec ? 0 : 1));
    CHECK(runs == (call->ec ? 1 : 2));
}
