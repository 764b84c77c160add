// SPDX-License-Identifier: BSL-1.0
// The client against a real server on loopback, with real TLS.
#include <kedge/http/client.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include "support/catch.hpp"
#include "user.hpp"

#include <stdexcept>

namespace asio = boost::asio;
namespace http = kedge::http;
using http::send_phase;
using http_test::result;
using http_test::user;
using kedge::testing::certificate_kind;
using kedge::testing::https_server;
using kedge::testing::served;
using way = served::way;
using namespace std::chrono_literals;

namespace {

http::client_options trusting(const https_server& server, const std::string& host = "localhost") {
    http::client_options o{.url = server.url(host), .allow_plain_http = true};
    o.tls.ca_pem = server.ca_pem();
    return o;
}

const http::request charge{"POST", "/v1/charges", {{"Idempotency-Key", "k1"}}, R"({"amount":"1.00","currency":"EUR"})"};

}  // namespace

TEST_CASE("requests over TLS share one connection") {
    https_server server;
    user u(trusting(server));
    for (int i = 0; i < 5; ++i) {
        const result r = u.ask(charge);
        REQUIRE_FALSE(r.ec);
        CHECK(r.answer.status == 200);
        CHECK(r.phase == send_phase::response_done);
        CHECK_THAT(r.answer.body, Catch::Contains("\"id\":\"ch_1\"") && Catch::Contains("\"amount\":\"1.00\""));
    }
    CHECK(server.connections() == 1);
    CHECK(server.requests() == 5);
    CHECK(server.charges() == 1);
}

