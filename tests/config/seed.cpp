// SPDX-License-Identifier: BSL-1.0
// The block of variables of the system that kedge replaces, unchanged, and its numbers in clients that were told nothing.
#include "../support/catch.hpp"
#include "../support/scripted_client.hpp"
#include "folder.hpp"

#include <kedge/config/clients.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <chrono>
#include <memory>
#include <optional>

using namespace config_test;
using namespace std::chrono_literals;
using namespace kedge;
using Catch::Matchers::Contains;

namespace {

constexpr std::string_view seed_block = R"(# Payment Service
VUE_APP_PAYMENT_SERVICE_URL=https://api.payment-service.com
VUE_APP_PAYMENT_TIMEOUT=5000
VUE_APP_PAYMENT_RETRY_ATTEMPTS=3

# Database Service
VUE_APP_DATABASE_SERVICE_URL=https://api.database-service.com
VUE_APP_DB_MAX_CONNECTIONS=20
VUE_APP_DB_CONNECTION_TIMEOUT=30000

# CloudWatch
VUE_APP_AWS_ACCESS_KEY_ID=your_access_key
VUE_APP_AWS_SECRET_ACCESS_KEY=your_secret_key
VUE_APP_AWS_REGION=us-east-1
)";

configuration load_seed(const folder& f, std::string_view text = seed_block) {
    f.write(".env", text);
    load_options options = f.options();
    options.prefix = "VUE_APP_";
    return config::load(options);
}

/// Numbers that nobody has by default, so that what reads them can be seen.
constexpr std::string_view other_numbers = R"(VUE_APP_PAYMENT_SERVICE_URL=https://h
VUE_APP_PAYMENT_TIMEOUT=1234
VUE_APP_PAYMENT_RETRY_ATTEMPTS=2
VUE_APP_PAYMENT_BREAKER_THRESHOLD=7
VUE_APP_DATABASE_SERVICE_URL=sqlite::memory:
VUE_APP_DB_MAX_CONNECTIONS=3
VUE_APP_DB_CONNECTION_TIMEOUT=2500
VUE_APP_DB_BREAKER_THRESHOLD=6
VUE_APP_HEALTH_INTERVAL=45s
)";

/// What a client does, as others see it.
struct numbers {
    nanoseconds attempt{};        ///< that is not answered
    int attempts = 0;             ///< for one charge
    int failures_until_open = 0;  ///< of the breaker
    double checks_in_an_hour = 0;
};

/// Counts the looks at its health.
struct counting final : payment::exchange {
    explicit counting(testing::simulation& s) : provider(std::make_shared<testing::scripted_exchange>(s)) {}

    void start(const payment::request& what, const attempt& of, payment::exchange_handler handler) override {
        checks += what.target == "/health";
        provider->start(what, of, std::move(handler));
    }

    std::shared_ptr<testing::scripted_exchange> provider;
    int checks = 0;
};

struct payment_bench {
    testing::simulation sim;
    std::shared_ptr<counting> exchange = std::make_shared<counting>(sim);
    payment_client client;

    explicit payment_bench(const payment_options& options)
        : client(sim, options, std::make_shared<payment::memory_journal>(), exchange) {}

    call_report charge() {
        std::optional<payment_result> end;
        client.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                            [&](payment_result r) { end = std::move(r); });
        sim.run_until([&] { return end.has_value(); });
        return end->report();
    }
};

numbers measured(const payment_options& options) {
    numbers found;
    payment_bench silent(options), away(options), well(options);
    silent.exchange->provider->never_answers(100);
    const call_report report = silent.charge();
    found.attempt = report.history[0].latency;
    found.attempts = report.attempts;
    away.exchange->provider->refuses(100);
    while (away.client.snapshot().charges.state != breaker_state::open) (void)away.charge();
    found.failures_until_open = static_cast<int>(away.exchange->provider->arrivals().size());
    well.client.async_run([](error_code) {});
    well.sim.run_for(1h);
    found.checks_in_an_hour = well.exchange->checks;
    return found;
}

