// SPDX-License-Identifier: BSL-1.0
// The transport of logs against a server on loopback: what goes out, what comes back, and how it ends.
#include "captured.hpp"
#include "dock.hpp"
#include "gunzip.hpp"

#include <kedge/aws/detail/gzip.hpp>
#include <kedge/aws/sigv4.hpp>
#include <kedge/detail/resolve.hpp>
#include <kedge/timer.hpp>

#include <cstdint>
#include <cstdio>

using namespace aws_test;

namespace {

/// "20251026T152646Z"
http::wall_time parse_time(const std::string& basic) {
    using namespace std::chrono;
    int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0;
    CHECK(std::sscanf(basic.c_str(), "%4d%2d%2dT%2d%2d%2dZ", &y, &mon, &d, &h, &min, &s) == 6);
    return sys_days(year(y) / mon / d) + hours(h) + minutes(min) + seconds(s);
}

/// As the service does it: from what came in, and the keys.
std::string signature_of(const https_server& server, const http::request& heard) {
    http::request plain{heard.method, heard.target, {}, heard.body};
    for (const char* name : {"Content-Type", "X-Amz-Target", "Content-Encoding"})
        if (const std::string value = field_of(heard, name); !value.empty()) plain.headers.push_back({name, value});
    aws::sigv4_signer signer(http::parse_url(server.url("localhost"), true), region, "logs");
    signer.sign(plain, a_user(), parse_time(field_of(heard, "X-Amz-Date")));
    return field_of(plain, "Authorization");
}

}  // namespace

TEST_CASE("a request names its operation and is signed for the service's clock; its connection is kept", "[aws]") {
    https_server server;
    server.always(accepts());
    dock d(server);
    const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    CHECK(d.ship({operation::create_stream, R"({"a":1})", false, 1h}).answer.kind == answer_kind::accepted);
    const aws::log_response got = d.ship();
    CHECK(got.answer.kind == answer_kind::accepted);
    CHECK(got.body == batch);  // its memory
    d.io.restart();
    d.io.run();  // a connection at rest keeps no context running
    const auto heard = server.heard();
    REQUIRE(heard.size() == 2);
    CHECK(server.connections() == 1);
    CHECK(heard[0].method + " " + heard[0].target == "POST /");
    CHECK(field_of(heard[0], "X-Amz-Target") == "Logs_20140328.CreateLogStream");
    CHECK(field_of(heard[1], "X-Amz-Target") == "Logs_20140328.PutLogEvents");
    CHECK(field_of(heard[1], "Content-Type") == "application/x-amz-json-1.1");
    CHECK(field_of(heard[1], "Content-Encoding").empty());
    CHECK(field_of(heard[1], "X-Amz-Security-Token") == "t0k3n");
    CHECK(heard[1].body == batch);
    for (const http::request& one : heard) CHECK(field_of(one, "Authorization") == signature_of(server, one));
    const auto ahead = parse_time(field_of(heard[0], "X-Amz-Date")) - before;
    CHECK((ahead >= 1h && ahead < 1h + 30s));
    CHECK(parse_time(field_of(heard[1], "X-Amz-Date")) - before < 30s);
}

TEST_CASE("a body is compressed if that makes it smaller, and signed as it is sent", "[aws]") {
    https_server server;
    server.always(accepts());
    dock d(server);
    CHECK(d.ship({operation::put_events, many, true}).body == many);
    CHECK(d.ship({operation::put_events, "{}", true}).answer.kind == answer_kind::accepted);
    CHECK(d.ship({operation::put_events, many}).body == many);
    const auto heard = server.heard();
    REQUIRE(heard.size() == 3);
    CHECK(heard[2].body == many);
    CHECK(field_of(heard[0], "Content-Encoding") == "gzip");
    CHECK(heard[0].body.size() < many.size() / 100);
    CHECK(gunzip(heard[0].body) == many);
    CHECK(field_of(heard[0], "Authorization") == signature_of(server, heard[0]));
    CHECK(field_of(heard[1], "Content-Encoding").empty());
    CHECK(heard[1].body == "{}");
}

TEST_CASE("gzip of any length is what gunzip reads, or nothing", "[aws]") {
    std::string noise;
    for (std::uint32_t i = 0, x = 1; i < 3000; ++i) noise += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
    CHECK(aws::detail::gzip(noise).empty());
    CHECK(aws::detail::gzip({}).empty());
    std::size_t smaller = 0;
    for (std::size_t size = 0; size < 600; size += 1 + size / 20) {
        const std::string plain = noise.substr(0, size / 2) + many.substr(0, size - size / 2), packed = aws::detail::gzip(plain);
        smaller += !packed.empty();
        CHECK((packed.empty() || (packed.size() < plain.size() && gunzip(packed) == plain)));
    }
    CHECK(smaller > 20);
}

