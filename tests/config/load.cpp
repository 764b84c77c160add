// SPDX-License-Identifier: BSL-1.0
#include "../support/property.hpp"
#include "folder.hpp"

#include <kedge/config/clients.hpp>
#include <kedge/config/documents.hpp>

#include <chrono>

using namespace config_test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace config = kedge::config;

TEST_CASE("code outranks the environment, that .env.local, that .env, and that the default") {
    const folder f;
    environment process, code;
    const auto now = [&] {
        const configuration c = f.load(process, code);
        return std::pair(c.values.payment.max_retries, source_of(c, "PAYMENT_RETRY_ATTEMPTS"));
    };
    CHECK(now() == std::pair(kedge::payment_options{}.max_retries, std::string("default")));
    f.write(".env", "# retries\nKEDGE_PAYMENT_RETRY_ATTEMPTS=4\n");
    CHECK(now() == std::pair(4, std::string(".env:2")));
    f.write(".env.local", "KEDGE_PAYMENT_RETRY_ATTEMPTS=5");
    CHECK(now() == std::pair(5, std::string(".env.local:1")));
    process["KEDGE_PAYMENT_RETRY_ATTEMPTS"] = "6";
    CHECK(now() == std::pair(6, std::string("environment")));
    code["PAYMENT_RETRY_ATTEMPTS"] = "7";
    CHECK(now() == std::pair(7, std::string("code")));
    process["KEDGE_PAYMENT_RETRY_ATTEMPTS"] = code["PAYMENT_RETRY_ATTEMPTS"] = "";  // empty: not set
    CHECK(now() == std::pair(5, std::string(".env.local:1")));
}

TEST_CASE("the process's environment is what is read without another one") {
    ::setenv("KEDGE_PAYMENT_RETRY_ATTEMPTS", "9", 1);
    CHECK(config::load({.folder = {}}).values.payment.max_retries == 9);
    ::unsetenv("KEDGE_PAYMENT_RETRY_ATTEMPTS");
    CHECK(config::load({.process = environment(), .folder = {}}).values.payment.max_retries == 3);
}

