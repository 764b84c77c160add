// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/postgres/url.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace kedge;

namespace {

std::string setting(const postgres::location& where, std::string_view key) {
    for (const auto& [name, value] : where.settings)
        if (name == key) return value;
    return "(not set)";
}

std::string refusal(const std::string& url) {
    try {
        postgres::parse_url(url);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "accepted";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the parts of a URL, percent encoding decoded") {
    const auto where = postgres::parse_url("postgresql://sh%40p:p%3Aw%2F@db.example.com:6543/orders?application_name=till");
    REQUIRE(where.servers.size() == 1);
    CHECK(where.servers[0].host == "db.example.com");
    CHECK(where.servers[0].port == "6543");
    CHECK(where.servers[0].address.empty());
    CHECK(setting(where, "user") == "sh@p");
    CHECK(setting(where, "password") == "p:w/");
    CHECK(setting(where, "dbname") == "orders");
    CHECK(setting(where, "application_name") == "till");
}

TEST_CASE("what a URL leaves out has a default of kedge's own") {
    const auto where = postgres::parse_url("postgres://shop@db.example.com");
    CHECK(where.servers[0].port == "5432");
    CHECK(setting(where, "dbname") == "shop");
    CHECK(setting(where, "application_name") == "kedge");
    CHECK(setting(where, "gssencmode") == "disable");
    CHECK(setting(where, "ssl_min_protocol_version") == "TLSv1.2");
    CHECK(setting(where, "passfile") == "/dev/null/none");
    CHECK(setting(where, "client_encoding") == "UTF8");
    CHECK(setting(where, "tcp_user_timeout") == "15000");
    CHECK(setting(where, "service") == "(not set)");  // an empty one would be looked for
    CHECK(where.prepared);
    CHECK_FALSE(where.always_reset);
}

TEST_CASE("a remote host is verified unless the URL says otherwise; what does not leave the machine is not encrypted") {
    const auto mode = [](const char* url) { return postgres::parse_url(url).servers[0].sslmode; };
    CHECK(mode("postgresql://u@db.example.com/d") == "verify-full");
    CHECK(mode("postgresql://u@192.0.2.1/d") == "verify-full");
    CHECK(mode("postgresql://u@[2001:db8::1]/d") == "verify-full");
    CHECK(mode("postgresql://u@db.example.com/d?hostaddr=192.0.2.1") == "verify-full");
    CHECK(mode("postgresql://u@localhost.example.com/d") == "verify-full");
    CHECK(mode("postgresql://u@localhost/d?hostaddr=192.0.2.1") == "verify-full");
    CHECK(mode("postgresql://u@localhost/d") == "disable");
    CHECK(mode("postgresql://u@127.0.0.2/d") == "disable");
    CHECK(mode("postgresql://u@[::1]/d") == "disable");
    CHECK(mode("postgresql://u@/d?host=/var/run/postgresql") == "disable");
    CHECK(mode("postgresql://u@db.example.com/d?sslmode=require") == "require");
    CHECK(mode("postgresql://u@localhost/d?sslmode=require") == "require");
}

TEST_CASE("several servers, each with its port") {
    const auto where = postgres::parse_url("postgresql://u@one.example.com:1,two.example.com:2/d");
    REQUIRE(where.servers.size() == 2);
    CHECK(where.servers[1].host == "two.example.com");
    CHECK(where.servers[1].port == "2");
    const auto shared = postgres::parse_url("postgresql://u@one.example.com,127.0.0.1/d?port=7");
    CHECK(shared.servers[0].port == "7");
    CHECK(shared.servers[1].address == "127.0.0.1");
    CHECK(shared.servers[1].sslmode == "disable");
}

TEST_CASE("kedge's own parameters are not libpq's") {
    const auto where = postgres::parse_url("postgresql://u@localhost/d?prepared=off&reset=always&options=-c%20"
                                           "TimeZone%3DAsia/Tokyo");
    CHECK_FALSE(where.prepared);
    CHECK(where.always_reset);
    CHECK(where.own_time_zone);
    CHECK(has(refusal("postgresql://u@localhost/d?prepared=maybe"), "prepared is either on or off"));
    CHECK(has(refusal("postgresql://u@localhost/d?reset=1"), "reset is either always or auto"));
}

TEST_CASE("what follows a secret that was not escaped may be a piece of it, and is not repeated") {
    const auto refused = [](const std::string& query, const char* why) {
        const std::string text = refusal("postgresql://u" + query);
        CAPTURE(query, text);
        CHECK(has(text, why));
        CHECK_FALSE(has(text, "cret"));
    };
    refused("@h/d?password=s3&cret=x",
            "parameter 2 is none; & in a value is written as %26, ? in a password as %3F, and @ as %40");
    refused("@h/d?sslmode=require&password=s3&x&cret=x", "a parameter without a value");
    refused("@h/d?sslmode=require&password=s3&connect_timeout=1&cret=x", "parameter 4 is none");
    refused("@h/d?sslpassword=s3&cret=x", "parameter 2 is none");
    refused("@h/d?pass%77ord=s3&cret=x", "parameter 1 is none");
    refused("@h/d?application_name=s3&%70assword=s3&cret=x", "parameter 2 is none");
    refused(":s3?cret=x", "parameter 1 is none");
    refused("@h/d?application_name=s3&%63ret=x", "parameter 2 is none");
    refused(":12?cret=x@h/d", "parameter 1 is none");
    refused(":s3?cret=x@h/d", "parameter 1 is none");
    refused(":s3?application_name=x&cret=y@h/d", "parameter 2 is none");
    CHECK(has(refusal("postgresql://u:s3@h/d?pasword=s3"), "there is no parameter \"pasword\""));
    CHECK(has(refusal("postgresql://[::1]:5432/d?pasword=s3"), "there is no parameter \"pasword\""));
    CHECK(has(refusal("postgresql://u@h/d?sslmode=require&ssl_mode=x&password=s3"), "there is no parameter \"ssl_mode\""));
}

TEST_CASE("a broken URL is named with the accepted forms, and its password is not repeated") {
    const auto refused = [](const std::string& url, const char* why) {
        const std::string text = refusal(url);
        CAPTURE(url, text);
        CHECK(has(text, why));
        CHECK(has(text, postgres::accepted_urls));
        CHECK_FALSE(has(text, "s3cret"));
    };
    refused("mysql://u:s3cret@h/d", "PostgreSQL only");
    refused("postgresql:/u:s3cret@h", "PostgreSQL only");
    refused("postgresql://u:s3cret%zz@h/d", "malformed");
    refused("postgresql://u:s3cret@[::1/d", "malformed");
    refused("postgresql://u:s3cret@h/d?pasword=s3cret", "there is no parameter \"pasword\"");
    refused("postgresql://u:s3cret@h/d?sslmode", "a parameter without a value");
    refused("postgresql://u:s3cret@h/d?sslmode=full", "sslmode is one of");
    refused("postgresql://u:s3cret@h:0/d", "a port is a number from 1 to 65535");
    refused("postgresql://u:s3cret@h:70000/d", "a port is a number from 1 to 65535");
    refused("postgresql://u:s3cret@/d", "the host is missing");
    refused("postgresql://u:s3cret@h,/d", "the host is missing");
    refused("postgresql://u:s3cret@a,b,c/d?port=1,2", "one port for all hosts");
    refused("postgresql://u:s3cret@h/d?hostaddr=nonsense", "hostaddr is an IP address");
    refused("postgresql://u:s3cret@h/d?service=x", "service would take the configuration from a file");
    refused("postgresql://u:s3cret@h/d?sslrootcert=/no/such/file", "the file of sslrootcert cannot be read");
    refused("postgresql://u:s3cret@h/d?target_session_attrs=prefer-standby", "prefer-standby is not supported");
    refused("postgresql://u:s3cret\xff@h/d", "NUL or invalid UTF-8");
}
