// SPDX-License-Identifier: BSL-1.0
// From a name to a connection: several addresses, some of which lead nowhere, within one limit; and how far it got.
#include "scripted_server.hpp"
#include "user.hpp"

#include <kedge/http/impl/addresses.hpp>
#include <kedge/timer.hpp>

#include "support/catch.hpp"

#include <future>
#include <optional>
#include <string>
#include <vector>

namespace http = kedge::http;
using http::send_phase;
using kedge::detail::endpoints;
using namespace http_test;
using namespace std::chrono_literals;

namespace {

void say_ok(peer& p) {
    if (p.read_request().empty()) return;
    p.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    p.wait_for_end();
}

/// A port whose line of newcomers is full: the kernel drops whoever knocks, as a router would.
class black_hole {
public:
    explicit black_hole(const char* address = "127.0.0.2") : acceptor_(io_) {
        const tcp::endpoint at(asio::ip::make_address(address), 0);
        acceptor_.open(at.protocol());
        acceptor_.bind(at);
        acceptor_.listen(0);
        first_.connect(acceptor_.local_endpoint());
        second_.async_connect(acceptor_.local_endpoint(), [](auto) {});
        io_.run_for(50ms);
    }
    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    asio::io_context io_;
    tcp::acceptor acceptor_;
    tcp::socket first_{io_}, second_{io_};
};

/// Nobody listens there.
tcp::endpoint closed_port(const char* address) {
    asio::io_context io;
    const tcp::acceptor gone(io, tcp::endpoint(asio::ip::make_address(address), 0));
    return gone.local_endpoint();
}

/// In a time that runs a hundred times as fast. @param limit in that time
struct caller : user {
    caller(const scripted_server& server, kedge::nanoseconds limit, const endpoints& addresses)
        : user(options(server, limit), [addresses](const std::string&, const std::string&, endpoints& found) {
              found = addresses;
              return addresses.empty() ? kedge::error_code(asio::error::host_not_found) : kedge::error_code();
          }) {}

    static http::client_options options(const scripted_server& server, kedge::nanoseconds limit) {
        auto o = options_for(server);
        o.connect_timeout = limit;
        o.timeout = 5000s;
        return o;
    }
};

tcp::endpoint at(const char* address) { return {asio::ip::make_address(address), 443}; }

}  // namespace

TEST_CASE("addresses are tried in the resolver's order, families by turns, eight at most") {
    const auto tried = [](const std::vector<const char*>& found) {
        endpoints all;
        std::string out;
        for (const char* a : found) all.push_back(at(a));
        for (const auto& e : http::detail::addresses_to_try(all)) out += e.address().to_string() + ' ';
        return out;
    };
    CHECK(tried({}).empty());
    CHECK(tried({"10.0.0.1"}) == "10.0.0.1 ");
    CHECK(tried({"::1", "::2", "::3", "10.0.0.1"}) == "::1 10.0.0.1 ::2 ::3 ");
    CHECK(tried({"10.0.0.1", "::1", "10.0.0.2"}) == "10.0.0.1 ::1 10.0.0.2 ");
    CHECK(tried({"::1", "::2", "::3", "::4", "::5", "::6", "::7", "::8", "::9", "10.0.0.1"}) ==
          "::1 10.0.0.1 ::2 ::3 ::4 ::5 ::6 ::7 ");
}

TEST_CASE("each address gets an equal share of the time that is left, the last one all of it") {
    const kedge::time_point now(100s), end = now + 6s;
    CHECK(http::detail::end_of_share(now, end, 3) == now + 2s);
    CHECK(http::detail::end_of_share(now + 1s, end, 2) == now + 3500ms);  // the first was refused early
    CHECK(http::detail::end_of_share(now + 5s, end, 1) == end);
    CHECK(http::detail::end_of_share(end, end, 4) == end);
    CHECK(http::detail::end_of_share(end + 1s, end, 4) == end);
}

TEST_CASE("an address that leads nowhere costs its share of the time, and no more") {
    const black_hole nowhere;
    scripted_server server(say_ok);
    caller u(server, 300s, {nowhere.endpoint(), server.endpoint()});
    auto& clock = kedge::runtime::of(u.io.get_executor());
    const auto before = clock.now();
    const result r = u.ask();
    CHECK_FALSE(r.ec);
    CHECK(clock.now() - before >= 150s);
    CHECK(server.connections() == 1);
}

