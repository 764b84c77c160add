// SPDX-License-Identifier: BSL-1.0
// What a text goes through before anybody keeps it: redaction, and an id.
#include "sink_fixture.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/detail/event_id.hpp>
#include <kedge/log/json_format.hpp>

#include <set>

using namespace aws_test;

namespace {

/// `pan=4111` becomes `pan=****`.
void hide(std::string& text) {
    for (std::size_t at = text.find("4111"); at != text.npos; at = text.find("4111", at)) text.replace(at, 4, "****");
}

/// Takes out the first part of a secret, and then fails.
void hide_half(std::string& text) {
    if (text.find("4111") == text.npos) return;
    text.replace(text.find("41"), 2, "**");
    throw 42;  // anything
}

std::string all_of(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) (out += line) += '\n';
    return out;
}

}  // namespace

TEST_CASE_METHOD(sink_fixture, "what is redacted is seen by nobody: not the service, the dead letters or the fallback") {
    const auto letters = std::make_shared<log::memory_sink>();
    aws::cloudwatch_options o;
    o.redact = hide;
    o.dead_letters = letters;
    sink = make(o);
    log::record what;
    what.time = today;
    what.message = "pan=4111";
    what.place = {"/app/4111.cpp", 7, "f"};
    what.exception = "error: 4111";
    write(what);
    ctx.run();
    CHECK(transport->requests.at(0).body.find("[INFO] pan=****\\nTraceback") != std::string::npos);
    CHECK(transport->requests.at(0).body.find("/app/****.cpp") != std::string::npos);
    CHECK(transport->requests.at(0).body.find("error: ****") != std::string::npos);

    what.time = today - 15 * 24h;
    write(what);
    ctx.run();
    transport->silent = true;
    what.time = today;
    write(what);
    CHECK(shut_down(2s)->leftover == 1);
    CHECK(all_of(letters->events()).find("pan=****") != std::string::npos);
    CHECK(console->events().size() == 2);
    for (const auto& lines : {console->events(), letters->events()}) CHECK(all_of(lines).find("4111") == std::string::npos);
}

TEST_CASE_METHOD(sink_fixture, "an event whose redaction throws is dropped with its reason, and the stream says so") {
    aws::cloudwatch_options o;
    o.redact = hide_half;
    sink = make(o);
    write("pan=4111");
    write("harmless");
    ctx.run();
    const aws::delivery_counters now = sink->delivery();
    CHECK(now.dropped[aws::drop_reason::unredacted] == 1);
    CHECK(now.accounting() == aws::delivery_accounting{.offered = 3, .acked = 2, .dropped = 1});
    CHECK(transport->requests.at(0).body.find("1 event was dropped (unredacted=1)") != std::string::npos);
    CHECK(transport->requests.at(0).body.find("harmless") != std::string::npos);
    for (const auto& one : transport->requests) CHECK(one.body.find("11\"") == std::string::npos);
}

TEST_CASE_METHOD(sink_fixture, "a text that the redaction empties is no event, and a document may be redacted like any text") {
    aws::cloudwatch_options o;
    o.redact = [](std::string& text) { text.find("secret") != text.npos ? text.clear() : hide(text); };
    o.format = log::json_format;
    o.documents = true;
    sink = make(o);
    write("all of it is secret");
    write("pan=4111");
    ctx.run();
    CHECK(sink->delivery().dropped[aws::drop_reason::empty] == 1);
    CHECK(transport->requests.at(0).body.find(R"(\"message\":\"pan=****\"})") != std::string::npos);
}

TEST_CASE_METHOD(sink_fixture, "nothing unredacted comes to the disk") {
    kedge_test::spool_folder folder;
    aws::cloudwatch_options o;
    o.redact = hide;
    o.spool.directory = folder.path.string();
    sink = make(o);
    write("pan=4111");
    const std::string bytes = kedge_test::bytes_of(folder.segments().at(0));
    CHECK(bytes.find("pan=****") != std::string::npos);
    CHECK(bytes.find("4111") == std::string::npos);
    o.redact = hide_half;
    o.spool.directory += "-2";
    sink = make(o);
    write("pan=4111");
    CHECK(sink->spool().written == 0);
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 1, .dropped = 1});
}

