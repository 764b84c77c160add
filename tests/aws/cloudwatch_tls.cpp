// SPDX-License-Identifier: BSL-1.0
// The sink as a program has it, over TLS: certificates, keys from STS, and connections that fail below HTTP.
#include "../support/tls_face.hpp"
#include "cloudwatch_world.hpp"
#include "loopback_server.hpp"

#include <kedge/aws/credentials_chain.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

using namespace kedge;
using namespace aws_test;
using namespace std::chrono_literals;
using kedge::testing::certificate_kind;
using kedge_test::loopback_server;

namespace {

constexpr const char* ten_events = "0123456789";

route over_tls(bool resume = false) {
    return {.tls = true, .trust = {.ca_pem = kedge_test::authority_pem(), .resume = resume}};
}

struct tls_world : cloudwatch_world {
    explicit tls_world(route how = over_tls()) : cloudwatch_world({}, {{}}, std::move(how)) {
        service.make_stream("shop", "web-1");
    }
    void pass(nanoseconds span) {
        const time_point until = now() + span;
        run_until([&] { return now() >= until; });
    }
    void delivers(const char* digits) {
        write_digits(digits);
        deliver();
    }
};

aws::delivery_accounting all_acked(std::uint64_t events) { return {.offered = events, .acked = events}; }

/// Ten events are written while one connection, or one request, goes wrong below HTTP.
struct tls_fault {
    const char* name;
    std::vector<greeting> greets{};
    std::vector<fault> faults{};
    bool unsent = false;        ///< whether an attempt ends without a connection
    std::uint64_t unknown = 0;  ///< times that an event's fate was
    const char* stored = ten_events;
    nanoseconds takes = 0s;  ///< at least; and at most twice as long
};

void play(const tls_fault& one) {
    INFO(one.name);
    tls_world world;
    for (const greeting g : one.greets) world.service.greet_next(g);
    for (const fault& f : one.faults) world.service.fail_next(f);
    const time_point start = world.now();
    world.delivers(ten_events);
    const aws::delivery_counters c = world.sink->delivery();
    CHECK(c.accounting() == all_acked(10));
    CHECK((c.answers[aws::answer_kind::not_sent] > 0) == one.unsent);
    CHECK(c.unknown_events == one.unknown);
    CHECK(world.stored() == one.stored);
    CHECK(world.service.faults_left() == 0);
    CHECK(world.now() - start >= one.takes);
    if (one.takes > 0s) CHECK(world.now() - start < 2 * one.takes);
    world.delivers("x");  // a connection that broke is not used again, nor counted against the next request
    CHECK(world.stored() == std::string(one.stored) + "x");
    CHECK(world.sink->delivery().answers[aws::answer_kind::not_sent] == c.answers[aws::answer_kind::not_sent]);
}

fault in_this_way(fault::way how) {
    fault out;
    out.how = how;
    return out;
}

std::string wrong_certificate(const std::string& url) {
    return "[WARNING] CloudWatch Logs cannot be reached; events wait: " + url.substr(url.rfind('/') + 1) +
           ": the server's certificate is not valid for this host; name its authority in tls_options, or mend it";
}

/// STS, whose token is a file: the same keys for so many looks, and then others.
struct identity_world {
    explicit identity_world(int looks_in_vain) {
        std::ofstream(file) << "t0ken\n";
        sts.emplace([this, looks_in_vain, looks = 0](const std::string& request) mutable {
            CHECK(request.starts_with("POST / HTTP/1.1\r\n"));
            return kedge_test::http_answer(200, keys(++looks <= looks_in_vain ? first : second));
        }, kedge_test::tls_face());
    }
    ~identity_world() { std::filesystem::remove(file); }

    static std::string keys(const service_keys& k) {
        return "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" + k.id +
               "</AccessKeyId><SecretAccessKey>" + k.secret + "</SecretAccessKey><SessionToken>" + k.token +
               "</SessionToken><Expiration>2126-11-26T18:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
               "</AssumeRoleWithWebIdentityResponse>";
    }

