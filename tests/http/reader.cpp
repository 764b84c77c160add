// SPDX-License-Identifier: BSL-1.0
// Everything of HTTP that needs no network: URLs, requests before they are sent, answers byte by byte, Retry-After.
#include <kedge/http/impl/request_text.hpp>
#include <kedge/http/impl/response_reader.hpp>
#include <kedge/http/message.hpp>
#include <kedge/http/url.hpp>

#include "support/catch.hpp"

#include <stdexcept>
#include <string>

namespace http = kedge::http;
using http::errc;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct reading {
    kedge::error_code ec;
    bool done = false, keep_alive = false;
    std::size_t used = 0;
    http::response answer;
};

reading read(const std::string& bytes, std::size_t step, std::size_t max_body = 1000) {
    http::detail::response_reader reader(max_body);
    reading r;
    while (r.used < bytes.size() && !r.ec && !reader.done())
        r.used += reader.feed(std::string_view(bytes).substr(r.used, step), r.ec);
    r.done = reader.done();
    r.keep_alive = reader.keep_alive();
    r.answer = reader.get();
    return r;
}

std::string refusal(std::string_view url, bool plain = false) {
    try {
        http::parse_url(url, plain);
        return {};
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

std::string repeated(std::string_view what, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += what;
    return out;
}

}  // namespace

TEST_CASE("URLs are taken apart") {
    const auto u = http::parse_url("HTTPS://API.Example.com:8443/v2/");
    CHECK(u.host == "api.example.com");
    CHECK(u.port == 8443);
    CHECK(u.base == "/v2");
    CHECK(u.authority() == "api.example.com:8443");
    CHECK_FALSE(u.is_address());
    const auto six = http::parse_url("https://[::1]");
    CHECK(six.host == "::1");
    CHECK(six.is_address());
    CHECK(six.authority() == "[::1]");
    CHECK(http::parse_url("http://localhost", true).port == 80);
}

TEST_CASE("a URL that is refused says why, and never shows itself") {
    const std::pair<const char*, const char*> bad[] = {
        {"", "no scheme"}, {"api.example.com", "no scheme"}, {"ftp://a.example", "unknown scheme"},
        {"http://a.example", "not encrypted"}, {"https://", "host is missing"}, {"https://:443", "host is missing"},
        {"https:///path", "host is missing"}, {"https://user:hunter2@a.example", "no user or password"},
        {"https://a.example:0", "port"}, {"https://a.example:65536", "port"}, {"https://a.example:", "port"},
        {"https://a b.example", "neither"}, {"https://-a.example", "neither"}, {"https://a..b", "neither"},
        {"https://a.example.", "neither"}, {"https://1.2.3", "neither"}, {"https://0x7f.1", "neither"},
        {"https://[::1", "]"}, {"https://[a.example]", "neither"}, {"https://[::1]x", "only :port"},
        {"https://a.example?x=1", "query"}, {"https://a.example/#x", "fragment"}, {"https://a.example/a b", "character"},
        {"https://a.example\r\nX: y", "neither"}};
    for (const auto& [url, why] : bad) {
        INFO(url);
        CHECK_THAT(refusal(url), Catch::Contains(why));
        CHECK_THAT(refusal(url), Catch::Contains("https://host[:port][/base-path]"));
        CHECK_THAT(refusal(url), !Catch::Contains("hunter2"));
    }
}

TEST_CASE("a request that could be read as two is not sent") {
    CHECK_FALSE(http::detail::check({"POST", "/v1/charges?a=%20b", {{"Idempotency-Key", "k 1\t"}}, "x"}));
    const http::request bad[] = {
        {"", "/", {}, {}}, {"GET\r\n", "/", {}, {}}, {"CONNECT", "/", {}, {}}, {"GET", "", {}, {}},
        {"GET", "x", {}, {}}, {"GET", "/a b", {}, {}}, {"GET", "/a HTTP/1.1\r\nX: y", {}, {}}, {"GET", "/a\0"s, {}, {}},
        {"GET", "/#x", {}, {}}, {"GET", "//\x80", {}, {}}, {"GET", "/", {{"", "x"}}, {}}, {"GET", "/", {{"A B", "x"}}, {}},
        {"GET", "/", {{"A:", "x"}}, {}}, {"GET", "/", {{"A", "x\r\nEvil: 1"}}, {}}, {"GET", "/", {{"A", "x\ny"}}, {}},
        {"GET", "/", {{"A", "x\0y"s}}, {}}, {"GET", "/", {{"Host", "evil.example"}}, {}},
        {"GET", "/", {{"content-LENGTH", "3"}}, {}}, {"GET", "/", {{"Transfer-Encoding", "chunked"}}, {}}};
    for (const auto& r : bad) {
        INFO(r.method << ' ' << r.target);
        CHECK(http::detail::check(r) == errc::bad_request);
    }
    CHECK(http::detail::text_of({"POST", "/x", {{"A", "b"}}, "hi"}, http::parse_url("https://a.example:1/v2")) ==
          "POST /v2/x HTTP/1.1\r\nHost: a.example:1\r\nA: b\r\nContent-Length: 2\r\n\r\nhi");
}

TEST_CASE("answers are read alike however the bytes are cut") {
    const std::string text = "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nA: b \r\nTransfer-Encoding: Chunked\r\n\r\n"
                             "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nIdempotency-Replayed: true\r\n\r\n";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        const reading r = read(text + "HTTP/1.1 500", step);
        INFO(step);
        REQUIRE(r.done);
        CHECK(r.used == text.size());
        CHECK(r.keep_alive);
        CHECK(r.answer.status == 200);
        CHECK(r.answer.body == "hello!");
        CHECK(r.answer["a"] == "b");
        CHECK(r.answer["idempotency-replayed"].empty());
    }
    CHECK(read("HTTP/1.1 204 No\r\n\r\n", 100).done);
    CHECK_FALSE(read("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n", 100).keep_alive);
    CHECK_FALSE(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 100).keep_alive);
    CHECK_FALSE(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 100).done);
}

