// SPDX-License-Identifier: BSL-1.0
// Sources of keys over real sockets, to servers on this machine.
#include "../support/catch.hpp"
#include "loopback_server.hpp"

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/metadata_keys.hpp>
#include <kedge/detail/resolve.hpp>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <unistd.h>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;
using kedge_test::http_answer;
using kedge_test::loopback_server;

namespace {

const std::string keys_as_json =
    R"({"AccessKeyId":"ASIA1","SecretAccessKey":"k","Token":"t","Expiration":"2126-11-26T18:00:00Z"})";
const std::string keys_as_xml =
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA2</AccessKeyId>"
    "<SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2126-11-26T18:00:00Z</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

/// Also shows that `run` returns when there is an answer: a chain that is idle keeps no context running.
std::string ask(boost::asio::io_context& io, credentials_chain& chain) {
    std::string out = "not told";
    chain.get([&](credentials_answer a) { out = a.keys ? a.keys->access_key_id() : a.reason; });
    CHECK(out == "not told");
    io.restart();
    io.run();
    return out;
}

config::environment container(const std::string& url) {
    return {{"HOME", "/nonexistent"},
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI", url + "/keys?x=1"},
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0ken"},
            {"AWS_EC2_METADATA_DISABLED", "true"}};
}

/// A token that STS would know.
struct identity_file {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("kedge_identity_" + std::to_string(::getpid()))).string();

    identity_file() { std::ofstream(path) << "t0ken\n"; }
    ~identity_file() { std::filesystem::remove(path); }

    config::environment variables() const {
        return {{"HOME", "/nonexistent"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", path}, {"AWS_ROLE_ARN", "r"},
                {"AWS_EC2_METADATA_DISABLED", "true"}};
    }
};

/// Every name is that of one address.
void lead(boost::asio::io_context& io, const char* to) {
    boost::asio::use_service<kedge::detail::lookup_service>(io).lookups()->use(
        [to](const std::string&, const std::string& service, kedge::detail::endpoints& found) {
            return kedge::detail::resolve_literal(to, service, found);
        });
}

bool begins(const loopback_server& server, std::size_t i, const std::string& line) {
    const auto all = server.requests();
    return i < all.size() && all[i].starts_with(line + "\r\n");
}

}  // namespace

TEST_CASE("a container's keys come over HTTP, after a failure in a second attempt", "[aws][credentials][integration]") {
    std::atomic<int> count = 0;
    loopback_server server([&](const std::string&) {
        ++count;
        return count == 1 ? http_answer(503, "busy") : count == 2 ? std::string() : http_answer(200, keys_as_json);
    });
    boost::asio::io_context io;
    credentials_chain chain(io, {.process = container(server.url())});
    CHECK(ask(io, chain) == "ASIA1");
    CHECK(server.requests().size() == 3);
    CHECK(begins(server, 2, "GET /keys?x=1 HTTP/1.1"));
    CHECK(server.requests()[2].find("\r\nAuthorization: t0ken\r\n") != std::string::npos);
    CHECK((chain.snapshot().source == "container" && chain.snapshot().expires && chain.snapshot().failures == 0));
    CHECK((chain.snapshot().since && chain.snapshot().failed_looks == 0));
    CHECK(ask(io, chain) == "ASIA1");
    CHECK(server.requests().size() == 3);
}