    route by_chain() {
        route how = over_tls();
        how.others_quiet = [this] { return sts->quiet(); };
        how.keys = [this](boost::asio::io_context& io) {
            const config::environment process{{"HOME", "/nonexistent"}, {"AWS_EC2_METADATA_DISABLED", "true"},
                                              {"AWS_ROLE_ARN", "r"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", file.string()}};
            const aws::endpoint_options where{.region = "eu-central-1", .url = sts->url()};
            const http::tls_options trust{.ca_pem = kedge_test::authority_pem()};
            return std::make_shared<aws::credentials_chain>(
                io, aws::credentials_chain_options{.process = process, .sts = where, .tls = trust});
        };
        return how;
    }

    const service_keys first{"ASIAFIRST", "role's/secret", "role's//token=="}, second{"ASIASECOND", "next", "another/+token"};
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("kedge_tls_identity_" + std::to_string(::getpid()));
    std::optional<loopback_server> sts;
};

}  // namespace

TEST_CASE("a certificate that does not fit is told once, with what to do; events wait for the right one", "[aws]") {
    for (const certificate_kind kind : {certificate_kind::unknown_ca, certificate_kind::wrong_host, certificate_kind::expired}) {
        INFO("certificate " << static_cast<int>(kind));
        tls_world world;
        world.service.show(kind);
        world.write_digits(ten_events);
        world.run_until([&] { return world.sink->delivery().outage; });
        world.pass(10min);
        CHECK(world.console->events() == std::vector{wrong_certificate(world.service.url())});
        CHECK(world.service.heard().empty());
        CHECK(world.sink->delivery().accounting() == aws::delivery_accounting{.offered = 10, .pending = 10});
        world.service.show(certificate_kind::good);
        world.deliver();
        CHECK(world.stored() == ten_events);
        CHECK(world.sink->delivery().accounting() == all_acked(10));
        CHECK(world.sink->delivery().unknown_events == 0);
        CHECK(world.console->events().size() == 2);
    }
}

TEST_CASE("a certificate goes bad while connections are kept: they go on, and the next one is refused", "[aws]") {
    tls_world world;
    world.delivers("01");
    world.service.show(certificate_kind::wrong_host);
    world.delivers("23");
    CHECK(world.service.connections() == 1);
    world.service.down();
    world.service.up();
    world.write_digits("45");
    world.run_until([&] { return world.sink->delivery().outage; });
    CHECK(world.stored() == "0123");
    world.service.show(certificate_kind::good);
    world.delivers("67");
    CHECK(world.stored() == "01234567");
    CHECK(world.sink->delivery().accounting() == all_acked(8));
}

TEST_CASE("a connection that fails in or below TLS costs time, and no event", "[aws]") {
    using way = fault::way;
    constexpr const char* twice = "01234567890123456789";
    const nanoseconds limit = aws::https_log_transport::connect_limit;
    const tls_fault rows[] = {
        {.name = "reset in the handshake", .greets = {greeting::reset}},
        {.name = "the first word is never answered", .greets = {greeting::silence}, .takes = limit},
        {.name = "nor for longer than a request may take", .greets = {6, greeting::silence}, .unsent = true,
         .takes = aws::https_log_transport::request_limit},
        {.name = "the end is not announced", .faults = {in_this_way(way::leave)}},
        {.name = "half an answer, and an end that is not announced", .faults = {in_this_way(way::cut)}, .unknown = 10,
         .stored = twice},
        {.name = "reset before storing", .faults = {resets()}, .unknown = 10},
        {.name = "reset after storing", .faults = {loses_answer()}, .unknown = 10, .stored = twice},
    };
    for (const tls_fault& one : rows) play(one);
}

TEST_CASE("a session is resumed if that is asked for", "[aws]") {
    for (const bool resume : {false, true}) {
        tls_world world(over_tls(resume));
        for (const char* digits : {"0", "1", "2"}) {
            world.delivers(digits);
            world.service.down();
            world.service.up();
        }
        CHECK(world.stored() == "012");
        CHECK(world.service.resumed() == (resume ? 2 : 0));
        CHECK(world.sink->delivery().unknown_events == 0);
    }
}

TEST_CASE("keys from STS that expire in mid-stream are renewed, at most every 30 s; nothing is lost or stored twice", "[aws]") {
    identity_world identity(3);
    tls_world world(identity.by_chain());
    world.service.admit(identity.first);
    world.service.admit(identity.second);
    world.delivers("01234");
    CHECK(identity.sts->requests().size() == 1);
    world.service.expire(identity.first.id);
    const time_point start = world.now();
    world.delivers("56789");
    CHECK(world.now() - start >= 3 * 30s - 1s);  // the first look was a moment before
    CHECK(world.now() - start < 5min);
    CHECK(identity.sts->requests().size() == 4);
    CHECK(world.stored() == ten_events);
    const aws::delivery_counters c = world.sink->delivery();
    CHECK(c.accounting() == all_acked(10));
    CHECK(c.unknown_events == 0);
    CHECK(c.answers[aws::answer_kind::stale_credentials] >= 3);
    for (const heard_request& one : world.heard("PutLogEvents"))
        CHECK((one.refusal.empty() || one.refusal.starts_with("ExpiredTokenException")));
    const auto told = world.console->events();
    REQUIRE(told.size() == 2);
    CHECK(told[0].find("ExpiredTokenException") != std::string::npos);
}
