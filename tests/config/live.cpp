// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"
#include "folder.hpp"

#include <kedge/config/clients.hpp>
#include <kedge/config/live.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/config/table.hpp>
#include <kedge/log/memory_sink.hpp>

#include <atomic>
#include <thread>

using namespace config_test;
using Catch::Matchers::Contains;
namespace config = kedge::config;
using names = std::vector<std::string>;

TEST_CASE("a reload puts a new snapshot in the place of the old one, which its users keep") {
    const folder f;
    f.write(".env", "KEDGE_PAYMENT_RETRY_ATTEMPTS=4\nKEDGE_DB_MAX_CONNECTIONS=10\n");
    config::live live(f.options());
    const auto before = live.current();
    CHECK(live.reload().changed.empty());
    f.write(".env", "KEDGE_PAYMENT_RETRY_ATTEMPTS=5\nKEDGE_DB_MAX_CONNECTIONS=10\nKEDGE_PAYMENT_API_KEY=k\nKEDGE_TYPO=1\n");
    const config::reloaded did = live.reload();
    CHECK(did.changed == names{"KEDGE_PAYMENT_API_KEY", "KEDGE_PAYMENT_RETRY_ATTEMPTS"});
    CHECK(did.kept.empty());
    CHECK(did.notes.size() == 1);
    CHECK(before->values.payment.max_retries == 4);
    CHECK(live.current()->values.payment.max_retries == 5);
    CHECK(source_of(*live.current(), "PAYMENT_RETRY_ATTEMPTS") == ".env:1");
    CHECK(live.reload().changed.empty());
}

TEST_CASE("a bad file changes nothing") {
    const folder f;
    f.write(".env", "KEDGE_PAYMENT_RETRY_ATTEMPTS=4");
    config::live live(f.options());
    const auto before = live.current();
    f.write(".env", "KEDGE_PAYMENT_RETRY_ATTEMPTS=5\nKEDGE_DB_MAX_CONNECTIONS=none");
    CHECK_THROWS_WITH(live.reload(), Contains("KEDGE_DB_MAX_CONNECTIONS = none"));
    CHECK(live.current() == before);
}

TEST_CASE("settings that are valid only together are taken together, or none of them") {
    const folder f;
    config::live live(f.options());
    const auto before = live.current();
    f.write(".env", "KEDGE_PAYMENT_TIMEOUT=60s");
    CHECK_THROWS_WITH(live.reload(), Contains("must be less than KEDGE_PAYMENT_TOTAL_TIMEOUT = 30s (default)"));
    CHECK(live.current() == before);
    f.write(".env", "KEDGE_PAYMENT_TIMEOUT=60s\nKEDGE_PAYMENT_TOTAL_TIMEOUT=2m\n");
    CHECK(live.reload().changed == names{"KEDGE_PAYMENT_TIMEOUT", "KEDGE_PAYMENT_TOTAL_TIMEOUT"});
    f.write(".env", "KEDGE_PAYMENT_TOTAL_TIMEOUT=2m");
    CHECK(live.reload().changed == names{"KEDGE_PAYMENT_TIMEOUT"});
    f.write(".env", "KEDGE_PAYMENT_TIMEOUT=60s\nKEDGE_PAYMENT_TOTAL_TIMEOUT=1m\n");
    CHECK_THROWS_AS(live.reload(), config::bad_settings);
}

TEST_CASE("what is not reloadable keeps its value and is named") {
    const folder f;
    f.write(".env", "KEDGE_DATABASE_SERVICE_URL=sqlite:a.db\nKEDGE_LOG_FORMAT=json\nKEDGE_LOG_SINKS=console\n");
    config::live live(f.options());
    f.write(".env", "KEDGE_DATABASE_SERVICE_URL=sqlite:b.db\nKEDGE_LOG_LEVEL=error\nKEDGE_BYPASS=payment\n");
    const config::reloaded did = live.reload();
    CHECK(did.changed == names{"KEDGE_LOG_LEVEL"});
    CHECK(did.kept == names{"KEDGE_DATABASE_SERVICE_URL", "KEDGE_BYPASS", "KEDGE_LOG_FORMAT"});
    const auto now = live.current();
    CHECK(now->values.database.url == "sqlite:a.db");
    CHECK(now->values.log.format == config::log_format::json);
    CHECK_FALSE(now->values.payment.bypass);
    CHECK(source_of(*now, "LOG_FORMAT") == ".env:2");
    CHECK(live.reload().kept == did.kept);  // as long as the file says so
}

