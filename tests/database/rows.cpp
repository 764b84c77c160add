// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/sql/rows_builder.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

TEST_CASE("moments, UUIDs and arrays come out typed, an element that is NULL only where it may be") {
    using namespace std::chrono;
    const timestamp at = sys_days(2026y / November / 25) + 9h + 30min + 250ms;
    const uuid id{{0x6b, 0x65, 0x64, 0x67, 0x65, 0x2e, 0x4e, 0x2e, 0xa9, 0xb0, 0, 0, 0, 0, 0, 1}};
    rows_builder made({"at", "id", "counts", "words"});
    made.moment(at), made.id(id), made.integers({1, std::nullopt, -3}), made.texts({"é", "", std::nullopt});
    made.text("2026-11-25 15:00:00.25+05:30"), made.text("6b656467-652e-4E2E-a9b0-000000000001");
    made.integers({}), made.texts({});
    const rows all = std::move(made).take();

    using counts = std::vector<std::optional<int>>;
    using words = std::vector<std::optional<std::string_view>>;
    const auto typed = all.as<timestamp, uuid, counts, words>();
    const auto& [when, who, numbers, texts] = typed[0];
    CHECK(when == at);
    CHECK(who == id);
    CHECK(numbers == counts{1, std::nullopt, -3});
    CHECK(texts == words{"é", "", std::nullopt});
    const auto& [when_too, who_too, no_numbers, no_texts] = typed[1];
    CHECK(when_too == at);
    CHECK(who_too == id);
    CHECK((no_numbers.empty() && no_texts.empty()));

    CHECK_THROWS_WITH((all.as<timestamp, uuid, std::vector<int>, words>()),
                      Contains("column 3 \"counts\" is an array of integers in row 1, asked for std::vector<std::int32_t>"));
    CHECK_THROWS_WITH((all.as<timestamp, uuid, std::vector<std::optional<std::uint16_t>>, words>()), Contains("column 3"));
    CHECK_THROWS_WITH((all.as<timestamp, std::string, counts, words>()), Contains("column 2 \"id\" is a UUID"));
    CHECK_THROWS_WITH((all.as<std::int64_t, uuid, counts, words>()), Contains("column 1 \"at\" is a timestamp"));
}

TEST_CASE("a moment's text goes there and back, whatever its offset, and never without one") {
    using namespace std::chrono;
    for (const timestamp at : {timestamp(), timestamp(-1us), timestamp(sys_days(1600y / February / 29) + 1us),
                               timestamp(sys_days(year(-43) / March / 15)),
                               timestamp(sys_days(9999y / December / 31) + 86'399s)}) {
        CAPTURE(detail::to_text(at));
        CHECK(detail::parse_timestamp(detail::to_text(at)) == at);
    }
    CHECK(detail::to_text(timestamp(250ms)) == "1970-01-01 00:00:00.250000+00:00");
    CHECK(detail::parse_timestamp("1970-01-01T00:00:00.1234567Z") == timestamp(123'456us));
    CHECK(detail::parse_timestamp("1970-01-01 00:00:00-01:30") == timestamp(90min));
    for (const char* bad : {"", "1970-01-01", "1970-01-01 00:00:00", "1970-02-30 00:00:00Z", "1970-01-01 24:00:00Z", "infinity",
                            "1970-01-01 00:00:00.Z", "1970-01-01 00:00:00+", "1970-01-01 00:00:00Zz", "99999-01-01 00:00:00Z"}) {
        CAPTURE(bad);
        CHECK_FALSE(detail::parse_timestamp(bad));
    }
    for (const char* bad : {"", "6b656467-652e-4e2e-a9b0-00000000000", "6b656467-652e-4e2e-a9b0-00000000000g",
                            "6b6564670652e-4e2e-a9b0-000000000001", "-b656467-652e-4e2e-a9b0-000000000001"}) {
        CAPTURE(bad);
        CHECK_FALSE(detail::parse_uuid(bad));
    }
}

TEST_CASE("parameters may be moments, UUIDs and arrays") {
    using namespace std::chrono;
    const system_clock::time_point at = sys_days(2026y / November / 25) + 1234ns;
    const params given(at, uuid{{1}}, std::vector<std::int32_t>{1, 2},
                       std::vector<std::optional<std::string>>{"a", std::nullopt}, std::optional<timestamp>{});
    CHECK(std::get<timestamp>(given[0]) == sys_days(2026y / November / 25) + 1us);
    CHECK(std::get<uuid>(given[1]) == uuid{{1}});
    CHECK(std::get<integer_array>(given[2]) == integer_array{1, 2});
    CHECK(std::get<text_array>(given[3]) == text_array{"a", std::nullopt});
    CHECK(std::holds_alternative<std::monostate>(given[4]));
    CHECK_THROWS_AS(params(std::vector<std::uint64_t>{1, std::uint64_t(1) << 63}), std::out_of_range);
    CHECK(check_statement("select $1", params(std::vector<std::string>{"good", "\xff"})) == sql_errc::invalid_utf8);
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
