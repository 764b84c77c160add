// SPDX-License-Identifier: BSL-1.0
// Answers byte for byte, through real TLS: what the client says, and what it does with the connection.
#include "fault_table.hpp"
#include "user.hpp"

#include "support/catch.hpp"

#include <atomic>
#include <future>
#include <string>
#include <vector>

namespace http = kedge::http;
using namespace http_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

http::client_options options(const scripted_server& server) {
    auto o = options_for(server);
    o.max_body = fault_body_limit;
    return o;
}

/// Answers the first request as the row says, all others well.
struct faulty_server {
    explicit faulty_server(const fault& f) : server([this, &f](peer& p) { serve(p, f); }) {}

    void serve(peer& p, const fault& f) {
        for (std::string text = p.read_request(); !text.empty(); text = p.read_request()) {
            if (note(text) > 1) {
                p.write(good);
                continue;
            }
            f.play(p);
            if (f.after != then::stay) return;
        }
    }

    std::size_t note(const std::string& text) {
        const std::lock_guard lock(mutex_);
        heard_.push_back(text);
        return heard_.size();
    }
    std::vector<std::string> heard() {
        const std::lock_guard lock(mutex_);
        return heard_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> heard_;

public:
    scripted_server server;
};

}  // namespace

TEST_CASE("every answer is read, refused or given up as the table says") {
    for (const fault& f : all_faults()) {
        CAPTURE(f.name);
        faulty_server s(f);
        user u(options(s.server), loopback);
        kedge::call limited;
        if (f.ec == kedge::errc::timed_out) limited.deadline = kedge::runtime::of(u.io.get_executor()).now() + 80s;
        const result r = u.ask({"GET", "/health"}, limited);
        CHECK(r.ec == f.ec);
        CHECK(r.phase == f.phase);
        CHECK(r.answer.status == (f.ec ? 0 : f.status));
        if (!f.ec && f.status == 200) CHECK(r.answer.body == "hello");
        CHECK(http::retry_after(r.answer) == 0s);
        CHECK(u.client.snapshot().used == 0);
        const bool they_end = f.after == then::goodbye || f.after == then::cut || f.after == then::reset;
        if (they_end) s.server.wait_for_ends(1);  // else the next request could be on its way before the end is
        const result next = u.ask();
        CHECK_FALSE(next.ec);
        CHECK(next.answer.body == "hello");
        CHECK(s.server.connections() == (f.connection == fate::reused ? 1 : 2));
        const auto heard = s.heard();
        REQUIRE(heard.size() == 2);  // nothing was repeated, nobody else was asked
        CHECK(heard[0] == heard[1]);
    }
}

TEST_CASE("what a server does to an idle connection is found before the next request is written") {
    struct {
        const char* name;
        void (*disturb)(peer&);
    } const rows[] = {{"an answer that nobody asked for", [](peer& p) { p.write(good); }},
                      {"an end", [](peer& p) { p.goodbye(); }},
                      {"a 408 and an end", [](peer& p) { p.write("HTTP/1.1 408 Idle\r\n" + hello), p.goodbye(); }},
                      {"the end of the bytes", [](peer& p) { p.finish(); }}};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        std::promise<void> idle, disturbed;
        std::atomic<int> served{0};
        const auto script = [&](peer& p) {
            const bool first = served++ == 0;
            while (!p.read_request().empty()) {
                p.write(good);
                if (!first) continue;
                idle.get_future().wait();
                row.disturb(p);
                disturbed.set_value();
            }
        };
        scripted_server server(script);
        user u(options(server), loopback);
        CHECK_FALSE(u.ask().ec);
        idle.set_value();
        disturbed.get_future().wait();
        const result r = u.ask({"POST", "/x", {}, "y"});
        CHECK_FALSE(r.ec);
        CHECK(r.answer.status == 200);
        CHECK(server.connections() == 2);
        const auto seen = server.visits();
        CHECK(seen.front().requests == 1);
        CHECK(seen.back().requests == 1);
    }
}

TEST_CASE("the longest Retry-After counts, and none in a trailer") {
    const std::string body = "Transfer-Encoding: chunked\r\n\r\n0\r\nRetry-After: 99\r\n\r\n";
    const fault f{.name = "two", .bytes = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nRetry-After: 7\r\n" + body, .status = 503};
    faulty_server s(f);
    user u(options(s.server), loopback);
    const result r = u.ask();
    CHECK(r.answer.status == 503);
    CHECK(http::retry_after(r.answer) == 7s);
    CHECK(r.answer.headers.size() == 3);
}

TEST_CASE("what could be read as two requests does not even open a connection") {
    const fault f{.name = "none", .bytes = good};
    faulty_server s(f);
    user u(options(s.server), loopback);
    const auto with = [](std::string name, std::string value) {
        return http::request{"GET", "/", {{std::move(name), std::move(value)}}};
    };
    const http::request bad[] = {
        with("A", "b\r\nEvil: 1"), with("A", "b\nEvil: 1"), with("A", "b\rc"), with("A", "b\0c"s),
        with("A\r\nEvil", "b"), with("A\0"s, "b"), with("A b", "c"), with("A:", "c"), with("", "c"),
        with("Host", "evil.example"), with("Content-Length", "1"), with("Transfer-Encoding", "chunked"), with("TE", "trailers"),
        {"GET", "/a\r\nEvil: 1"}, {"GET", "/a b"}, {"GET", "/a\0"s}, {"GET", "/\x80"}, {"GET", "a"},
        {"GET", "https://evil.example/"}, {"GET", ""}, {"GET\r\n", "/"}, {"G T", "/"}, {"", "/"}, {"CONNECT", "/"}};
    for (const auto& r : bad) {
        CAPTURE(r.method, r.target);
        const result refused = u.ask(r);
        CHECK(refused.ec == errc::bad_request);
        CHECK(refused.phase == send_phase::none);
    }
    CHECK(s.server.connections() == 0);
    CHECK_FALSE(u.ask().ec);
}
