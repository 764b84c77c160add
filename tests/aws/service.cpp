// SPDX-License-Identifier: BSL-1.0
// The tests' own CloudWatch Logs: that it refuses what AWS refuses, does what it is told to do wrong, and remembers what it took.
#include "../support/catch.hpp"
#include "cloudwatch_service.hpp"

#include <kedge/aws/sigv4.hpp>
#include <kedge/detail/runtime_clock.hpp>
#include <kedge/http/client.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace kedge;
using namespace aws_test;
using namespace std::chrono_literals;

namespace {

std::int64_t ms_of(http::wall_time when) {
    return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

http::wall_time the_time() { return kedge::detail::real_wall_now(); }

std::string events_of(const std::vector<stored_event>& all) {
    std::string out = R"({"logGroupName":"shop","logStreamName":"a","logEvents":[)";
    for (const stored_event& e : all) {
        if (out.back() != '[') out += ',';
        out += R"({"timestamp":)" + std::to_string(e.time_ms) + R"(,"message":")" + e.text + "\"}";
    }
    return out + "]}";
}

constexpr const char* group_only = R"({"logGroupName":"shop"})";
constexpr const char* group_and_stream = R"({"logGroupName":"shop","logStreamName":"a"})";

struct said {
    error_code ec{};
    http::response answer{};

    /// The code of an error; "ok", or what the connection suffered.
    std::string code() const {
        if (ec) return ec.message();
        if (answer.status == 200) return "ok";
        const std::size_t from = answer.body.find(R"("__type":")") + 10;
        return answer.body.substr(from, answer.body.find('"', from) - from);
    }
};

using change = std::function<void(http::request&)>;

struct caller {
    cloudwatch_service service;
    service_keys mine{};
    http::wall_time when = the_time();
    boost::asio::io_context io{};
    http::client client{io, {.url = service.url(), .allow_plain_http = true}};

    said send(const std::string& operation, std::string body, const change& before = {}, const change& after = {}) {
        http::request what{"POST", "/", {{"Content-Type", "application/x-amz-json-1.1"},
                                         {"X-Amz-Target", "Logs_20140328." + operation}}, std::move(body)};
        if (before) before(what);
        const aws::credentials keys(mine.id, mine.secret, mine.token);
        aws::sigv4_signer(http::parse_url(service.url(), true), service.region(), "logs").sign(what, keys, when);
        if (after) after(what);
        said out;
        client.async_request(std::move(what), [&](error_code ec, http::response answer, http::send_phase) {
            out = {ec, std::move(answer)};
            io.stop();
        });
        io.restart();
        io.run();
        return out;
    }
    /// That a connection broke: the client's pool rests then.
    void forget() { client = http::client(io, {.url = service.url(), .allow_plain_http = true}); }

    said put(const std::vector<stored_event>& all) { return send("PutLogEvents", events_of(all)); }
    std::string create(const change& before, const change& after = {}) {
        service.forget_group("shop");
        return send("CreateLogGroup", group_only, before, after).code();
    }
};

std::string& header_of(http::request& what, std::string_view name) {
    const auto has_name = [&](const http::header& h) { return http::detail::same_name(h.name, name); };
    return std::ranges::find_if(what.headers, has_name)->value;
}

}  // namespace