TEST_CASE("a large body arrives whole, and a shared request stays its owner's") {
    for (const bool tls : {false, true}) {
        INFO("TLS " << tls);
        https_server server(certificate_kind::good, tls);
        user u(trusting(server));
        for (const std::size_t size : {0, 16'384, 16'385, 3'000'000}) {
            const auto shared = std::make_shared<http::request>(charge);
            shared->body.assign(size, 'b');
            result r;
            u.client.async_request(std::shared_ptr<const http::request>(shared), {}, [&](auto ec, auto answer, auto phase) {
                r = {ec, std::move(answer), phase, r.calls + 1};
                u.io.stop();
            });
            u.io.restart();
            u.io.run();
            CHECK(r.calls == 1);
            CHECK(r.answer.status == 200);
            CHECK(u.ask(*shared).answer.status == 200);
            for (const http::request& one : server.heard()) CHECK((one.body.size() != size || one.body == shared->body));
            CHECK(server.heard().back().body.size() == size);
        }
        CHECK(server.requests() == 8);
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("a handler on a strand of an any_io_executor compiles, and runs there") {
    https_server server;
    user u(trusting(server));
    const auto strand = asio::make_strand(asio::any_io_executor(u.io.get_executor()));
    bool there = false;
    u.client.async_request(charge, asio::bind_executor(strand, [&](kedge::error_code ec, http::response, send_phase) {
                               there = !ec && strand.running_in_this_thread();
                               u.io.stop();
                           }));
    u.io.run();
    CHECK(there);
}

TEST_CASE("authorities of the system do not vouch for a test server") {
    https_server server;
    auto o = trusting(server);
    o.tls = {};
    user u(o);
    CHECK(u.ask().ec == http::errc::not_verified);
}

TEST_CASE("a file of certificates that does not load stops the construction, by name") {
    asio::io_context io;
    const auto with = [&](http::tls_options tls) { http::client(io, {.url = "https://a.example", .tls = tls}); };
    CHECK_THROWS_WITH(with({.ca_file = "/no/such.pem"}), Catch::Contains("/no/such.pem"));
    CHECK_THROWS_WITH(with({.ca_file = "/dev/null"}), Catch::Contains("/dev/null"));
    CHECK_THROWS_AS(with({.ca_pem = "nonsense"}), std::invalid_argument);
    CHECK_THROWS_WITH(http::client(io, {.url = "http://a.example"}), Catch::Contains("allowed explicitly"));
}

TEST_CASE("what cannot be sent is not sent") {
    https_server server(certificate_kind::good, false);
    user u(trusting(server));
    const result r = u.ask({"GET", "/", {{"X", "a\r\nEvil: 1"}}, {}});
    CHECK(r.ec == http::errc::bad_request);
    CHECK(r.phase == send_phase::none);
    CHECK(server.connections() == 0);
}

TEST_CASE("a connection with a bad, cut or overlong answer is not used again") {
    const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (const bool tls : {false, true}) {
        INFO("TLS " << tls);
        https_server server(certificate_kind::good, tls);
        user u(trusting(server));
        server.next({way::raw_and_stay, 0, {}, good + good, {}});
        CHECK(u.ask().answer.body == "ok");
        CHECK(u.ask().answer.body == "{\"status\":\"ok\"}");
        CHECK(server.connections() == 2);
        server.next({way::raw_and_stay, 0, {}, "HTTP/1.1 200 OK\r\n\r\n", {}});
        CHECK(u.ask().ec == http::errc::bad_response);
        server.next({way::raw, 0, {}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", {}});
        const result cut = u.ask();
        CHECK(cut.ec == http::errc::truncated);
        CHECK(cut.phase == send_phase::response_head);
        CHECK(cut.answer.body.empty());
        server.next({way::reply, 200, {{"Connection", "close"}}, "bye", {}});
        CHECK(u.ask().answer.body == "bye");
        CHECK_FALSE(u.ask().ec);
        CHECK(server.connections() == 5);
        CHECK(u.client.snapshot().used == 0);
    }
}

TEST_CASE("an answer that is lost is told apart from a request that was not sent") {
    https_server server;
    user u(trusting(server));
    server.next({.how = way::reset});
    const result lost = u.ask(charge);
    CHECK(lost.ec);
    CHECK(lost.phase == send_phase::complete);
    CHECK(server.charges() == 1);
    CHECK(u.ask(charge).answer.status == 200);
    CHECK(server.charges() == 1);
}

TEST_CASE("a silent server costs the limit and the connection") {
    https_server server;
    auto o = trusting(server);
    user warm(o);
    CHECK_FALSE(warm.ask().ec);
    o.timeout = 300ms;
    user u(o);
    server.next({.how = way::silence});
    const auto before = kedge::now();
    const result r = u.ask(charge);
    CHECK(r.ec == kedge::errc::timed_out);
    CHECK(r.phase == send_phase::complete);
    CHECK(kedge::now() - before >= 300ms);
    CHECK(server.charges() == 1);
    CHECK_FALSE(u.ask().ec);
    CHECK(server.connections() == 3);
}

TEST_CASE("cancelled while it waits for the answer") {
    https_server server;
    user u(trusting(server));
    CHECK_FALSE(u.ask().ec);
    server.next({.how = way::silence});
    asio::cancellation_signal cancel;
    result out;
    u.client.async_request(charge, asio::bind_cancellation_slot(cancel.slot(), [&](auto ec, auto, auto phase) {
                               out = {ec, {}, phase, out.calls + 1};
                           }));
    u.io.restart();
    while (server.requests() < 2) u.io.run_one_for(10ms);
    CHECK(out.calls == 0);
    cancel.emit(asio::cancellation_type::terminal);
    u.io.run_for(5s);
    REQUIRE(out.calls == 1);
    CHECK(out.ec == asio::error::operation_aborted);
    CHECK(out.phase >= send_phase::partial);
    CHECK(u.client.snapshot().used == 0);
    CHECK_FALSE(u.ask().ec);
    CHECK(server.connections() == 2);
}

/// Cancellation and a connection that becomes free may both be on their way to a request.
TEST_CASE("cancelled at whatever step of its way to a connection, a request ends, and is not sent afterwards") {
    http_test::scripted_server server([](http_test::peer& p) {
        for (std::string text = p.read_request(); !text.empty(); text = p.read_request()) {
            if (text.starts_with("GET /silent")) return p.wait_for_end();
            p.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    auto o = http_test::options_for(server);
    o.max_connections = 1;
    const bool behind_another = GENERATE(true, false);  // else it waits for a connection that is dialed for it
    CAPTURE(behind_another);
    constexpr int steps = 60;
    int sent = 0;
    for (int step = 0; step < steps; ++step) {
        CAPTURE(step);
        user u(o, http_test::loopback);
        asio::cancellation_signal cancel;
        result first, second;
        const auto to = [](result& r) { return [&r](auto ec, auto, auto phase) { r = {ec, {}, phase, r.calls + 1}; }; };
        if (behind_another) {
            REQUIRE_FALSE(u.ask().ec);
            u.client.async_request({"GET", "/"}, to(first));
        }
        u.client.async_request({"GET", "/silent"}, asio::bind_cancellation_slot(cancel.slot(), to(second)));
        u.io.restart();
        for (int i = 0; i < step && u.io.run_one_for(20ms) != 0; ++i) {}
        cancel.emit(asio::cancellation_type::terminal);
        for (int i = 0; i < 1000 && (first.calls < int{behind_another} || second.calls == 0); ++i) u.io.run_one_for(5ms);
        REQUIRE(second.calls == 1);
        CHECK_FALSE(first.ec);
        CHECK(second.ec == asio::error::operation_aborted);
        sent += second.phase >= send_phase::partial;
    }
    CHECK(sent > 0);      // or it was never cancelled late enough
    CHECK(sent < steps);  // or never early enough
}

TEST_CASE("nobody there") {
    std::string url;
    {
        https_server gone;
        url = gone.url("127.0.0.1");
    }
    user u({.url = url, .timeout = 5s});
    const result r = u.ask();
    CHECK(r.ec == asio::error::connection_refused);
    CHECK(r.phase < send_phase::partial);
}