TEST_CASE("what came back is an answer of the service, or tells whether the events may be stored", "[aws]") {
    struct row {
        const char* name;
        served does;
        answer_kind kind;
        bool may_be_stored = false;
        std::string message{};
    };
    const std::string half = "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nContent-Length: 9\r\n\r\n{";
    const row rows[] = {
        {"accepted", accepts(), answer_kind::accepted},
        {"throttled",
         {way::reply, 400, {{"x-amz-retry-after", "70"}}, R"({"__type":"Throttling","message":"Rate exceeded"})", {}},
         answer_kind::throttled, false, "Rate exceeded"},
        {"code in a header", {way::reply, 400, {{"x-amzn-ErrorType", "ExpiredTokenException:http://x/"}}, "", {}},
         answer_kind::stale_credentials},
        {"a portal", {way::reply, 200, {}, "<html>", {}}, answer_kind::unknown, true},
        {"no request id", {way::reply, 200, {}, "{}", {}}, answer_kind::unknown, true},
        {"no HTTP", {way::raw, 0, {}, "what?\r\n\r\n", {}}, answer_kind::unknown, true, "malformed"},
        {"cut", {way::raw, 0, {}, half, {}}, answer_kind::unknown, true, "in the middle"},
        {"reset", {.how = way::reset}, answer_kind::unknown, true, "reset"},
    };
    for (const row& one : rows) {
        INFO(one.name);
        https_server server;
        server.next(accepts()).next(one.does);
        dock d(server);
        CHECK(d.ship().answer.kind == answer_kind::accepted);
        const aws::detail::service_answer got = d.ship().answer;
        CHECK(got.kind == one.kind);
        CHECK(got.may_be_stored == one.may_be_stored);
        CHECK_THAT(got.message, Catch::Contains(one.message));
        CHECK(got.retry_after == (one.kind == answer_kind::throttled ? 70ms : 0ms));
        CHECK(server.requests() == 2);  // nothing is repeated here
    }
}

TEST_CASE("the service's clock is seen in its Date, but not in a cache's or a proxy's", "[aws]") {
    https_server server;
    const http::header date{"Date", "Sun, 26 Oct 2025 15:26:46 GMT"};
    server.next(accepts({date})).next(accepts({date, {"Age", "1"}})).next(accepts({{"Date", "today"}})).next(accepts());
    server.next({way::reply, 502, {date}, "<html>", {}});
    dock d(server);
    const std::optional<aws::clock_sight> sight = d.ship().clock;
    REQUIRE(sight);
    CHECK(sight->date_ms == 1'761'492'406'000);
    CHECK(sight->received_ms >= sight->sent_ms);
    CHECK(sight->sent_ms > sight->date_ms);
    for (int i = 0; i < 4; ++i) CHECK_FALSE(d.ship().clock);
}

TEST_CASE("what was certainly not sent says so, and why", "[aws]") {
    const auto not_sent = [](dock& d, const std::string& why) {
        const aws::detail::service_answer got = d.ship().answer;
        CHECK(got.kind == answer_kind::not_sent);
        CHECK_FALSE(got.may_be_stored);
        CHECK_THAT(got.message, Catch::Contains(why));
    };
    std::optional<https_server> server(std::in_place);
    dock stranger;
    aws::endpoint_options here{.region = region, .url = server->url()};
    stranger.transport = aws::https_transport(stranger.io, {.where = here, .keys = stranger.keys});
    not_sent(stranger, "certificate");
    dock late(*server);
    dock misled;
    asio::use_service<kedge::detail::lookup_service>(misled.io).lookups()->use([](auto&, auto& port, auto& found) {
        return kedge::detail::resolve_literal("169.254.169.254", port, found);
    });
    misled.transport = aws::https_transport(misled.io, {.where = {.region = region}, .keys = misled.keys});
    not_sent(misled, "not allowed");
    CHECK(server->requests() == 0);
    const std::string where = server->url().substr(server->url().find("//") + 2);
    server.reset();
    not_sent(late, where + ": Connection refused");
}

