// SPDX-License-Identifier: BSL-1.0
// What the tests of PostgreSQL stand on holds itself.
#include "../support/catch.hpp"
#include "proxy.hpp"
#include "server.hpp"
#include "wait.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using test::postgres_server;

TEST_CASE("the server of the tests starts, counts who is connected, stops and comes back with what it stored") {
    postgres_server& server = postgres_server::shared();
    CHECK(server.count("select current_setting('server_version_num')::int / 10000") == 15);
    CHECK(server.sql("select current_database()") == postgres_server::database());
    CHECK(server.sql("select usesuper from pg_user where usename = 'clerk'") == "f");

    const std::string where = server.url("application_name=rig");
    PGconn* const guest = PQconnectdb(where.c_str());
    REQUIRE(PQstatus(guest) == CONNECTION_OK);
    CHECK(PQsslInUse(guest) == 1);
    CHECK(server.backends("rig") == 1);
    CHECK(server.backends() == 1);
    server.terminate(PQbackendPID(guest));
    CHECK(test::wait_until([&] { return server.backends("rig") == 0; }));
    PQfinish(guest);

    server.sql("create table kept(n int)");
    server.restart({"ssl=off"});
    CHECK(server.sql("show ssl") == "off");
    CHECK(server.count("select count(*) from kept") == 0);
    server.restart();
    server.sql("drop table kept");
}

TEST_CASE("a server in recovery refuses everybody, and is the same afterwards") {
    postgres_server& server = postgres_server::shared();
    server.stop();
    server.start_in_recovery();
    PGconn* const guest = PQconnectdb(server.url().c_str());
    CHECK(PQstatus(guest) == CONNECTION_BAD);
    INFO(PQerrorMessage(guest));
    CHECK(std::string(PQerrorMessage(guest)).find("system is") != std::string::npos);
    PQfinish(guest);
    server.restart();
    CHECK(server.count("select 1") == 1);
}

namespace {

/// libpq as everybody uses it.
struct guest {
    explicit guest(const std::string& url) : c(PQconnectdb(url.c_str())) {}
    ~guest() { PQfinish(c); }
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;

    bool connected() const { return PQstatus(c) == CONNECTION_OK; }
    std::string ask(const std::string& text) {
        PGresult* const r = PQexec(c, text.c_str());
        std::string made = PQresultStatus(r) == PGRES_TUPLES_OK ? PQgetvalue(r, 0, 0) : PQerrorMessage(c);
        PQclear(r);
        return made;
    }

    PGconn* const c;
};

}  // namespace

TEST_CASE("the proxy passes everything on, also byte by byte, and loses the answer that it is told to lose") {
    postgres_server& server = postgres_server::shared();
    server.sql("create table if not exists lost(n int)");
    server.sql("grant all on lost to clerk");
    test::fault_proxy proxy(server.port());
    const std::string url = postgres_server::url_at(proxy.port(), "sslmode=disable");
    using loss = test::fault_proxy::loss;
    const std::vector<std::pair<loss, int>> ways{{loss::before_execution, 0}, {loss::after_execution, 1}};
    for (const auto& [how, rows] : ways) {
        server.sql("truncate lost");
        guest one(url);
        REQUIRE(one.connected());
        proxy.lose_answer_to("commit", how);
        one.ask("begin");
        CHECK(one.ask("insert into lost values (1) returning n") == "1");
        CHECK(one.ask("commit").find("server closed the connection") != std::string::npos);
        CHECK(server.count("select count(*) from lost") == rows);
    }
    CHECK(proxy.losses() == 2);
    CHECK(proxy.connections() == 2);
    CHECK(proxy.requests().find("insert into lost") != std::string::npos);

    proxy.set(test::fault_proxy::fault::slices);
    guest two(url);
    CHECK(two.ask("select repeat('x', 1000)").size() == 1000);
    proxy.set(test::fault_proxy::fault::hang_up);
    CHECK_FALSE(guest(url).connected());
    proxy.set(test::fault_proxy::fault::none);
    proxy.reset();
    CHECK_FALSE(two.ask("select 1") == "1");
    server.sql("drop table lost");
}

TEST_CASE("an inverted byte breaks a connection with TLS, and a black hole keeps what it took") {
    postgres_server& server = postgres_server::shared();
    test::fault_proxy proxy(server.port());
    guest one(postgres_server::url_at(proxy.port(), "sslmode=verify-full&sslrootcert=" + server.ca_file()));
    REQUIRE(one.connected());
    proxy.set(test::fault_proxy::fault::mute_replies);
    REQUIRE(PQsendQuery(one.c, "select 7") == 1);
    const auto answered = [&] { return PQconsumeInput(one.c) == 1 && PQisBusy(one.c) == 0; };
    CHECK_FALSE(test::wait_until(answered, std::chrono::milliseconds(50)));
    proxy.set(test::fault_proxy::fault::none);
    CHECK(test::wait_until(answered));
    while (PGresult* r = PQgetResult(one.c)) PQclear(r);
    proxy.corrupt_reply(20);
    CHECK_FALSE(one.ask("select 7") == "7");
    CHECK(proxy.corrupted());
    CHECK(proxy.requests().find("select 7") == std::string::npos);
}