TEST_CASE_METHOD(caller, "the service takes a right signature only", "[aws]") {
    CHECK(create({}) == "ok");
    CHECK(create([](auto& r) { r.headers.push_back({"X-Amz-Other", "  1   2 "}); }) == "ok");
    CHECK(create({}, [](auto& r) { r.headers.push_back({"X-Amz-Other", "1"}); }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { r.headers.push_back({"Content-Encoding", "gzip"}); }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { r.body += ' '; }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { r.target = "/x"; }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { r.method = "PUT"; }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { header_of(r, "X-Amz-Date")[14] ^= 1; }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { header_of(r, "Authorization").back() ^= 1; }) == "InvalidSignatureException");
    CHECK(create({}, [](auto& r) { header_of(r, "Authorization") = "Bearer x"; }) == "IncompleteSignatureException");
    CHECK(create({}, [](auto& r) { header_of(r, "Content-Type") = "text/plain"; }) == "InvalidSignatureException");
    CHECK(create([](auto& r) { header_of(r, "Content-Type") = "text/plain"; }) == "UnsupportedMediaTypeException");
    CHECK(create([](auto& r) { header_of(r, "X-Amz-Target") += "s"; }) == "UnknownOperationException");
    CHECK(create({}, [](auto& r) { std::erase_if(r.headers, [](auto& h) { return h.name == "Authorization"; }); }) ==
          "MissingAuthenticationTokenException");

    mine.secret = "another";
    CHECK(create({}) == "InvalidSignatureException");
    mine = {"AKIDUNKNOWN", "secret", ""};
    CHECK(create({}) == "UnrecognizedClientException");
    service.admit({"AKIDUNKNOWN", "secret", "token"});
    CHECK(create({}) == "UnrecognizedClientException");
    mine.token = "token";
    CHECK(create({}) == "ok");
    service.expire(mine.id);
    CHECK(create({}) == "ExpiredTokenException");
}

