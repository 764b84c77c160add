// SPDX-License-Identifier: BSL-1.0
// A server that ends an exchange after every possible byte: the client never says less than the server knows.
#include "fault_table.hpp"
#include "user.hpp"

#include <kedge/http/impl/request_text.hpp>

#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/payment_client.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace http = kedge::http;
using namespace http_test;
using namespace std::chrono_literals;

namespace {

const kedge::idempotency_key key{"order-4711-2025-10-26"};

const std::string succeeded = [] {
    const std::string body = R"({"id":"ch_1","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":")" +
                             std::string(key.text()) + R"("})";
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}();

/// After so many bytes of the request, or after all of it and so many of the answer.
struct cut {
    std::size_t read, written;
    then how;
    bool all;  ///< of the request
};

void end(peer& p, then how) {
    if (how == then::goodbye) p.goodbye();
    if (how == then::reset) p.reset();
}

void play(peer& p, const cut& c) {
    if (c.all) {
        if (p.read_request().empty()) return;
        p.write(std::string_view(succeeded).substr(0, c.written));
    } else {
        for (std::size_t got = 0; got < c.read;) {
            const std::size_t more = p.read(c.read - got).size();
            if (more == 0) return;
            got += more;
        }
    }
    end(p, c.how);
}

kedge::charge_request bill() {
    return kedge::charge_request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa")).key(key);
}

/// One server and one context for many cuts, each with a client of its own.
struct bench {
    asio::io_context io;
    scripted_server server{[](peer& p) { p.read_request(); }};

    bench() {
        user::hurry(io);
        asio::use_service<kedge::detail::lookup_service>(io).lookups()->use(loopback);
    }

    /// The phase as the client tells it, and what the server received.
    void ask(const http::request& what, const cut& c) {
        server.play([c](peer& p) { play(p, c); });
        http::client client(io, options_for(server));
        kedge::error_code failed;
        auto phase = send_phase::none;
        client.async_request(what, [&](kedge::error_code ec, const http::response&, send_phase reached) {
            failed = ec, phase = reached;
            io.stop();
        });
        run();
        const std::size_t received = received_so_far() - before_;
        CHECK(received >= (c.all ? c.written > 0 : c.read));
        if (received > 0) CHECK(phase >= send_phase::partial);
        if (c.all && c.written > 0) CHECK(phase >= send_phase::response_head);
        const bool whole = c.all && c.written == succeeded.size();
        CHECK((phase == send_phase::response_done) == whole);
        CHECK(bool(failed) == !whole);
    }

    /// One attempt of a payment.
    void pay(const cut& c) {
        server.play([c](peer& p) { play(p, c); });
        const auto over = std::make_shared<kedge::payment::http_exchange>(http::client(io, options_for(server)));
        kedge::payment_options o{.attempt_timeout = 2000s, .total_timeout = 20'000s, .max_retries = 0};
        kedge::payment_client payments(io, o, std::make_shared<kedge::payment::memory_journal>(), over);
        std::optional<outcome> out;
        payments.async_charge(bill(), [&](const kedge::payment_result& r) {
            out = r.outcome();
            io.stop();
        });
        run();
        REQUIRE(out.has_value());
        const bool whole = c.all && c.written == succeeded.size();
        if (received_so_far() > before_) CHECK(*out != outcome::not_sent);
        CHECK((*out == outcome::succeeded) == whole);
        CHECK((*out == outcome::succeeded || *out == outcome::unknown || *out == outcome::not_sent));
    }

private:
    void run() {
        before_ = received_so_far();
        io.restart();
        io.run();
        io.restart();
        io.poll();
    }
    std::size_t received_so_far() const {
        std::size_t all = 0;
        for (const visit& v : server.visits()) all += v.received;
        return all;
    }

    std::size_t before_ = 0;
};

/// Every byte of the request in one way of ending, every byte of the answer in each.
template <class F> void every_cut(std::size_t request_size, F f) {
    for (std::size_t read = 0; read < request_size; ++read)
        f(cut{read, 0, read % 2 == 0 ? then::cut : then::reset, false});
    for (std::size_t written = 0; written <= succeeded.size(); ++written)
        for (const then how : {then::goodbye, then::cut}) f(cut{0, written, how, true});
    for (std::size_t written = 0; written < succeeded.size(); ++written) f(cut{0, written, then::reset, true});
}

}  // namespace

TEST_CASE("whatever byte an exchange ends at, the phase is not below what the server has read") {
    bench b;
    const http::request charge = kedge::payment::generic_provider().charge(bill(), key);
    const std::size_t size = http::detail::text_of(charge, http::parse_url(b.server.url())).size();
    int cuts = 0;
    every_cut(size, [&](const cut& c) {
        CAPTURE(c.read, c.written, static_cast<int>(c.how));
        b.ask(charge, c);
        ++cuts;
    });
    CHECK(cuts > 500);
}

TEST_CASE("whatever byte an exchange ends at, a payment is not said to be unsent or done too soon") {
    bench b;
    const http::request charge = kedge::payment::generic_provider().charge(bill(), key);
    const std::size_t size = http::detail::text_of(charge, http::parse_url(b.server.url())).size();
    every_cut(size, [&](const cut& c) {
        CAPTURE(c.read, c.written, static_cast<int>(c.how));
        b.pay(c);
    });
}
