// SPDX-License-Identifier: BSL-1.0
// What the tests of PostgreSQL stand on holds itself.
#include "../support/catch.hpp"
#include "server.hpp"
#include "wait.hpp"

#include <filesystem>
#include <string>

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