TEST_CASE("a dead family does not keep the living one from being tried") {
    scripted_server server(say_ok);
    const auto dead = closed_port("::1");
    caller u(server, 500s, {dead, dead, dead, server.endpoint()});
    CHECK_FALSE(u.ask().ec);
    scripted_server six(say_ok, "::1");
    caller v(six, 500s, {closed_port("127.0.0.3"), six.endpoint()});
    CHECK_FALSE(v.ask().ec);
}

TEST_CASE("an address that is not allowed is never connected to, whenever the name begins to lead there") {
    scripted_server server(say_ok), other(say_ok, "127.0.0.3");  // both end a connection after one request
    endpoints leads_to{other.endpoint(), server.endpoint()};
    auto o = caller::options(server, 500s);
    o.allow_address = [](const asio::ip::address& a) { return a == asio::ip::make_address("127.0.0.1"); };
    user u(o, [&](const std::string&, const std::string&, endpoints& found) {
        found = leads_to;
        return kedge::error_code();
    });
    CHECK_FALSE(u.ask().ec);
    leads_to = {other.endpoint(), other.endpoint()};
    const result r = u.ask();
    CHECK(r.ec == http::errc::address_not_allowed);
    CHECK(r.ec == kedge::condition::permanent);
    CHECK(r.phase == send_phase::resolved);
    leads_to = {server.endpoint()};
    const auto& clock = kedge::runtime::of(u.io.get_executor());
    const auto end = clock.now() + 300s;  // such an error is dialed for rarely
    while (u.ask().ec && clock.now() < end) {
        kedge::async_sleep(u.io, 1s, [&u](auto) { u.io.stop(); });
        u.io.restart();
        u.io.run();
    }
    CHECK(server.connections() == 2);
    CHECK(other.connections() == 0);

    o.url = server.url("127.0.0.1");  // no name: asked all the same
    o.allow_address = [](const asio::ip::address&) { return false; };
    user v(o, {});
    CHECK(v.ask().ec == http::errc::address_not_allowed);
    CHECK(server.connections() == 2);
}

TEST_CASE("how far it got before it failed") {
    scripted_server server(say_ok);
    const auto fails = [&](const endpoints& addresses, kedge::nanoseconds limit) {
        caller u(server, limit, addresses);
        return u.ask();
    };
    result r = fails({}, 100s);
    CHECK(r.ec == asio::error::host_not_found);
    CHECK(r.phase == send_phase::none);
    r = fails({closed_port("127.0.0.1"), closed_port("::1")}, 100s);
    CHECK(r.ec == asio::error::connection_refused);
    CHECK(r.phase == send_phase::resolved);
    const black_hole nowhere;
    r = fails({nowhere.endpoint()}, 30s);
    CHECK(r.ec == asio::error::timed_out);
    CHECK(r.phase == send_phase::resolved);
    server.show(kedge::testing::certificate_kind::expired);
    r = fails({server.endpoint()}, 500s);
    CHECK(r.ec == http::errc::not_verified);
    CHECK(r.phase == send_phase::connected);
    server.fall_silent();
    r = fails({server.endpoint()}, 30s);
    CHECK(r.ec == asio::error::timed_out);
    CHECK(r.phase == send_phase::connected);
    CHECK(server.requests() == 0);
}

TEST_CASE("a look-up that hangs costs the limit of a connection") {
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    scripted_server server(say_ok);
    auto o = caller::options(server, 100ms);
    o.timeout = 20s;
    std::optional<user> u(std::in_place, o);
    u->look_up_by([open](const std::string&, const std::string&, endpoints&) {
        open.wait();
        return kedge::error_code(asio::error::host_not_found);
    });
    const result r = u->ask();
    CHECK(r.ec == asio::error::timed_out);
    CHECK(r.phase == send_phase::none);
    const auto s = kedge::lookups(u->io.get_executor());
    CHECK(s.running == 1);  // however often the pool asked
    u.reset();              // does not wait for it
    gate.set_value();
}
