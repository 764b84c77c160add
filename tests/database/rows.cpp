// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/sql/connection_concept.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace kedge;
using Catch::Matchers::Contains;

namespace {

rows orders() {
    rows_builder made({"id", "total", "note"});
    made.integer(1), made.text("19.90"), made.null();
    made.integer(3'000'000'000), made.text("5.00"), made.text("gift");
    return std::move(made).take();
}

}  // namespace

TEST_CASE("rows come out typed, NULL as an empty optional") {
    const rows all = orders();
    std::int64_t ids = 0;
    int nulls = 0;
    for (auto [id, total, note] : all.as<std::int64_t, std::string_view, std::optional<std::string>>()) {
        ids += id;
        nulls += note ? 0 : 1;
        CHECK_FALSE(total.empty());
    }
    CHECK(ids == 3'000'000'001);
    CHECK(nulls == 1);
}

TEST_CASE("a wrong type is refused before the first row, by column and row") {
    const rows all = orders();
    CHECK_THROWS_WITH((all.as<std::int64_t, std::string_view, std::string_view>()),
                      Contains("column 3 \"note\" is NULL in row 1") && Contains("std::optional<std::string_view>"));
    CHECK_THROWS_WITH((all.as<std::int64_t, double, std::optional<std::string>>()),
                      Contains("column 2 \"total\" is text in row 1, asked for double"));
    CHECK_THROWS_WITH((all.as<std::int32_t, std::string, std::optional<std::string>>()),
                      Contains("column 1 \"id\" is an integer (3000000000) in row 2, asked for std::int32_t"));
    CHECK_THROWS_WITH((all.as<std::int64_t>()), Contains("3 columns (id, total, note), asked for 1"));
    CHECK_THROWS_AS((all.as<std::int64_t, std::string, std::optional<std::string>>()[2]), bad_rows);
}

TEST_CASE("texts of a result survive its move") {
    rows first = orders();
    const auto text = std::get<1>(first.as<std::int64_t, std::string_view, std::optional<std::string>>()[1]);
    const rows second = std::move(first);
    CHECK(text == "5.00");
    CHECK(second.size() == 2);
}

TEST_CASE("parameters own their values") {
    std::string name = "Ann";
    const params given(1, name, std::optional<int>{}, nullptr, true, 2.5, blob{std::byte{7}}, "text");
    name = "gone";
    REQUIRE(given.size() == 8);
    CHECK(std::get<std::int64_t>(given[0]) == 1);
    CHECK(std::get<std::string>(given[1]) == "Ann");
    CHECK(std::holds_alternative<std::monostate>(given[2]));
    CHECK(std::holds_alternative<std::monostate>(given[3]));
    CHECK(std::get<bool>(given[4]));
    CHECK_THROWS_AS(params(std::uint64_t(1) << 63), std::out_of_range);
}

TEST_CASE("NUL and invalid UTF-8 are found in texts and values") {
    const std::string nul("a\0b", 3);
    CHECK(check_statement("select 1", params("é€😀")) == error_code());
    CHECK(check_statement(dynamic_sql("select '" + nul + "'"), {}) == sql_errc::nul_in_text);
    CHECK(check_statement("select $1", params(nul)) == sql_errc::nul_in_text);
    for (const char* bad : {"\x80", "\xC0\xAF",
                            "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5", "\xE2\x82", "é\xC3"}) {
        CAPTURE(bad);
        CHECK(check_statement("select $1", params(bad)) == sql_errc::invalid_utf8);
    }
    CHECK(check_statement("select $1", params(blob(3))) == error_code());
}

TEST_CASE("a bad statement is the application's error, not the server's") {
    CHECK(classify_sql(sql_errc::parameter_count) == verdict{kind::success, replay::never});
    CHECK(classify_sql(boost::asio::error::connection_refused).again == replay::always);
}