TEST_CASE("the sink of the log follows each reload, for as long as it is there") {
    const folder f;
    f.write(".env", "KEDGE_LOG_SINKS=cloudwatch\nKEDGE_CLOUDWATCH_GROUP=shop\nKEDGE_LOG_LEVEL=error\n");
    config::live live(f.options());
    const auto kept = std::make_shared<kedge::log::memory_sink>(10);
    auto sink = config::log_sink(live, kept);
    kedge::log::submit(*sink, {.severity = kedge::log::level::info, .message = "too early"});
    f.write(".env", "KEDGE_LOG_SINKS=cloudwatch\nKEDGE_CLOUDWATCH_GROUP=shop\nKEDGE_LOG_LEVEL=info\n");
    live.reload();
    kedge::log::submit(*sink, {.severity = kedge::log::level::info, .message = "in time"});
    f.write(".env", "KEDGE_LOG_SINKS=cloudwatch\nKEDGE_CLOUDWATCH_GROUP=shop\nKEDGE_LOG_LEVEL=loud\n");
    CHECK_THROWS_AS(live.reload(), config::bad_settings);
    kedge::log::submit(*sink, {.severity = kedge::log::level::info, .message = "still"});
    CHECK(kept->events() == names{"[INFO] in time", "[INFO] still"});

    int heard = 0;
    live.follow(sink, [&](const configuration&) { ++heard; });
    CHECK(heard == 1);
    sink.reset();
    f.write(".env", "KEDGE_LOG_LEVEL=debug\n");
    live.reload();
    CHECK(heard == 1);
}

TEST_CASE("a payment client finds the API key of the last reload") {
    const folder f;
    const std::string url = "KEDGE_PAYMENT_SERVICE_URL=https://pay.example\nKEDGE_PAYMENT_API_KEY=";
    f.write(".env", url + "before");
    const auto live = std::make_shared<config::live>(f.options());
    const kedge::payment_options options = config::payment_options(live);
    f.write(".env", url + "after");
    live->reload();
    CHECK(options.api_key.reveal() == "before");
    CHECK(options.fresh_api_key().reveal() == "after");
}

TEST_CASE("a row is copied whole, and only what differs counts as a change") {
    for (const config::row& r : config::table()) {
        config::settings a, b;
        CAPTURE(std::string(r.name));
        const auto* choice = std::get_if<config::choice_form>(&r.value);
        const std::string other = choice                  ? std::string(choice->names[choice->get(a) == 0 ? 1 : 0])
                                  : r.name == "LOG_SINKS" ? "cloudwatch"
                                  : !r.example.empty()    ? std::string(r.example)
                                                          : "7";
        REQUIRE_FALSE((config::set(r, a, other) && config::set(r, a, "7s")));
        CHECK_FALSE(config::same(r, a, b));
        config::copy(r, a, b);
        CHECK(config::same(r, a, b));
    }
    const config::row& interval = *config::find_row("HEALTH_INTERVAL");
    config::settings a, b;
    REQUIRE_FALSE(config::set(interval, a, "7s"));
    config::copy(interval, a, b);
    CHECK(b.database.health_interval == std::chrono::seconds(7));
}

TEST_CASE("snapshots are whole, whoever reloads and reads at the same time", "[tsan]") {
    const folder f;
    config::live live(f.options());
    std::atomic<bool> done = false;
    std::thread reader([&] {
        while (!done) {
            const auto now = live.current();
            if (now->values.payment.max_retries != now->values.database.max_retries) std::abort();
        }
    });
    for (int i = 1; i <= 10; ++i) {
        f.write(".env", "KEDGE_PAYMENT_RETRY_ATTEMPTS=" + std::to_string(i) + "\nKEDGE_DB_RETRY_ATTEMPTS=" + std::to_string(i));
        live.reload();
    }
    done = true;
    reader.join();
    CHECK(live.current()->values.payment.max_retries == 10);
}
