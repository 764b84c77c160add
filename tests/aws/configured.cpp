// SPDX-License-Identifier: BSL-1.0
// From variables to a stream: the sink that a configuration asks for, against the tests' own service.
#include "../config/folder.hpp"
#include "../support/catch.hpp"
#include "cloudwatch_service.hpp"

#include <kedge/aws/configured_sink.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/detail/resolve.hpp>
#include <kedge/log/memory_sink.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace kedge;
using namespace aws_test;
using namespace config_test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

using texts = std::vector<std::string>;

environment to(const std::string& url, const service_keys& keys = {}) {
    return {{"LOG_SINKS", "cloudwatch"},         {"CLOUDWATCH_GROUP", "shop"},
            {"CLOUDWATCH_STREAM", "till"},       {"CLOUDWATCH_ENDPOINT", url},
            {"AWS_REGION", "eu-central-1"},      {"AWS_ACCESS_KEY_ID", keys.id},
            {"AWS_SECRET_ACCESS_KEY", keys.secret}};
}

configuration load(environment code) { return config::load({.code = std::move(code), .process = environment(), .folder = {}}); }

void write(log::sink& to, std::string_view text) {
    log::submit(to, {.time = log::wall_now(), .severity = log::level::error, .message = text});
}

struct program {
    boost::asio::io_context io{};
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();

    aws::configured_sink_options options() const {
        aws::configured_sink_options o;
        o.sink.fallback = console;
        return o;
    }
    aws::delivery_accounting end(aws::cloudwatch_sink& sink, nanoseconds within = 10s) {
        aws::delivery_accounting books;
        sink.async_shutdown(now() + within, [&](aws::delivery_accounting b) { books = b; });
        io.run();
        return books;
    }
};

texts stored_in(const cloudwatch_service& service, const std::string& stream) {
    texts out;
    for (const stored_event& e : service.stored("shop", stream)) out.push_back(e.text);
    return out;
}

/// The first name that is looked up for one event.
std::string asked(const configuration& c) {
    program p;
    std::string name;
    boost::asio::use_service<kedge::detail::lookup_service>(p.io).lookups()->use([&](const std::string& host, auto&, auto&) {
        if (name.empty()) name = host;
        return error_code(boost::asio::error::host_not_found);
    });
    const auto sink = aws::configured_sink(p.io, c, p.options());
    write(*sink, "lost");
    p.end(*sink, 100ms);
    return name;
}

/// What is written to standard error meanwhile.
template <class Doing> std::string written_to_stderr(Doing doing) {
    std::FILE* const into = std::tmpfile();
    const int before = ::dup(STDERR_FILENO);
    ::dup2(::fileno(into), STDERR_FILENO);
    doing();
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    std::rewind(into);
    char text[4096];
    const std::string all(text, std::fread(text, 1, sizeof text, into));
    std::fclose(into);
    return all;
}

/// While it is there, the process has one, and no other source of keys before.
struct web_identity {
    const folder home{};
    std::vector<std::string> set{};

    web_identity() {
        const std::string token = home.write("token", "t0ken");
        for (const auto& [name, value] : environment{{"AWS_SHARED_CREDENTIALS_FILE", token + "-"},
                                                     {"AWS_CONFIG_FILE", token + "-"},
                                                     {"AWS_WEB_IDENTITY_TOKEN_FILE", token},
                                                     {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}}) {
            ::setenv(name.c_str(), value.c_str(), 1);
            set.push_back(name);
        }
    }
    ~web_identity() {
        for (const std::string& name : set) ::unsetenv(name.c_str());
    }
};

/// "made", "none", or what is refused in the words of the loader.
std::string outcome(environment code, bool any_host = false) {
    program p;
    aws::configured_sink_options o = p.options();
    o.any_host = any_host;
    try {
        const configuration c = load(std::move(code));
        return aws::configured_sink(p.io, c, o) ? "made" : "none";
    } catch (const config::bad_settings& refused) {
        return refused.what();
    }
}

}  // namespace

TEST_CASE("without a word of CloudWatch there is no sink for it") {
    CHECK(outcome({}) == "none");
    CHECK(outcome({{"CLOUDWATCH_GROUP", "shop"}}) == "none");
}

TEST_CASE("a setting that only CloudWatch finds fault with is named, with its value and source") {
    environment where = to("");
    where["AWS_REGION"] = "us-east";
    CHECK_THAT(outcome(where), Contains("  code: KEDGE_AWS_REGION = us-east: ") && Contains("default: us-east-1"));
    for (const char* host : {"evilamazonaws.com", "amazonaws.com.evil.example", "logs.us-east-1.amazonaws.com.", "10.0.0.7"}) {
        const std::string url = std::string("https://") + host;
        CAPTURE(url);
        CHECK_THAT(outcome(to(url)), Contains("  code: KEDGE_CLOUDWATCH_ENDPOINT = " + url + ": the endpoint's "));
        CHECK_THAT(outcome(to(url)), !Contains("http:// for this machine"));  // the form is not what is wrong
    }
    CHECK(outcome(to("https://evilamazonaws.com"), true) == "made");
    CHECK(outcome(to("https://logs.eu-central-1.amazonaws.com")) == "made");
    CHECK(outcome(to("http://127.0.0.1:9")) == "made");
    CHECK_THAT(outcome(to("http://logs.eu-central-1.amazonaws.com")), Contains("KEDGE_CLOUDWATCH_ENDPOINT = http://logs."));
}

