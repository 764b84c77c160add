// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scripted_server.hpp"

#include <kedge/http/error.hpp>
#include <kedge/http/message.hpp>
#include <kedge/payment/outcome.hpp>

#include <boost/asio/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace http_test {

/// What the server does when its bytes are written.
enum class then : std::uint8_t {
    stay,     ///< reads the next request
    goodbye,  ///< ends in order
    cut,      ///< ends without `close_notify`
    reset,
    stall,    ///< says nothing more
    trickle,  ///< repeats its last byte now and then, for ever
};

/// What becomes of the connection.
enum class fate : std::uint8_t { reused, closed };

using kedge::http::errc;
using kedge::http::send_phase;
using kedge::payment::outcome;

/// One way to answer a request, byte for byte, and what has to come of it.
struct fault {
    std::string name;
    std::string bytes;
    then after = then::stay;
    kedge::error_code ec{};
    int status = 200;  ///< without an error
    fate connection = fate::closed;
    send_phase phase = send_phase::response_done;
    outcome paid = outcome::unknown;  ///< when every attempt is answered like that
    bool again = true;                ///< whether a payment is tried once more

    void play(peer& p) const {
        p.write(bytes);
        switch (after) {
        case then::stay: return;
        case then::goodbye: return p.goodbye();
        case then::cut: return;
        case then::reset: return p.reset();
        case then::stall: return p.wait_for_end();
        case then::trickle:
            while (!p.hears_within(20)) p.write(std::string_view(bytes).substr(bytes.size() - 1));
        }
    }
};

inline std::string repeated(std::string_view what, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += what;
    return out;
}

inline const std::string ok = "HTTP/1.1 200 OK\r\n", hello = "Content-Length: 5\r\n\r\nhello", good = ok + hello,
                         chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

/// Answers that are read, and what they leave behind.
inline std::vector<fault> readable_answers() {
    const auto read = [](std::string name, std::string bytes, fate f, int status = 200) {
        return fault{.name = std::move(name), .bytes = std::move(bytes), .status = status, .connection = f};
    };
    const auto redirect = [&](int status, outcome paid) {
        const std::string text = std::to_string(status), location = " Go\r\nLocation: http://elsewhere.example/\r\n";
        fault f = read("redirect " + text, "HTTP/1.1 " + text + location + hello, fate::reused, status);
        f.paid = paid;
        f.again = false;
        return f;
    };
    return {
        read("a length", good, fate::reused),
        read("chunks", chunked + "5\r\nhello\r\n0\r\n\r\n", fate::reused),
        read("a trailer that would be a header", chunked + "5\r\nhello\r\n0\r\nRetry-After: 99\r\n\r\n", fate::reused),
        read("103 before", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + good, fate::reused),
        read("8 times 100 before", repeated("HTTP/1.1 100 Continue\r\n\r\n", 8) + good, fate::reused),
        read("Connection: close", ok + "Connection: close\r\n" + hello, fate::closed),
        read("HTTP/1.0", "HTTP/1.0 200 OK\r\n" + hello, fate::closed),
        read("Keep-Alive with a second left", ok + "Keep-Alive: timeout=1\r\n" + hello, fate::closed),
        read("Keep-Alive with time", ok + "Keep-Alive: max=5, timeout=100000\r\n" + hello, fate::reused),
        read("two answers", good + good, fate::closed),
        read("bytes behind", good + "x", fate::closed),
        read("204", "HTTP/1.1 204 No Content\r\n\r\n", fate::reused, 204),
        read("204 with a body", "HTTP/1.1 204 No Content\r\n\r\nhello", fate::closed, 204),
        read("gzip, which stays as it is", ok + "Content-Encoding: gzip\r\n" + hello, fate::reused),
        read("a cookie, which is forgotten", ok + "Set-Cookie: a=b\r\n" + hello, fate::reused),
        redirect(302, outcome::unknown),
        redirect(307, outcome::rejected),
        redirect(308, outcome::rejected),
    };
}

/// Refused as soon as the bytes are there.
struct refused_answers {
    kedge::error_code why;
    then after = then::stay;
    std::vector<fault> all{};

    void operator()(std::string name, std::string bytes) {
        all.push_back({.name = std::move(name), .bytes = std::move(bytes), .after = after, .ec = why,
                       .phase = send_phase::response_head});
    }
};