TEST_CASE("forms and ranges") {
    struct example {
        const char *name, *text, *shown;  ///< shown: null if it is refused
    };
    const example all[] = {
        {"PAYMENT_TIMEOUT", "5000", "5s"},
        {"PAYMENT_TIMEOUT", "250ms", "250ms"},
        {"PAYMENT_TIMEOUT", "5s", "5s"},
        {"PAYMENT_TIMEOUT", "1", "1ms"},
        {"PAYMENT_TIMEOUT", "0", nullptr},
        {"PAYMENT_TIMEOUT", "999us", nullptr},
        {"PAYMENT_TIMEOUT", "-5", nullptr},
        {"PAYMENT_TIMEOUT", "+5", nullptr},
        {"PAYMENT_TIMEOUT", "5 s", nullptr},
        {"PAYMENT_TIMEOUT", "1.5s", nullptr},
        {"PAYMENT_TIMEOUT", "5S", nullptr},
        {"PAYMENT_TIMEOUT", "s", nullptr},
        {"PAYMENT_TIMEOUT", "11m", nullptr},
        {"HEALTH_INTERVAL", "2m", "2m"},
        {"HEALTH_INTERVAL", "5000", nullptr},
        {"HEALTH_INTERVAL", "960279148400995h", nullptr},  // 5 s, if it were multiplied modulo 2^64
        {"HEALTH_INTERVAL", "30", nullptr},
        {"HEALTH_INTERVAL", "1h", "1h"},
        {"HEALTH_INTERVAL", "3601s", nullptr},
        {"DB_CONNECTION_TIMEOUT", "30000", "30s"},
        {"HEALTH_INTERVAL", "18446744073709551616s", nullptr},
        {"HEALTH_INTERVAL", "9223372036854775807h", nullptr},
        {"DB_MAX_CONNECTIONS", "1", "1"},
        {"DB_MAX_CONNECTIONS", "0", nullptr},
        {"DB_MAX_CONNECTIONS", "10001", nullptr},
        {"DB_MAX_CONNECTIONS", "20x", nullptr},
        {"DB_MAX_CONNECTIONS", "4294967297", nullptr},
        {"PAYMENT_RETRY_ATTEMPTS", "0", "0"},
        {"PAYMENT_RETRY_ATTEMPTS", "11", nullptr},
        {"LOG_LEVEL", "WARNING", "warning"},
        {"LOG_LEVEL", "loud", nullptr},
        {"LOG_FORMAT", "json", "json"},
        {"LOG_SINKS", "console", "console"},
        {"LOG_SINKS", "console,", nullptr},
        {"LOG_SINKS", "syslog", nullptr},
        {"BYPASS", "database, payment", "payment,database"},
        {"AWS_REGION", "eu-central-1", "eu-central-1"},
        {"AWS_REGION", "eu/../x", nullptr},
        {"AWS_USE_FIPS_ENDPOINT", "True", "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT", "yes", nullptr},
        {"CLOUDWATCH_GROUP", "/shop/a.b_c#1", "/shop/a.b_c#1"},
        {"CLOUDWATCH_GROUP", "a b", nullptr},
        {"CLOUDWATCH_STREAM", "a:b", nullptr},
        {"CLOUDWATCH_SPOOL", "/var/spool/my shop", "/var/spool/my shop"},
        {"PAYMENT_SERVICE_URL", "https://api.payment-service.com", "https://api.payment-service.com"},
        {"PAYMENT_SERVICE_URL", "https://h/v1", "https://h/…"},
        {"PAYMENT_SERVICE_URL", "http://h", nullptr},
        {"PAYMENT_SERVICE_URL", "https://u@h", nullptr},
        {"PAYMENT_SERVICE_URL", "https://", nullptr},
        {"PAYMENT_SERVICE_URL", "h", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h:8443/v1", "https://h:8443/…"},
        {"PAYMENT_SERVICE_URL", "https://[::1]:8443", "https://[::1]:8443"},
        {"PAYMENT_SERVICE_URL", "https://[::1]", "https://[::1]"},
        {"PAYMENT_SERVICE_URL", "https://[::1", nullptr},
        {"PAYMENT_SERVICE_URL", "https://[::1]8443", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h:65535", "https://h:65535"},
        {"PAYMENT_SERVICE_URL", "https://h:65536", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h:0", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h:", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h:http", nullptr},
        {"PAYMENT_SERVICE_URL", "https://:443", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h/v1?key=x", nullptr},
        {"PAYMENT_SERVICE_URL", "https://h#x", nullptr},
        {"CLOUDWATCH_ENDPOINT", "http://127.0.0.1:4566", "http://127.0.0.1:4566"},
        {"CLOUDWATCH_ENDPOINT", "http://127.0.0.1:4566x", nullptr},
        {"DATABASE_SERVICE_URL", "sqlite:a.db?mode=ro", "sqlite:a.db?…"},
        {"DATABASE_SERVICE_URL", "a.db", nullptr},
        {"DATABASE_SERVICE_URL", "https://api.database-service.com", "https://api.database-service.com"},
    };
    for (const example& e : all) {
        CAPTURE(e.name, e.text);
        const config::row& r = *config::find_row(e.name);
        config::settings s;
        const auto why = config::set(r, s, e.text);
        CHECK(why.has_value() == (e.shown == nullptr));
        CHECK(config::shown(r, s) == (e.shown ? e.shown : config::shown(r, config::settings{})));
    }
    for (const char* large : {"10001", "2147483648", "99999999999999999999"}) {
        config::settings s;
        CHECK(config::set(*config::find_row("DB_MAX_CONNECTIONS"), s, large) == "out of range");
    }
}

TEST_CASE("one variable for both clients sets both") {
    const configuration c = config::load({.code = {{"HEALTH_INTERVAL", "7s"}}, .process = environment(), .folder = {}});
    CHECK(c.values.payment.health_interval == 7s);
    CHECK(c.values.database.health_interval == 7s);
    CHECK(kedge::payment_options{}.health_interval == kedge::database_options{}.health_interval);
}

TEST_CASE("all errors at once, each with variable, value, form, default and source") {
    const folder f;
    f.write(".env",
            "KEDGE_PAYMENT_TIMEOUT=5 parsecs\nKEDGE_DB_MAX_CONNECTIONS=0\nwhat\nKEDGE_PAYMENT_TIMEOT=1s\n"
            "KEDGE_LOG_LEVEL=info\nKEDGE_LOG_LEVEL=debug\nKEDGE_PAYMENT_API_KEY=your_api_key\n");
    const environment process{{"KEDGE_LOG_FORMAT", "x\ny\x1b[2J"}, {"AWS_SECRET_ACCESS_KEY", "canary"}};
    CHECK(refusal(f.options(process, {{"LOG_SINKS", "cloudwatch"}, {"LOG_SINK", "console"}})) ==
          "kedge: 8 settings cannot be used\n"
          "  .env:3:5: = must follow the name\n"
          "  .env:6: KEDGE_LOG_LEVEL: set already by .env:5\n"
          "  .env:1: KEDGE_PAYMENT_TIMEOUT = 5 parsecs: not a duration; accepted: 1ms to 10m; a number alone is milliseconds; "
          "default: 5s\n"
          "  .env:2: KEDGE_DB_MAX_CONNECTIONS = 0: out of range; accepted: 1 to 10000; default: 20\n"
          "  environment: KEDGE_LOG_FORMAT = x?y?[2J: none of these; accepted: python, json; default: python\n"
          "  code: LOG_SINK: no setting; nearest: LOG_SINKS\n"
          "  KEDGE_AWS_ACCESS_KEY_ID: missing; it belongs to KEDGE_AWS_SECRET_ACCESS_KEY = *** (environment, "
          "AWS_SECRET_ACCESS_KEY); accepted: visible ASCII characters\n"
          "  KEDGE_CLOUDWATCH_GROUP: missing; needed by KEDGE_LOG_SINKS = cloudwatch (code); accepted: 1 to 512 of A-Z a-z "
          "0-9 _ - / . #\n"
          "  note: KEDGE_PAYMENT_API_KEY (.env:7) is a placeholder and counts as not set\n"
          "  note: KEDGE_PAYMENT_TIMEOT (.env:4): no setting; nearest: KEDGE_PAYMENT_TIMEOUT");
}

TEST_CASE("unknown names are noted, or errors where that is asked for") {
    const environment process{{"KEDGE_DB_MAX_CONECTIONS", "canary"}, {"KEDGE_XYZZY", "canary"}, {"PATH", "/bin"}};
    load_options options{.process = process, .folder = {}};
    CHECK(config::load(options).notes ==
          std::vector<std::string>{"KEDGE_DB_MAX_CONECTIONS (environment): no setting; nearest: KEDGE_DB_MAX_CONNECTIONS",
                                   "KEDGE_XYZZY (environment): no setting"});
    options.strict = true;
    CHECK_THAT(refusal(options), Contains("2 settings") && Contains("nearest: KEDGE_DB_MAX_CONNECTIONS") && !Contains("canary"));
    options = {
        .prefix = "VUE_APP_", .process = environment{{"KEDGE_BYPASS", "payment"}, {"VUE_APP_TITLE", "Shop"}}, .folder = {}};
    CHECK(config::load(options).notes ==
          std::vector<std::string>{"KEDGE_BYPASS (environment): not read: names begin with VUE_APP_; nearest: VUE_APP_BYPASS"});
}

TEST_CASE("a name that has the words of a setting is near it, whatever its letters; one that has not is near none") {
    const std::pair<const char*, const char*> all[] = {{"DB_URL", "DATABASE_SERVICE_URL"},
                                                       {"DATABASE_URL", "DATABASE_SERVICE_URL"},
                                                       {"PAYMENT_URL", "PAYMENT_SERVICE_URL"},
                                                       {"PAYMENT_RETRIES", "PAYMENT_RETRY_ATTEMPTS"},
                                                       {"PAYMENT_MAX_RETRIES", "PAYMENT_RETRY_ATTEMPTS"},
                                                       {"DB_POOL_SIZE", "DB_MAX_CONNECTIONS"},
                                                       {"DB_TIMEOUT", "DB_QUERY_TIMEOUT"},
                                                       {"PAYMENT_KEY", "PAYMENT_API_KEY"},
                                                       {"PAYMENT_KEY_FILE", "PAYMENT_API_KEY_FILE"},
                                                       {"AWS_FIPS", "AWS_USE_FIPS_ENDPOINT"},
                                                       {"URL", ""},
                                                       {"TIMEOUT", ""},
                                                       {"PAYMENT_COLOUR", ""},
                                                       {"DB_PASSWORD", ""},
                                                       {"LOG_FILE_PATH", ""},
                                                       {"SHOP_TITLE_TEXT", ""},
                                                       {"_", ""},
                                                       {"A_B_C", ""}};
    for (const auto& [name, meant] : all) {
        const std::string whole = "KEDGE_" + std::string(name), end = *meant ? "; nearest: KEDGE_" + std::string(meant) : "";
        CHECK(config::load({.process = environment{{whole, "x"}}, .folder = {}}).notes ==
              std::vector<std::string>{whole + " (environment): no setting" + end});
    }
}

TEST_CASE("of a file with names of somebody else not every one is told, and not every one compared") {
    const folder f;
    std::string text;
    for (int i = 0; i < 35'000; ++i) text += "KEDGE_SOMEBODYS_" + std::to_string(i) + "=x\n";
    f.write(".env", text + "KEDGE_AAA=x\n");
    const std::vector<std::string> notes = f.load().notes;
    REQUIRE(notes.size() == 21);
    CHECK(notes.front() == "KEDGE_AAA (.env:35001): no setting");
    CHECK(notes.back() == ".env: 34981 more names are no settings");
    load_options strict = f.options();
    strict.strict = true;
    CHECK_THAT(refusal(strict), Contains("21 settings") && Contains("\n  .env: 34981 more names are no settings"));
    strict.prefix = "KEDGE_SOMEBODYS_";  // other programs' names, of which only a slip is worth a word
    CHECK(refusal(strict) == "accepted");
}

TEST_CASE("code that gives the whole name learns the short one, and small letters are a slip") {
    CHECK_THAT(refusal({.code = {{"KEDGE_LOG_LEVEL", "info"}}, .process = environment(), .folder = {}}),
               Contains("code: KEDGE_LOG_LEVEL: no setting; nearest: LOG_LEVEL"));
    CHECK(config::load({.process = environment{{"KEDGE_log_level", "info"}}, .folder = {}}).notes ==
          std::vector<std::string>{"KEDGE_log_level (environment): no setting; nearest: KEDGE_LOG_LEVEL"});
}

TEST_CASE("files that are meant and cannot be read are errors; only that they are not there is none") {
    const folder f;
    const std::filesystem::path path = f.options().folder;
    CHECK(f.load().notes.empty());
    load_options elsewhere = f.options();
    elsewhere.folder = path / "none";
    CHECK_THAT(refusal(elsewhere), Contains("none: there is no such folder"));
    elsewhere.folder = f.write(".env", "KEDGE_LOG_LEVEL=error");  // the file in place of its folder
    CHECK_THAT(refusal(elsewhere), Contains(".env: this is no folder"));
    std::filesystem::create_directory(path / ".env.local");
    CHECK_THAT(refusal(f.options()), Contains(".env.local: not a regular file"));
    std::filesystem::remove(path / ".env.local");
    std::filesystem::create_symlink("none", path / ".env.local");
    CHECK_THAT(refusal(f.options()), Contains(".env.local: there is no such file"));
}

TEST_CASE("of a file that is none of these not every line is told") {
    const folder f;
    std::string text;
    for (int i = 0; i < 10'000; ++i) text += "x\n";
    f.write(".env", text + "KEDGE_LOG_LEVEL=loud\n");
    const std::string said = refusal(f.options());
    CHECK_THAT(said, Contains("22 settings") && Contains(".env:20:2: = must follow the name\n  .env: 9980 more lines are none") &&
                         Contains("KEDGE_LOG_LEVEL = loud"));
}

TEST_CASE("settings that contradict each other are refused, odd ones noted") {
    const auto with = [](environment code) {
        return load_options{.code = std::move(code), .process = environment(), .folder = {}};
    };
    CHECK_THAT(refusal(with({{"PAYMENT_TIMEOUT", "60000"}})),
               Contains("KEDGE_PAYMENT_TIMEOUT = 1m: must be less than KEDGE_PAYMENT_TOTAL_TIMEOUT = 30s (default)"));
    CHECK_THAT(refusal(with({{"DB_TOTAL_TIMEOUT", "30s"}})), Contains("KEDGE_DB_QUERY_TIMEOUT = 30s: must be less than"));
    CHECK(config::load(with({{"PAYMENT_TIMEOUT", "29999"}, {"PAYMENT_RETRY_ATTEMPTS", "0"}})).notes.empty());
    CHECK_THAT(config::load(with({{"PAYMENT_TIMEOUT", "10s"}})).notes.at(0), Contains("no time for all 4 attempts"));
    CHECK_THAT(config::load(with({{"DB_CONNECTION_TIMEOUT", "31s"}})).notes.at(0), Contains("ends the wait"));
    CHECK(config::load(with({})).notes.empty());
}

TEST_CASE("without any variable, building a client says which one is missing") {
    const configuration nothing = config::load({.process = environment(), .folder = {}});
    CHECK_THROWS_WITH(config::payment_options(nothing), Contains("KEDGE_PAYMENT_SERVICE_URL: not set") && Contains("https://"));
    CHECK_THROWS_WITH(config::database_options(nothing), Contains("KEDGE_DATABASE_SERVICE_URL: not set") && Contains("sqlite:"));
}

TEST_CASE("whatever the file says, it is loaded or refused") {
    const folder f;
    const auto text = rc::gen::container<std::string>(
        rc::gen::oneOf(rc::gen::elementOf(std::string("=\"'\\\n #$0155ms:/@")), rc::gen::arbitrary<char>()));
    const int held = kedge_test::holds("any bytes", [&] {
        const auto& r = config::table()[*rc::gen::inRange<std::size_t>(0, config::table().size())];
        const std::string value = *text;
        config::settings s;
        const auto why = config::set(r, s, value);
        const std::string shown = config::shown(r, value) + config::shown(r, s);
        for (const char c : shown) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
        if (!why && !is_secret(r) && r.value.index() != 2)
            RC_ASSERT(!config::set(r, s, config::shown(r, s)) || value.size() > 80);
    });
    CHECK(held > 0);
}