TEST_CASE("endpoints with validated cryptography and with IPv6 are those of CloudWatch and of STS, or are refused") {
    struct {
        const char *fips, *dual, *host;
    } const all[] = {{"", "", ".eu-central-1.amazonaws.com"},
                     {"false", "FALSE", ".eu-central-1.amazonaws.com"},
                     {"true", "", "-fips.eu-central-1.amazonaws.com"},
                     {"", "true", ".eu-central-1.api.aws"},
                     {"True", "true", "-fips.eu-central-1.api.aws"}};
    for (const auto& [fips, dual, host] : all) {
        CAPTURE(fips, dual);
        const environment process = {{"AWS_USE_FIPS_ENDPOINT", fips}, {"AWS_USE_DUALSTACK_ENDPOINT", dual}};
        CHECK(asked(config::load({.code = to(""), .process = process, .folder = {}})) == std::string("logs") + host);
        const web_identity nobody;
        CHECK(asked(config::load({.code = to("", {"", ""}), .process = process, .folder = {}})) == std::string("sts") + host);
    }
    environment own = to("https://vpce-1.logs.eu-central-1.vpce.amazonaws.com");
    own["AWS_USE_FIPS_ENDPOINT"] = "true";
    CHECK_THAT(outcome(own), Contains("code: KEDGE_CLOUDWATCH_ENDPOINT = https://vpce-1.logs.eu-central-1.vpce.amazonaws.com: an "
                                      "endpoint of your own excludes KEDGE_AWS_USE_FIPS_ENDPOINT = true (code)"));
    own["CLOUDWATCH_ENDPOINT"] = "", own["AWS_USE_FIPS_ENDPOINT"] = "1";
    CHECK_THAT(outcome(own), Contains("KEDGE_AWS_USE_FIPS_ENDPOINT = 1: none of these; accepted: false, true"));
}

TEST_CASE("records go where the variables say, signed with the keys that they name", "[seed]") {
    cloudwatch_service service;
    program p;
    configuration c = load(to(service.url()));
    c.values.aws.log_stream.clear();
    const auto cloudwatch = aws::configured_sink(p.io, c, p.options());
    const auto sink = config::log_sink(c, cloudwatch);
    write(*sink, "Payment service connection failed - timeout after 5000ms");
    CHECK(p.end(*cloudwatch) == aws::delivery_accounting{.offered = 1, .acked = 1});
    REQUIRE(service.stored_count() == 1);
    CHECK(p.console->events().empty());
    const std::string body = service.heard().back().body;
    CHECK_THAT(body, Contains(R"("logGroupName":"shop","logStreamName":")") && Contains("[ERROR] Payment service connection"));
}

TEST_CASE("with a spool configured, what the endpoint does not take is kept for the next process, and is not on the console") {
    const folder disk;
    environment settings = to("http://127.0.0.1:9");
    settings["CLOUDWATCH_SPOOL"] = (disk.options().folder / "spool").string();
    program p;
    const configuration c = load(settings);
    const auto cloudwatch = aws::configured_sink(p.io, c, p.options());
    write(*cloudwatch, "kept");
    CHECK(p.end(*cloudwatch, 0s).leftover == 1);
    CHECK(cloudwatch->spool().bytes > 0);
    CHECK(p.console->events().empty());
}

TEST_CASE("with the endpoint down, the records that are left are on the console, once") {
    cloudwatch_service service;
    const std::string url = service.url();
    service.down();
    program p;
    const configuration c = load(to(url));
    const auto cloudwatch = aws::configured_sink(p.io, c, p.options());
    const auto sink = config::log_sink(c, cloudwatch);
    write(*sink, "first");
    write(*sink, "second");
    CHECK(p.end(*cloudwatch, 100ms) == aws::delivery_accounting{.offered = 2, .leftover = 2});
    CHECK(p.console->events() == texts{"[ERROR] first", "[ERROR] second"});
}

TEST_CASE("without a fallback of the program's own, what is left is on the console, in the format that is configured") {
    environment settings = to("http://127.0.0.1:9");
    settings["LOG_FORMAT"] = "json";
    const std::string told = written_to_stderr([&] {
        program p;
        const configuration c = load(settings);
        const auto cloudwatch = aws::configured_sink(p.io, c);
        write(*cloudwatch, "left");
        CHECK(p.end(*cloudwatch, 0s).leftover == 1);
    });
    CHECK_THAT(told, Catch::StartsWith("{") && Contains("left") && Catch::EndsWith("}\n"));
}

TEST_CASE("keys of a reload are used at once") {
    cloudwatch_service service;
    const folder f;
    const auto keys = [&](const std::string& id) {
        std::string lines;
        for (const auto& [name, value] : to(service.url(), {.id = id})) lines += "KEDGE_" + name + "='" + value + "'\n";
        f.write(".env", lines);
    };
    keys("AKIDOFBEFORE");
    config::live settings(f.options());
    program p;
    const auto cloudwatch = aws::configured_sink(p.io, settings, p.options());
    const auto sink = config::log_sink(settings, cloudwatch);
    write(*sink, "patience");
    sink->flush();
    while (cloudwatch->delivery().refreshes == 0) p.io.run_one();
    CHECK(service.stored_count() == 0);
    keys(service_keys().id);
    settings.reload();
    CHECK(p.end(*cloudwatch) == aws::delivery_accounting{.offered = 1, .acked = 1});
    CHECK(stored_in(service, "till") == texts{"[ERROR] patience"});
}

TEST_CASE("the stream of a process has a valid name, whatever the machine is called") {
    const auto when = std::chrono::sys_days(std::chrono::October / 26 / 2025) + 15h + 26min + 46s;
    CHECK(aws::stream_of_process("web-1", 4711, when) == "web-1-4711-20251026T152646Z");
    CHECK(aws::stream_of_process("a:b*c d\xff\n", 1, when + 999ms) == "a-b-c-d---1-20251026T152646Z");
    CHECK(aws::stream_of_process(std::string(9999, 'h'), 2147483647, when).size() < 300);
}