namespace {

/// What stands between `before` and the next `after`.
std::string between(std::string_view text, std::string_view before, std::string_view after) {
    const std::size_t from = text.find(before);
    if (from == text.npos) return {};
    const std::size_t start = from + before.size(), end = text.find(after, start);
    return std::string(text.substr(start, end - start));
}

struct numbered : sink_fixture {
    aws::cloudwatch_options options(bool documents = false) {
        aws::cloudwatch_options o;
        o.number_events = true;
        o.documents = documents;
        if (documents) o.format = log::json_format;
        return o;
    }
    /// The messages of a request, as they stand in its JSON.
    static std::vector<std::string> texts(std::string_view body) {
        std::vector<std::string> out;
        for (std::size_t at = body.find(R"("message":")"); at != body.npos; at = body.find(R"("message":")", at + 1))
            out.push_back(between(body.substr(at), R"("message":")", "\"}"));
        return out;
    }
    static void check_ids(const std::vector<std::string>& ids) {
        for (const std::string& id : ids) {
            CHECK(aws::detail::is_id(id));
            CHECK(id.substr(0, 17) == ids.at(0).substr(0, 17));
        }
        CHECK(std::set(ids.begin(), ids.end()).size() == ids.size());
    }
};

}  // namespace

TEST_CASE_METHOD(numbered, "each event has an id of its own, and the same one when it is sent again") {
    sink = make(options());
    transport->expect(answer_kind::unknown);
    write("one");
    write("two");
    ctx.run();
    REQUIRE(transport->requests.size() == 2);
    CHECK(transport->requests[0].body == transport->requests[1].body);
    std::vector<std::string> ids;
    for (const std::string& text : texts(transport->requests[0].body)) ids.push_back(text.substr(text.find(" mid=") + 5));
    CHECK(ids.size() == 2);
    check_ids(ids);
    CHECK(texts(transport->requests[0].body).at(0) == "[INFO] one mid=" + ids[0]);
    CHECK(sink->delivery().acked_bytes == 2 * (26 + 15 + ids[0].size()));

    sink = make(options());
    write("three");
    ctx.run();
    CHECK(texts(transport->requests.back().body).at(0).substr(17, 16) != ids[0].substr(0, 16));
}

TEST_CASE_METHOD(numbered, "a document gets its id as last member, also one of metrics, unless it would not fit") {
    using aws::detail::add_id;
    const std::string id = "0123456789abcdef-1";
    const auto added = [&](std::string text, bool document, std::size_t room = 1000) {
        add_id(text, id, document, room);
        return text;
    };
    CHECK(added(R"({"a":"}"})", false) == R"({"a":"}","event_id":")" + id + "\"}");
    CHECK(added("{}", true) == R"({"event_id":")" + id + "\"}");
    CHECK(added("{ \n}", true) == R"({ )" "\n" R"("event_id":")" + id + "\"}");
    CHECK(added("[1]", true) == "[1]");
    CHECK(added("{a} and {b}", false) == "{a} and {b} mid=" + id);
    CHECK(added("", false) == "");
    const std::string full = R"({"a":"b"})";
    CHECK(added(full, true, full.size() + id.size() + 13) == full);
    CHECK(added(full, true, full.size() + id.size() + 14).size() == full.size() + id.size() + 14);

    sink = make(options(true));
    write("text");
    log::record metrics;
    metrics.time = today;
    metrics.formatted = true;
    metrics.message = R"({"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"a":1})";
    sink->flush();
    ctx.run();
    CHECK(transport->requests.at(0).body.find(R"(\"message\":\"[)") == std::string::npos);
    CHECK(aws::detail::is_id(between(transport->requests.at(0).body, R"(,\"event_id\":\")", "\\\"}")));
}