/// Answers whose end two readers could see in different places.
inline std::vector<fault> ambiguous_lengths() {
    refused_answers refuse{errc::bad_response};
    refuse("no length", ok + "\r\nhello");
    refuse("negative length", ok + "Content-Length: -5\r\n\r\nhello");
    refuse("signed length", ok + "Content-Length: +5\r\n\r\nhello");
    refuse("overflowing length", ok + "Content-Length: 18446744073709551617\r\n\r\nhello");
    refuse("empty length", ok + "Content-Length:\r\n\r\nhello");
    refuse("list of lengths", ok + "Content-Length: 5, 5\r\n\r\nhello");
    refuse("two equal lengths", ok + "Content-Length: 5\r\n" + hello);
    refuse("two different lengths", ok + "Content-Length: 4\r\n" + hello);
    refuse("length and chunks", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    refuse("chunks and length", ok + "Transfer-Encoding: chunked\r\n" + hello);
    refuse("xchunked", ok + "Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    refuse("gzip, chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    refuse("chunked, gzip", ok + "Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    refuse("chunked twice", ok + repeated("Transfer-Encoding: chunked\r\n", 2) + "\r\n0\r\n\r\n");
    refuse("chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    refuse("bad chunk size", chunked + "zz\r\nhello\r\n0\r\n\r\n");
    refuse("signed chunk size", chunked + "+5\r\nhello\r\n0\r\n\r\n");
    refuse("overflowing chunk size", chunked + "10000000000000005\r\nhello\r\n0\r\n\r\n");
    refuse("chunk longer than said", chunked + "4\r\nhello\r\n0\r\n\r\n");
    return refuse.all;
}

/// Heads that two readers could take apart in different ways.
inline std::vector<fault> ambiguous_heads() {
    using namespace std::string_literals;
    refused_answers refuse{errc::bad_response};
    refuse("folded line", ok + "A: b\r\n c\r\n" + hello);
    refuse("bare line feed", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello");
    refuse("bare carriage return", ok + "A: b\rc\r\n" + hello);
    refuse("space before the colon", ok + "Content-Length : 5\r\n\r\nhello");
    refuse("NUL", ok + "A: b\0c\r\n"s + hello);
    refuse("100 times 100", repeated("HTTP/1.1 100 Continue\r\n\r\n", 100) + good);
    refuse("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    refuse("100 with a length", "HTTP/1.1 100 Continue\r\n" + hello + good);
    refuse("204 with a length", "HTTP/1.1 204 No Content\r\n" + hello);
    refuse("HTTP/0.9", "<html>hello</html>\r\n");
    refuse("HTTP/2.0", "HTTP/2.0 200 OK\r\n" + hello);
    refuse("status 099", "HTTP/1.1 099 Low\r\n" + hello);
    refuse("status 999", "HTTP/1.1 999 High\r\n" + hello);
    refuse("status 2000", "HTTP/1.1 2000 Long\r\n" + hello);
    return refuse.all;
}

/// Answers that are never over. @param max_body of the client
inline std::vector<fault> boundless_answers(int max_body) {
    refused_answers refuse{errc::response_too_large, then::stall};
    refuse("64 KB of header", ok + "A: " + std::string(64 << 10, 'a'));
    refuse("2000 headers", ok + repeated("A: b\r\n", 2000));
    refuse("120 KB of trailers", chunked + "0\r\n" + repeated("Abc: 0123456789abcdef0123456789\r\n", 3600));
    refuse("4 MB of chunk extension", chunked + "1;a=" + std::string(4 << 20, 'a'));
    refuse("4 MB of chunk extensions", chunked + repeated("1;a=" + std::string(200, 'a') + "\r\nx\r\n", 20'000));
    refuse("a long body", ok + "Content-Length: " + std::to_string(max_body + 1) + "\r\n\r\n");
    refuse("many chunks", chunked + repeated("400\r\n" + std::string(1024, 'x') + "\r\n", max_body / 1024 + 1));
    return refuse.all;
}

/// Answers that end too early, or not at all.
inline std::vector<fault> broken_answers() {
    namespace net = boost::asio::error;
    constexpr send_phase sent = send_phase::complete, began = send_phase::response_head;
    const std::string half = ok + "Content-Length: 10\r\n\r\nhello";
    const kedge::error_code late = kedge::errc::timed_out;
    return {
        {.name = "an end in place of an answer", .bytes = "", .after = then::goodbye, .ec = net::eof, .phase = sent},
        {.name = "a cut in place of an answer", .bytes = "", .after = then::cut, .ec = net::eof, .phase = sent},
        {.name = "a reset in place of an answer", .bytes = "", .after = then::reset, .ec = net::connection_reset, .phase = sent},
        {.name = "nothing", .bytes = "", .after = then::stall, .ec = late, .phase = sent},
        {.name = "a header in drops", .bytes = ok + "A: b", .after = then::trickle, .ec = late, .phase = began},
        {.name = "a header without end", .bytes = ok + "A: b\r\n", .after = then::stall, .ec = late, .phase = began},
        {.name = "a body that stops", .bytes = half, .after = then::stall, .ec = late, .phase = began},
        {.name = "a body in drops", .bytes = ok + "Content-Length: 50000\r\n\r\nh", .after = then::trickle, .ec = late,
         .phase = began},
        {.name = "an end in the body", .bytes = half, .after = then::goodbye, .ec = errc::truncated, .phase = began},
        {.name = "a cut in the body", .bytes = half, .after = then::cut, .ec = errc::truncated, .phase = began},
        {.name = "a reset in the body", .bytes = half, .after = then::reset, .ec = errc::truncated, .phase = began},
        {.name = "an end in a chunk", .bytes = chunked + "5\r\nhel", .after = then::goodbye, .ec = errc::truncated,
         .phase = began},
        {.name = "an end before the last chunk", .bytes = chunked + "5\r\nhello\r\n", .after = then::goodbye,
         .ec = errc::truncated, .phase = began},
        {.name = "an end in the trailers", .bytes = chunked + "0\r\nA: b\r\n", .after = then::goodbye, .ec = errc::truncated,
         .phase = began},
        {.name = "an end after a whole answer", .bytes = good, .after = then::goodbye},
        {.name = "a cut after a whole answer", .bytes = good, .after = then::cut},
    };
}

inline constexpr int fault_body_limit = 64 * 1024;

inline std::vector<fault> all_faults() {
    std::vector<fault> all = readable_answers();
    for (const auto& more : {ambiguous_lengths(), ambiguous_heads(), boundless_answers(fault_body_limit), broken_answers()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace http_test