struct database_bench {
    testing::simulation sim;
    testing::scripted_server server;
    database_client<testing::scripted_connection> client;

    explicit database_bench(database_options options) : client(sim, with_url(std::move(options), server)) {}

    static database_options with_url(database_options options, const testing::scripted_server& server) {
        options.url = server.url();
        return options;
    }
};

/// How long somebody waits for a connection while all of them are busy.
nanoseconds longest_wait(const database_options& options) {
    database_bench busy(options);
    busy.server.query_takes(10min);
    for (int i = 0; i < options.max_connections; ++i) busy.client.async_query("select 1", params(), [](error_code, rows) {});
    busy.sim.run_for(1ms);
    const time_point from = busy.sim.now();
    std::optional<error_code> end;
    busy.client.async_query("select 1", params(), [&](error_code ec, rows) { end = ec; });
    busy.sim.run_until([&] { return end.has_value(); });
    CHECK(*end == errc::pool_exhausted);
    return busy.sim.now() - from;
}

int failures_until_open(const database_options& options) {
    database_bench broken(options);
    broken.server.fail("select", boost::asio::error::connection_reset, 100);
    int failures = 0;
    for (; broken.client.snapshot().breaker.state != breaker_state::open; ++failures) {
        broken.client.async_query("select 1", params(), [](error_code, rows) {});
        broken.sim.run_for(1s);
    }
    return failures;
}

}  // namespace

TEST_CASE("the seed's block of variables loads unchanged", "[seed]") {
    const folder f;
    const configuration c = load_seed(f);
    CHECK(c.values.payment.url == "https://api.payment-service.com");
    CHECK(c.values.payment.attempt_timeout == 5000ms);
    CHECK(c.values.payment.max_retries == 3);
    CHECK(c.values.database.url == "https://api.database-service.com");
    CHECK(c.values.database.max_connections == 20);
    CHECK(c.values.database.acquire_timeout == 30'000ms);
    CHECK(c.values.aws.region == "us-east-1");
    CHECK(c.values.aws.access_key_id.reveal().empty());
    CHECK(source_of(c, "DB_CONNECTION_TIMEOUT") == ".env:9");
    CHECK(c.notes.size() == 3);  // two placeholders, and a database URL that no adapter speaks
    CHECK(config::payment_options(c).url == c.values.payment.url);
}

TEST_CASE("no database client is made of an https:// URL, and the error lists what could be", "[seed]") {
    const folder f;
    CHECK_THROWS_WITH(config::database_options(load_seed(f)),
                      Contains(".env:7: VUE_APP_DATABASE_SERVICE_URL = https://api.database-service.com: no database client") &&
                          Contains("postgresql://") && Contains("sqlite:"));
}

TEST_CASE("the seed's numbers are those of clients that were told nothing", "[seed]") {
    const numbers found = measured(payment_options{});
    CHECK(found.attempt == 5000ms);
    CHECK(found.attempts == 1 + 3);
    CHECK(found.failures_until_open == 5);
    CHECK(found.checks_in_an_hour == Approx(3600 / 30).epsilon(0.05));
    CHECK(database_bench({}).client.snapshot().pool.max == 20);
    CHECK(longest_wait({}) == 30'000ms);
    CHECK(failures_until_open({}) == 5);
}

TEST_CASE("the seed's variables set them", "[seed]") {
    const folder f;
    const configuration c = load_seed(f, other_numbers);
    const numbers found = measured(config::payment_options(c));
    CHECK(found.attempt == 1234ms);
    CHECK(found.attempts == 1 + 2);
    CHECK(found.failures_until_open == 7);
    CHECK(found.checks_in_an_hour == Approx(3600 / 45).epsilon(0.05));
    const database_options database = config::database_options(c);
    CHECK(database_bench(database).client.snapshot().pool.max == 3);
    CHECK(longest_wait(database) == 2500ms);
    CHECK(failures_until_open(database) == 6);
    CHECK(database.health_interval == 45s);
}