TEST_CASE_METHOD(numbered, "the parts of a text have its id, also when it is split again, and a shortened document keeps it") {
    using namespace aws::detail;
    const auto texts_of = [](const prepared& from) {
        std::vector<std::string> out;
        for (const log_event* e = from.events.front(); e; e = e->next) {
            CHECK(e->counted() <= least_event_bytes);
            out.emplace_back(e->message());
        }
        return out;
    };
    const std::string id = "0123456789abcdef-2a";
    std::string text(2000, 'x');
    add_id(text, id, false, 0);
    const auto parts = texts_of(prepare({.message = text, .id = id}, least_event_bytes));
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].starts_with("[part 1/3 " + id + "] xxx"));
    CHECK(parts[2].starts_with("[part 3/3 " + id + "] xxx"));
    CHECK(parts[2].ends_with(" mid=" + id));
    CHECK(id_of(text) == id);
    CHECK(id_of(parts[1]) == id + ".2");
    CHECK(id_of("[part 1/2 " + id + ".2] x") == id + ".2.1");
    CHECK(id_of("[part 1/2 2a] x") == "");
    CHECK(id_of("text mid=" + id + "!") == "");
    CHECK(id_of("plain") == "");

    std::string document = R"({"a":")" + std::string(2000, 'x') + "\"}";
    add_id(document, id, true, 10'000);
    CHECK(id_of(document) == id);
    const auto stub = texts_of(prepare({.message = document, .whole = true, .id = id}, least_event_bytes));
    CHECK(stub.at(0).ends_with(R"(","event_id":")" + id + "\"}"));
    CHECK(stub.at(0).size() == least_event_bytes - event_overhead);
}

TEST_CASE_METHOD(numbered, "texts that are split here, for an endpoint and in another process have marks of their own") {
    std::set<std::string> marks;
    for (int process = 0; process < 2; ++process) {
        sink = make({});
        transport->requests.clear();
        transport->answers.emplace_back();
        transport->answers[0].kind = answer_kind::invalid;
        transport->answers[0].limited = aws::detail::limit_kind::event;
        transport->answers[0].limit = 1024;
        for (int text = 0; text < 3; ++text) {
            write(std::string(1500, 'x'));
            ctx.run();
            const auto parts = texts(transport->requests.back().body);
            REQUIRE(parts.size() == 2);
            marks.insert(between(parts[0], "[part 1/2 ", "] "));
            CHECK(marks.contains(between(parts[1], "[part 2/2 ", "] ")));
        }
    }
    CHECK(marks.size() == 6);
}

TEST_CASE_METHOD(numbered, "parts that an endpoint asks for have the id, the record of drops has one, and the spool keeps it") {
    kedge_test::spool_folder folder;
    aws::cloudwatch_options o = options();
    o.spool.directory = folder.path.string();
    sink = make(o);
    transport->answers.emplace_back();
    transport->answers[0].kind = answer_kind::invalid;
    transport->answers[0].limited = aws::detail::limit_kind::event;
    transport->answers[0].limit = 1024;
    write(std::string(1500, 'x'));
    ctx.run();
    const std::string whole = texts(transport->requests.at(0).body).at(0), id = whole.substr(whole.find("mid=") + 4);
    const auto parts = texts(transport->requests.at(1).body);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].starts_with("[part 1/2 " + id + "] "));
    CHECK(parts[1].starts_with("[part 2/2 " + id + "] "));

    transport->silent = true;
    write("left on disk");
    ctx.run_for(2s);
    const std::string first = texts(transport->requests.back().body).at(0);
    sink.reset();
    ctx.run_for(1s);
    transport->silent = false;
    o.max_events = 1;
    sink = make(o);
    ctx.run();
    CHECK(texts(transport->requests.back().body).at(0) == first);

    o.spool.directory.clear();
    sink = make(o);
    write("taken");
    write("dropped");
    ctx.run();
    const std::string report = between(transport->requests.back().body, "1 event was dropped", "\"}");
    CHECK(between(report, " mid=", "-").size() == 16);
    CHECK(report.ends_with("-r1"));
}
