// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/sqlite/url.hpp>

#include <string>

using kedge::sqlite::access;
using kedge::sqlite::parse_url;
using Catch::Matchers::Contains;

TEST_CASE("the forms of a URL") {
    CHECK(parse_url("sqlite:/var/lib/shop.db").path == "/var/lib/shop.db");
    CHECK(parse_url("sqlite:///var/lib/shop.db").path == "/var/lib/shop.db");
    CHECK(parse_url("sqlite:shop.db").path == "shop.db");
    CHECK(parse_url("sqlite:my%20shop%3f.db").path == "my shop?.db");
    CHECK(parse_url("sqlite:shop.db").mode == access::read_write_create);
    CHECK(parse_url("sqlite:shop.db?mode=ro").mode == access::read_only);
    CHECK(parse_url("sqlite:shop.db?mode=rw").mode == access::read_write);
    CHECK(parse_url("sqlite::memory:").in_memory);
    CHECK_FALSE(parse_url("sqlite:shop.db").in_memory);
}

TEST_CASE("a bad URL is answered with the accepted forms") {
    for (const char* bad : {"", "shop.db", "sqlite:", "sqlite://host/shop.db", "sqlite:shop.db?mode=x", "sqlite:shop.db?cache=1",
                            "sqlite:a%2", "sqlite:a%00b", "sqlite::temp:", "sqlite:\xff"}) {
        CAPTURE(bad);
        CHECK_THROWS_WITH(parse_url(bad), Contains("sqlite:/path/to/file.db") && Contains("sqlite::memory:"));
    }
}

TEST_CASE("a message about a URL repeats its scheme and no secret") {
    try {
        parse_url("https://user:hunter2@api.database-service.com/db");
        FAIL("accepted");
    } catch (const std::invalid_argument& e) {
        CHECK_THAT(e.what(), Contains("https:") && !Contains("hunter2") && !Contains("user"));
    }
}