TEST_CASE("answers that could be read in two ways are refused") {
    const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string bad[] = {
        ok + "\r\n", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        ok + "Content-Length: 5, 5\r\n\r\n", ok + "Content-Length: +5\r\n\r\n", ok + "Content-Length: -1\r\n\r\n",
        ok + "Content-Length: 99999999999999999999\r\n\r\n", ok + "Content-Length: \r\n\r\n",
        ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", ok + "Transfer-Encoding: xchunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ok + "A: b\r\n c\r\n", ok + "Content-Length : 5\r\n\r\n",
        ok + "A: a\0b\r\n"s, ok + "A: a\rb\r\n", "HTTP/1.1 200 OK\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 099 X\r\n",
        "HTTP/1.1 999 X\r\n", "HTTP/1.1 2000 X\r\n", "HTTP/1.1 101 Switch\r\n", "<html>\r\n", "HTTP/1.1 20 X\r\n",
        "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", chunked + "ZZ\r\n", chunked + "-1\r\n", chunked + "0x1\r\n",
        chunked + "fffffffffffffffff\r\n", chunked + "\r\n", chunked + "1\r\nab\r\n",
        repeated("HTTP/1.1 100 Continue\r\n\r\n", 9)};
    for (const auto& text : bad) {
        INFO(text);
        CHECK(read(text, 1000).ec == errc::bad_response);
        CHECK(read(text, 1).ec == errc::bad_response);
    }
    CHECK_FALSE(read(repeated("HTTP/1.1 100 Continue\r\n\r\n", 8) + ok + "Content-Length: 0\r\n\r\n", 7).ec);
}