TEST_CASE("no redirect is followed, and no refusal repeated", "[aws][credentials][integration]") {
    for (const int status : {302, 403}) {
        loopback_server server([&](const std::string&) {
            return "HTTP/1.1 " + std::to_string(status) + " X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n";
        });
        boost::asio::io_context io;
        credentials_chain chain(io, {.process = container(server.url())});
        CHECK(ask(io, chain).ends_with("; container: the answer is " + std::to_string(status)));
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("the metadata service is asked three times on one connection", "[aws][credentials][integration]") {
    loopback_server server([](const std::string& request) {
        if (request.starts_with("PUT")) return http_answer(200, "t0ken");
        if (request.find("\r\nX-aws-ec2-metadata-token: t0ken\r\n") == request.npos) return http_answer(401, "");
        return http_answer(200, request.starts_with("GET /latest/meta-data/iam/security-credentials/r ") ? keys_as_json : "r");
    });
    boost::asio::io_context io;
    metadata_keys source({}, [&](const endpoint& to, key_server_limits limits) {
        CHECK((to.within == reach::metadata && to.url.authority() == "169.254.169.254"));
        return make_key_server(io.get_executor(), {http::parse_url(server.url(), true), reach::loopback}, limits);
    });
    std::string out;
    source.look([&](found_keys what) { out = what.keys ? what.keys->access_key_id() : what.reason; });
    io.run();
    CHECK(out == "ASIA1");
    CHECK(begins(server, 0, "PUT /latest/api/token HTTP/1.1"));
    CHECK((server.requests().size() == 3 && server.connections() == 1));
}

TEST_CASE("a server that says nothing is left alone after its attempts", "[aws][credentials][integration]") {
    std::atomic<bool> over = false;
    loopback_server server([&](const std::string&) {
        over.wait(false);
        return std::string();
    });
    boost::asio::io_context io;
    const auto silent = make_key_server(io.get_executor(), {http::parse_url(server.url(), true), reach::loopback}, {50ms, 2});
    error_code told;
    silent->ask({"GET", "/"}, [&](error_code ec, http::response) { told = ec; });
    io.run();
    CHECK(told == kedge::errc::timed_out);
    over = true;
    over.notify_all();
}

TEST_CASE("a name that leads where keys must not come from is not followed", "[aws][credentials][integration]") {
    loopback_server server([](const std::string&) { return http_answer(200, keys_as_json); });
    boost::asio::io_context io;
    lead(io, "127.0.0.1");
    {
        credentials_chain chain(io, {.process = container(server.url("keys.example"))});
        CHECK(ask(io, chain) == "ASIA1");
    }
    for (const reach within : {reach::metadata, reach::container, reach::loopback}) {
        const auto asked =
            make_key_server(io.get_executor(), {http::parse_url(server.url("keys.example"), true), within}, {5s, 3});
        error_code told;
        asked->ask({"GET", "/"}, [&](error_code ec, http::response) { told = ec; });
        io.restart();
        io.run();
        CHECK(told == (within == reach::metadata ? error_code(http::errc::address_not_allowed) : error_code()));
    }
    CHECK(server.connections() == 3);
}

TEST_CASE("STS is asked where the options say", "[aws][credentials][integration]") {
    loopback_server server([](const std::string&) { return http_answer(200, keys_as_xml); });
    boost::asio::io_context io;
    const identity_file identity;
    credentials_chain_options o{.process = identity.variables()};
    o.sts = {.region = "eu-central-1", .url = server.url(), .plain_loopback = true};
    credentials_chain chain(io, o);
    CHECK(ask(io, chain) == "ASIA2");
    CHECK(begins(server, 0, "POST / HTTP/1.1"));
    CHECK(chain.snapshot().source == "web identity");
    o.sts.plain_loopback = false;
    CHECK_THROWS_WITH(credentials_chain(io, o), Catch::Contains("plain_loopback"));
}

TEST_CASE("over TLS keys come from who proves to be the host, where that may be", "[aws][credentials][integration]") {
    using kind = testing::certificate_kind;
    constexpr const char *not_valid = "certificate is not valid", *not_allowed = "addresses that are not allowed";
    struct row {
        const char *host, *address;
        kind shown;
        const char* refused = nullptr;
    };
    const row rows[] = {
        {"localhost", "127.0.0.1", kind::good},
        {"localhost", "127.0.0.1", kind::unknown_ca, not_valid},
        {"localhost", "127.0.0.1", kind::wrong_host, not_valid},
        {"localhost", "127.0.0.1", kind::expired, not_valid},
        {"sts.example.com", "127.0.0.1", kind::wildcard},
        {"sts.example.com", "127.0.0.1", kind::good, not_valid},
        {"sts.example.com", "169.254.169.254", kind::wildcard, not_allowed},
        {"sts.example.com", "::ffff:169.254.169.254", kind::wildcard, not_allowed},
        {"sts.example.com", "fd00:ec2::254", kind::wildcard, not_allowed},
    };
    const identity_file identity;
    for (const row& one : rows) {
        for (const bool by_identity : {false, true}) {
            CAPTURE(one.host, one.address, static_cast<int>(one.shown), by_identity);
            const std::string keys = by_identity ? keys_as_xml : keys_as_json;
            loopback_server server([&](const std::string&) { return http_answer(200, keys); }, kedge_test::tls_face(one.shown));
            boost::asio::io_context io;
            lead(io, one.address);
            credentials_chain_options o{.process = by_identity ? identity.variables() : container(server.url(one.host))};
            o.sts = {.region = "eu-central-1", .url = server.url(one.host), .any_host = true};
            o.tls.ca_pem = kedge_test::authority_pem();
            credentials_chain chain(io, o);
            const std::string said = ask(io, chain);
            if (one.refused) CHECK_THAT(said, Catch::Contains(one.refused));
            else CHECK(said == (by_identity ? "ASIA2" : "ASIA1"));
            CHECK(server.connections() == (one.refused == not_allowed ? 0 : 1));
            CHECK(server.requests().size() == (one.refused ? 0 : 1));
        }
    }
}