TEST_CASE("a silent server costs the limit of a request, which begins before its keys come", "[aws]") {
    https_server server(kedge::testing::certificate_kind::good, false);
    server.always({.how = way::silence});
    const auto slow = std::make_shared<slow_provider>();
    dock d(server, dock::time::left_out, slow);
    const kedge::time_point before = d.clock->now();
    kedge::async_sleep(d.io, aws::https_log_transport::request_limit - 1s, [&](auto) {
        slow->waiting.at(0)({std::make_shared<aws::credentials>(a_user()), {}});
        slow->waiting.clear();
    });
    const auto silence = [&] { return server.requests() == 1 || slow->waiting.size() == 1; };
    const aws::detail::service_answer got = d.ship({operation::put_events, batch}, silence).answer;
    CHECK(got.kind == answer_kind::unknown);
    CHECK(got.may_be_stored);
    CHECK_THAT(got.message, Catch::Contains("timed out"));
    CHECK(d.clock->now() - before >= aws::https_log_transport::request_limit);
    CHECK(d.clock->now() - before < 2 * aws::https_log_transport::request_limit - 1s);
}

TEST_CASE("keys that do not come cost the limit of a request, and later ones nothing", "[aws]") {
    https_server server;
    const auto slow = std::make_shared<slow_provider>();
    dock d(server, dock::time::left_out, slow);
    const kedge::time_point before = d.clock->now();
    const auto got = d.ship({operation::put_events, batch}, [] { return true; }).answer;
    CHECK(got.kind == answer_kind::not_sent);
    CHECK_THAT(got.message, Catch::Contains("no keys"));
    const kedge::nanoseconds took = d.clock->now() - before;
    CHECK((took >= aws::https_log_transport::request_limit && took < 2 * aws::https_log_transport::request_limit));
    d.transport.reset();
    CHECK(slow.use_count() == 2);  // ours: whom it forgets keeps nothing alive
    for (auto& late : slow->waiting) late({std::make_shared<aws::credentials>(a_user()), {}});
    d.io.restart();
    d.io.run();
    CHECK(server.connections() == 0);
}

TEST_CASE("without keys nothing goes out; their reason comes back, and new ones can be asked for", "[aws]") {
    https_server server;
    const auto slow = std::make_shared<slow_provider>();
    dock d(server, dock::time::real, slow);
    asio::post(d.io, [&] { slow->waiting.at(0)({nullptr, "AWS_ACCESS_KEY_ID is not set"}); });
    const aws::log_response got = d.ship();
    CHECK(got.answer.kind == answer_kind::stale_credentials);
    CHECK_FALSE(got.answer.may_be_stored);
    CHECK(got.answer.message == "AWS_ACCESS_KEY_ID is not set");
    CHECK(got.body == batch);
    slow->at_once = aws::credentials_answer{nullptr, std::string(500, '-') + " still not"};  // as long as all sources have to say
    CHECK_THAT(d.ship().answer.message, Catch::EndsWith("still not"));
    CHECK(server.connections() == 0);

    int renewed = 0;
    for (int i = 0; i < 2; ++i) d.transport->refresh_credentials([&] { ++renewed; });
    slow->renewing.at(0)({nullptr, "no"});
    slow->renewing.at(1)({std::make_shared<aws::credentials>(a_user()), {}});
    CHECK(renewed == 0);
    d.io.restart();
    d.io.run();
    CHECK(renewed == 1);

    dock fixed(server);
    fixed.transport->refresh_credentials([&] { ++renewed; });
    fixed.io.run();
    CHECK(renewed == 1);
    CHECK_THROWS_WITH(aws::https_transport(d.io, {.where = {.region = region}}), Catch::Contains("provider of credentials"));
}

TEST_CASE("requests under way outlive their transport, but not their context", "[aws]") {
    https_server server;
    server.always(accepts());
    dock d(server);
    int ended = 0;
    d.transport->start({operation::put_events, batch, true}, [&](const aws::log_response& got) {
        ended += got.answer.kind == answer_kind::accepted;
    });
    d.transport.reset();
    d.io.run();
    CHECK(ended == 1);

    server.always({.how = way::silence});
    const auto slow = std::make_shared<slow_provider>();
    std::shared_ptr<aws::log_transport> left;
    {
        dock gone(server), keyless(server, dock::time::real, slow);
        for (const bool gzip : {false, true})
            for (dock* each : {&gone, &keyless})
                each->transport->start({operation::put_events, many, gzip}, [&](const aws::log_response&) { ++ended; });
        const int before = server.requests();
        while (server.requests() == before) gone.io.run_one_for(10ms);
        left = gone.transport;
    }
    for (auto& late : slow->waiting) late({std::make_shared<aws::credentials>(a_user()), {}});
    left.reset();
    CHECK(ended == 1);
}