TEST_CASE_METHOD(caller, "the service unpacks what is signed as packed, and checks its sum", "[aws]") {
    constexpr char packed[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\xc9\x4f\x77\x2f\xca\x2f\x2d\xf0\x4b\xcc\x4d"
        "\x55\xb2\x52\x2a\xce\xc8\x2f\x50\xaa\x05\x00\x2d\x98\x2d\x23\x17\x00\x00\x00";  // by Python's gzip
    const std::string whole(packed, sizeof packed - 1);
    const auto ask = [this](const std::string& body) {
        service.forget_group("shop");
        return send("CreateLogGroup", body, [](auto& r) { r.headers.push_back({"Content-Encoding", "gzip"}); }).code();
    };
    CHECK(ask(whole.substr(0, whole.size() - 1)) == "MalformedHttpRequestException");
    for (const std::size_t broken : {0, 20, 36, 40}) {  // magic, data, sum, size
        std::string other = whole;
        other[broken] ^= 1;
        INFO(broken);
        CHECK(ask(other) == "MalformedHttpRequestException");
    }
    CHECK(ask(whole) == "ok");
    service.obey({.gzip = false});
    CHECK(ask(whole) == "SerializationException");
}

TEST_CASE_METHOD(caller, "the service takes a signature within five minutes of its clock", "[aws]") {
    const auto now = the_time();
    for (const std::chrono::seconds ahead : {-310s, -290s, 290s, 310s}) {
        INFO(ahead.count());
        when = now + ahead;
        CHECK(create({}) == (std::chrono::abs(ahead) < 300s ? "ok" : "InvalidSignatureException"));
    }
    when = now;
    service.obey({.clock_ahead = 10min});
    const said refused = send("CreateLogGroup", group_only);
    CHECK(refused.answer.body.find("Signature expired: ") != std::string::npos);
    CHECK(refused.answer.status == 400);
    service.obey({.refused_status = 403});
    when = now + 10min;
    CHECK(send("CreateLogGroup", group_only).answer.status == 403);
}

TEST_CASE_METHOD(caller, "the service makes groups and streams as they are asked for", "[aws]") {
    const std::vector<stored_event> one = {{ms_of(when), "text"}};
    CHECK(put(one).answer.body ==
          R"({"__type":"ResourceNotFoundException","message":"The specified log group does not exist."})");
    CHECK(send("CreateLogStream", group_and_stream).code() == "ResourceNotFoundException");
    CHECK(send("CreateLogGroup", group_only).answer.body.empty());
    CHECK(send("CreateLogGroup", group_only).code() == "ResourceAlreadyExistsException");
    CHECK(put(one).answer.body.find("log stream") != std::string::npos);
    CHECK(send("CreateLogStream", group_and_stream).code() == "ok");
    CHECK(send("CreateLogStream", group_and_stream).code() == "ResourceAlreadyExistsException");
    CHECK(service.retention_days("shop") == 0);
    CHECK(send("PutRetentionPolicy", R"({"logGroupName":"shop","retentionInDays":30})").code() == "ok");
    CHECK(send("PutRetentionPolicy", R"({"logGroupName":"shop","retentionInDays":31})").code() == "InvalidParameterException");
    CHECK(service.retention_days("shop") == 30);
    CHECK(put(one).answer.body == R"({"nextSequenceToken":"49590302"})");
    CHECK(service.stored("shop", "a").at(0).text == "text");
    service.forget_stream("shop", "a");
    CHECK(put(one).code() == "ResourceNotFoundException");
    CHECK(send("CreateLogGroup", R"({"logGroupName":"aws/x"})").code() == "InvalidParameterException");
    CHECK(send("CreateLogStream", R"({"logGroupName":"shop","logStreamName":"a:b"})").code() == "InvalidParameterException");
    CHECK(service.heard().back().operation == "CreateLogStream");
    CHECK(service.heard().back().refusal == "InvalidParameterException: logStreamName");
}

TEST_CASE_METHOD(caller, "the service's limits are exact", "[aws]") {
    service.make_stream("shop", "a");
    const std::int64_t now = ms_of(when), day = 24 * 3'600'000;
    const auto texts = [&](std::size_t count, std::size_t size) {
        return std::vector<stored_event>(count, {now, std::string(size, 'x')});
    };
    const auto said_of = [this](const std::vector<stored_event>& all) {
        const std::string body = put(all).answer.body, before = R"("message":")";
        const std::size_t from = body.find(before);
        return from == std::string::npos ? "ok" : body.substr(from + before.size(), body.rfind('"') - from - before.size());
    };
    CHECK(said_of({}) == "logEvents: 1 to 10000 of them");
    CHECK(said_of(texts(10'000, 1)) == "ok");
    CHECK(said_of(texts(10'001, 1)) == "logEvents: 1 to 10000 of them");
    CHECK(said_of(texts(1, 1'048'550)) == "ok");
    CHECK(said_of(texts(1, 1'048'551)) == "Log event too large: 1048577 bytes exceeds limit of 1048576");
    CHECK(said_of(texts(16, 65'510)) == "ok");
    std::vector<stored_event> one_more = texts(16, 65'510);
    one_more[0].text += 'x';
    CHECK(said_of(one_more) == "Upload too large: 1048577 bytes exceeds limit of 1048576");
    CHECK(said_of({{now, ""}}) == "message: at least one character");
    CHECK(said_of({{now, "x"}, {now - 1, "x"}}) ==
          "Log events in a single PutLogEvents request must be in chronological order.");
    CHECK(said_of({{now - day, "x"}, {now, "x"}}) == "ok");
    CHECK(said_of({{now - day - 1, "x"}, {now, "x"}}) ==
          "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    service.obey({.event_limit = 262'144, .poison = "bad"});
    CHECK(said_of(texts(1, 262'119)) == "Log event too large: 262145 bytes exceeds limit of 262144");
    CHECK(said_of({{now, "not bad"}}) == "a value");
    CHECK(service.stored_count() == 10'000 + 1 + 16 + 2);
}

TEST_CASE_METHOD(caller, "the service rejects what is too old or too new by index, and stores the rest", "[aws]") {
    service.make_stream("shop", "a", 13);
    const std::int64_t now = ms_of(when), day = 24 * 3'600'000, minute = 60'000;
    CHECK(put({{now - 14 * day - minute, "a"}, {now - 13 * day - minute, "b"}, {now - 13 * day + minute, "c"}}).answer.body ==
          R"({"nextSequenceToken":"49590302","rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1,"expiredLogEventEndIndex":2}})");
    CHECK(put({{now, "d"}, {now + 119 * minute, "e"}, {now + 121 * minute, "f"}}).answer.body ==
          R"({"nextSequenceToken":"49590302","rejectedLogEventsInfo":{"tooNewLogEventStartIndex":2}})");
    service.fail_next(rejects(1, 2, 4));
    CHECK(put({{now, "g"}, {now, "h"}, {now, "i"}, {now, "j"}, {now, "k"}}).code() == "ok");
    std::string texts;
    for (const stored_event& e : service.stored("shop", "a")) texts += e.text;
    CHECK(texts == "cdeij");
}

TEST_CASE_METHOD(caller, "the service does wrong as it is told, with the next request of that kind", "[aws]") {
    service.make_stream("shop", "a");
    const std::vector<stored_event> one = {{ms_of(when), "text"}};
    service.fail_next(throttles(1500ms), 1, "PutLogEvents");
    CHECK(send("CreateLogGroup", group_only).code() == "ResourceAlreadyExistsException");
    const said throttled = put(one);
    CHECK(throttled.code() == "ThrottlingException");
    CHECK(throttled.answer["x-amz-retry-after"] == "1500");
    service.fail_next(says(503, "ServiceUnavailableException"), 2);
    CHECK(put(one).answer.status == 503);
    CHECK(put(one).code() == "ServiceUnavailableException");
    service.fail_next(says_html());
    CHECK(put(one).answer["x-amzn-RequestId"].empty());
    service.fail_next(says_broken_json());
    CHECK_FALSE(put(one).answer["x-amzn-RequestId"].empty());
    service.fail_next(resets());
    CHECK(put(one).ec == boost::asio::error::connection_reset);
    CHECK(service.stored_count() == 0);
    forget();
    service.fail_next(loses_answer());
    CHECK(put(one).ec == boost::asio::error::connection_reset);
    CHECK(service.stored_count() == 1);
    forget();
    service.fail_next({.how = fault::way::cut});
    CHECK(put(one).ec);
    forget();
    CHECK(service.stored_count() == 2);
    service.fail_next(answers_after(50ms));
    const time_point before = kedge::now();
    CHECK(put(one).code() == "ok");
    CHECK(kedge::now() - before >= 50ms);
    CHECK(service.faults_left() == 0);

    service.down();
    forget();
    CHECK(put(one).ec == boost::asio::error::connection_refused);
    service.up();
    forget();
    CHECK(put(one).code() == "ok");
    CHECK(service.stored_count() == 4);
}

TEST_CASE_METHOD(caller, "the service reads JSON strictly", "[aws]") {
    service.make_stream("shop", "a");
    const std::string now = std::to_string(ms_of(when));
    const auto with = [&](const std::string& event) {
        return send("PutLogEvents", R"({"logGroupName":"shop","logStreamName":"a","logEvents":[)" + event + "]}").code();
    };
    CHECK(with(R"({ "message" : "\"\\\/\b\f\n\r\t\u00e4\u20AC\ud83d\ude00", "timestamp" :)" + now + " }") == "ok");
    CHECK(service.stored("shop", "a").at(0).text == "\"\\/\b\f\n\r\t\u00e4\u20ac\U0001f600");
    const std::string before = R"({"timestamp":)" + now + R"(,"message":)";
    for (const std::string& wrong :
         {before + "\"\xc3\"}", before + "\"\xed\xa0\x80\"}", before + "\"\n\"}", before + R"("\x"})", before + R"("\ud83d"})",
          before + R"("\u12"})", before + R"("x"}})", before + R"("x",})", before + R"("x","x":1})", before + "1}",
          before + R"("x","message":"x"})", std::string(R"({"timestamp":1.5,"message":"x"})"),
          std::string(R"({"message":"x"})")}) {
        INFO(wrong);
        CHECK(with(wrong) == "SerializationException");
    }
    CHECK(service.stored_count() == 1);
}
