// SPDX-License-Identifier: BSL-1.0
// What goes into PostgreSQL and comes out of it.
#include "session.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace kedge;
using test::opened;

TEST_CASE("values of every type go into a table and come back") {
    const auto c = opened();
    REQUIRE_FALSE(c->run("create temp table t(b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, s text, "
                         "v varchar(9), j json, jb jsonb, x bytea, at timestamptz, id uuid, missing int4)").ec);
    const timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 2 / 28) + std::chrono::microseconds(1);
    const uuid id{{0x6b, 0x65, 0x64, 0x67, 0x65, 0x2e, 0x4e, 0x2e, 0xa9, 0xb0, 0, 0, 0, 0, 0, 1}};
    const auto put = c->run("insert into t values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)",
                            params(true, -32768, 2147483647, std::numeric_limits<std::int64_t>::min(), 0.5, 0.1, "19.90",
                                   "é\n'\\", "", R"({"a": 1})", R"({"a":1})", blob{std::byte{0}, std::byte{255}}, at, id,
                                   nullptr));
    INFO(put.report.said.text());
    REQUIRE_FALSE(put.ec);
    CHECK(put.result.affected().rows == 1);
    const auto got = c->run("select * from t").result;
    const auto row = got.as<bool, int, int, std::int64_t, double, double, std::string_view, std::string_view, std::string_view,
                            std::string_view, std::string_view, blob, timestamp, uuid, std::optional<int>>().front();
    CHECK(row == std::tuple(true, -32768, 2147483647, std::numeric_limits<std::int64_t>::min(), 0.5, 0.1,
                            std::string_view("19.90"), std::string_view("é\n'\\"), std::string_view(""),
                            std::string_view(R"({"a": 1})"), std::string_view(R"({"a": 1})"),
                            blob{std::byte{0}, std::byte{255}}, at, id, std::optional<int>()));
    CHECK(got.column_name(12) == "at");
    CHECK(got.affected().rows == 0);
}