TEST_CASE("answers are bounded in every part") {
    const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string big[] = {ok + "Content-Length: 1001\r\n\r\n", chunked + "3e9\r\n",
                               chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n",
                               chunked + "5;x=" + std::string(300, 'a'), ok + repeated("X-A: aaaaaaaaaaaaaaaa\r\n", 1000),
                               chunked + "0\r\n" + repeated("X-A: aaaaaaaaaaaaaaaa\r\n", 1000), ok + std::string(20000, 'a')};
    for (const auto& text : big) {
        INFO(text.substr(0, 80));
        CHECK(read(text, 4096).ec == errc::response_too_large);
        CHECK(read(text, 3).ec == errc::response_too_large);
    }
    CHECK(read(ok + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x'), 64).answer.body.size() == 1000);
}

TEST_CASE("Retry-After: seconds, a date against the answer's own date, and nothing else") {
    const auto after = [](std::vector<http::header> h) { return http::retry_after({503, std::move(h), {}}); };
    CHECK(after({{"Retry-After", "7"}}) == 7s);
    CHECK(after({{"Retry-After", " 120\t"}}) == 120s);
    CHECK(after({{"Retry-After", "1"}, {"retry-after", "100"}}) == 100s);
    CHECK(after({{"Retry-After", "999999999"}}) == 3600s);
    const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (const char* good : {"Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"}) {
        CAPTURE(good);
        CHECK(after({{"Date", date}, {"Retry-After", good}}) == 30s);
        CHECK(after({{"Date", good}, {"Retry-After", good}}) == 0s);
        CHECK(after({{"Date", good}, {"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}) == 30s);
    }
    CHECK(after({{"Date", "Thu Nov 10 08:49:37 1994"}, {"Retry-After", "Thursday, 10-Nov-94 08:49:38 GMT"}}) == 1s);
    CHECK(after({{"Date", "Fri, 31 Dec 1999 23:59:50 GMT"}, {"Retry-After", "Saturday, 01-Jan-00 00:00:00 GMT"}}) == 10s);
    CHECK(after({{"Date", date}, {"Retry-After", "Sat, 05 Nov 1994 08:50:07 GMT"}}) == 0s);
    CHECK(after({{"Date", date}, {"Retry-After", "Sun, 06 Nov 2044 08:50:07 GMT"}}) == 3600s);
    for (const char* bad :
         {"", "-1", "+1", "1.5", "soon", "99999999999", "1 2", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07",
          "Sun, 06 Nov 1994 08:50:07 CET", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
          "Son, 06 Nov 1994 08:50:07 GMT", "Sun, 6 Nov 1994 08:50:07 GMT", "Sun, 06 nov 1994 08:50:07 GMT",
          "Sunday, 06-Nov-1994 08:50:07 GMT", "Sonday, 06-Nov-94 08:50:07 GMT", "Sun, 06-Nov-94 08:50:07 GMT",
          "Sun Nov 6 08:50:07 1994 GMT", "Sun Nov  6 08:50:07 94", "Sun, 06 Nov 1994 08:50:-7 GMT", "Sun"}) {
        CAPTURE(bad);
        CHECK(after({{"Date", date}, {"Retry-After", bad}}) == 0s);
    }
}

TEST_CASE("Retry-After: without a date of the answer's own ours counts, if it is known") {
    const http::wall_time ours(std::chrono::seconds(784'111'777));  // 1994-11-06T08:49:37
    const auto after = [](const char* date, const char* field, std::optional<http::wall_time> received) {
        return http::retry_after({503, {{"Date", date}, {"Retry-After", field}}, {}}, received);
    };
    for (const char* good : {"Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"}) {
        CHECK(after("yesterday", good, ours) == 30s);
        CHECK(after("yesterday", good, ours + 29'500ms) == 1s);  // to the whole second, rather later
        CHECK(after("yesterday", good, ours + 1h) == 0s);
        CHECK(after("yesterday", good, std::nullopt) == 0s);
        CHECK(after("Sun, 06 Nov 1994 08:50:00 GMT", good, ours) == 7s);
    }
}

TEST_CASE("a date counts from 1970 to 2200") {
    const auto date = [](const char* field) {
        const auto seen = http::date_of({200, {{"Date", field}}, {}}, http::wall_time());
        return seen ? std::chrono::floor<std::chrono::seconds>(*seen).time_since_epoch().count() : -1;
    };
    CHECK(date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    CHECK(date("Sun, 06 Nov 1994 08:49:37 GMT") == 784'111'777);
    CHECK(date("Wed, 31 Dec 2200 23:59:59 GMT") == 7'289'654'399);
    for (const char* far : {"Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
                            "Thu, 01 Jan 2201 00:00:00 GMT"})
        CHECK(date(far) == -1);
}

TEST_CASE("an answer judges itself") {
    const auto judge = [](int status) { return kedge_classify({}, http::response{status, {{"Retry-After", "2"}}, {}}); };
    CHECK(judge(200).judged == kedge::kind::success);
    CHECK(judge(404).judged == kedge::kind::success);
    CHECK(judge(500).judged == kedge::kind::failure);
    CHECK(judge(429).judged == kedge::kind::overload);
    CHECK(judge(503).judged == kedge::kind::overload);
    CHECK(judge(503).retry_after == 2s);
    CHECK(kedge_classify(boost::asio::error::connection_refused, http::response{}).again == kedge::replay::always);
}
