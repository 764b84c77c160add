// SPDX-License-Identifier: BSL-1.0
// What a text goes through before anybody keeps it: redaction.
#include "sink_fixture.hpp"
#include "spool_folder.hpp"

#include <kedge/log/json_format.hpp>

#include <stdexcept>

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
    CHECK(transport->requests.at(1).body.find("harmless") != std::string::npos);
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