TEST_CASE("floating point comes back as it went, not numbers and infinities included") {
    const auto c = opened();
    for (const double v : {0.1, -0.0, 1e308, 5e-324, 123456789.123456789, std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
        CAPTURE(v);
        CHECK(c->value<double>("select $1::float8", params(v)) == v);
    }
    CHECK(std::isnan(c->value<double>("select $1::float8", params(std::nan("")))));
    CHECK(std::isinf(c->value<double>("select 'infinity'::float4")));
}

TEST_CASE("an empty blob and an empty text are not NULL") {
    const auto c = opened();
    CHECK(c->value<blob>("select $1::bytea", params(blob{})).empty());
    CHECK(c->value<std::string>("select $1", params("")).empty());
    CHECK_FALSE(c->value<std::optional<std::string>>("select $1", params(nullptr)));
}

TEST_CASE("arrays of integers and of text, with NULL, quotes and nothing in them") {
    const auto c = opened();
    const std::vector<std::optional<std::int64_t>> numbers{1, std::nullopt, -3};
    CHECK(c->value<std::vector<std::optional<std::int64_t>>>("select $1::int8[]", params(numbers)) == numbers);
    CHECK(c->value<std::vector<int>>("select '{}'::int4[]").empty());
    CHECK(c->value<std::vector<int>>("select '{7}'::int2[]") == std::vector{7});
    const std::vector<std::optional<std::string>> texts{"a", std::nullopt, "NULL", "", "b,c", "{", "\"\\", "é"};
    CHECK(c->value<std::vector<std::optional<std::string>>>("select $1::text[]", params(texts)) == texts);
    CHECK(c->value<std::vector<std::string>>("select $1::varchar[]", params(std::vector<std::string>{"x y"})) ==
          std::vector<std::string>{"x y"});
    CHECK(c->value<std::string>("select '{{1,2},{3,4}}'::int4[]") == "{{1,2},{3,4}}");
    CHECK(c->value<std::string>("select '{{a},{b}}'::text[]") == "{{a},{b}}");
    CHECK(c->value<std::string>("select '[2:3]={1,2}'::int4[]") == "[2:3]={1,2}");
}

TEST_CASE("moments have no zone of their own, and what is no moment is text") {
    const auto c = opened();
    CHECK(c->value<timestamp>("select '2026-11-25 09:30:00+05:30'::timestamptz") ==
          std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::hours(4));
    CHECK(c->value<std::string>("select 'infinity'::timestamptz") == "infinity");
    CHECK(c->value<std::string>("select '2026-11-25'::date") == "2026-11-25");
    CHECK(c->value<std::string>("show timezone") == "UTC");
    const auto elsewhere = opened("options=-c%20TimeZone%3DAsia/Tokyo");
    CHECK(elsewhere->value<std::string>("show timezone") == "Asia/Tokyo");
    CHECK(elsewhere->value<timestamp>("select $1::timestamptz", params(timestamp())) == timestamp());
}

TEST_CASE("the old form of bytea is read, too") {
    const auto c = opened();
    REQUIRE_FALSE(c->run("set bytea_output = escape").ec);
    CHECK(c->value<blob>("select '\\x00ff41'::bytea") == blob{std::byte{0}, std::byte{255}, std::byte{'A'}});
}

TEST_CASE("enums, domains and other types are text, as the server writes them") {
    const auto c = opened();
    CHECK(c->value<std::string>("select 'a'::\"char\"") == "a");
    CHECK(c->value<std::string>("select '1 day 02:00'::interval") == "1 day 02:00:00");
    CHECK(c->value<std::string>("select 12.50::numeric(9,3)") == "12.500");
    CHECK(c->value<std::string>("select '10.0.0.1/8'::inet") == "10.0.0.1/8");
}

TEST_CASE("bad statements end in clear errors, and the connection stays clean") {
    const auto c = opened();
    CHECK(c->run("select $1::int").ec == sql_errc::parameter_count);
    CHECK(c->run("select 1", params(1)).ec == sql_errc::parameter_count);
    CHECK(c->run("select 1; select 2").ec == sql_errc::several_statements);
    CHECK(c->run("select 1; -- a comment").ec == error_code());
    CHECK(c->run(" -- nothing").ec == sql_errc::empty_statement);
    CHECK(c->run("select $1", params("\xff")).ec == sql_errc::invalid_utf8);
    CHECK(c->run("select $1", params(std::string(1, '\0'))).ec == sql_errc::nul_in_text);
    CHECK(c->run(dynamic_sql(std::string("select 1\0", 9))).ec == sql_errc::nul_in_text);
    CHECK(c->run("selec").ec == postgres::errc::syntax_error);
    CHECK(c->run("select $1::int", params("x")).ec == postgres::errc::invalid_text_representation);
    CHECK(c->run("select * from nowhere").ec == postgres::errc::undefined_table);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("what the server says goes into the report") {
    const auto c = opened();
    c->run("create temp table t(v text unique)");
    c->run("insert into t values ('a')");
    const auto again = c->run("insert into t values ('a')");
    CHECK(again.ec == postgres::errc::unique_violation);
    CHECK(again.report.said.code() == "23505");
    CHECK(again.report.said.text() == "duplicate key value violates unique constraint \"t_v_key\"");
    CHECK(postgres::sqlstate(again.ec) == "23505");
}

TEST_CASE("affected rows, also of a statement that returns them, and none for a query or DDL") {
    const auto c = opened();
    CHECK(c->run("create temp table t(i int)").result.affected().rows == 0);
    CHECK(c->run("insert into t values (1), (2) returning i").result.affected().rows == 2);
    CHECK(c->run("update t set i = i + 1").result.affected().rows == 2);
    CHECK(c->run("delete from t where i = 2").result.affected().rows == 1);
    CHECK(c->run("select * from t").result.affected().rows == 0);
}

TEST_CASE("COPY is refused, and the connection that is out of step is given up") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    const auto got = c->run("copy t from stdin");
    CHECK(got.ec == postgres::errc::feature_not_supported);
    CHECK((*c)->state() == reuse::broken);
    CHECK(c->run("select 1").ec == boost::asio::error::not_connected);
}
