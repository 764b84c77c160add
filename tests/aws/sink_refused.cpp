// SPDX-License-Identifier: BSL-1.0
// Events that are refused for good are seen: a sample in the fallback, and each of them in the dead letters.
#include "sink_fixture.hpp"

#include <kedge/aws/detail/delivery_words.hpp>
#include <kedge/testing/recording_sink.hpp>

#include <functional>

using namespace aws_test;

namespace {

/// A record at a time of its own.
log::record record_of(std::string_view text, nanoseconds ago = 0ns, log::level severity = log::level::info) {
    log::record what;
    what.time = today - std::chrono::duration_cast<log::wall_time::duration>(ago);
    what.severity = severity;
    what.message = text;
    return what;
}

aws::detail::service_answer invalid_answer() {
    aws::detail::service_answer answer;
    answer.kind = answer_kind::invalid;
    answer.code = "InvalidParameterException";
    answer.message = "a value\nx-amz-security-token: t0k3n";
    return answer;
}

/// Of the first event of a batch.
aws::detail::service_answer too_old_answer() {
    aws::detail::service_answer answer;
    answer.kind = answer_kind::accepted;
    answer.rejected.too_old_end = 1;
    return answer;
}

std::vector<std::string> messages(const testing::recording_sink& from) {
    std::vector<std::string> out;
    for (const auto& one : from.records()) out.push_back(one.message);
    return out;
}

struct with_letters : sink_fixture {
    std::shared_ptr<testing::recording_sink> fallback = std::make_shared<testing::recording_sink>();
    std::shared_ptr<testing::recording_sink> letters = std::make_shared<testing::recording_sink>();

    with_letters() {
        aws::cloudwatch_options o;
        o.group = "shop", o.stream = "web-1", o.fallback = fallback, o.dead_letters = letters;
        sink = std::make_unique<aws::cloudwatch_sink>(ctx, o, transport);
    }
    /// The service has taken something, and calls the next event poison.
    void poison(const log::record& what) {
        write("good");
        ctx.run();
        transport->answers.push_back(invalid_answer());
        write(what);
        ctx.run();
    }
};

/// Looks into the sink that writes to it, and logs into it.
class nosy_sink final : public log::sink {
public:
    void write(const log::record& what) noexcept override {
        seen(what);
        ++written_;
    }
    log::sink_counters counters() const noexcept override { return {.written = written_}; }

    std::function<void(const log::record&)> seen;

private:
    std::uint64_t written_ = 0;
};

}  // namespace

TEST_CASE_METHOD(with_letters, "a poisonous event goes whole to the dead letters, and a sample to the fallback") {
    const std::string text = "caf\xc3\xa9 " + std::string(10'000, '.') + " end";
    poison(record_of(text, 5s, log::level::error));
    REQUIRE(letters->records().size() == 1);
    const testing::recorded letter = letters->records().at(0);
    CHECK(letter.message == "[ERROR] " + text);
    CHECK(letter.severity == log::level::error);
    CHECK(letter.time == today - 5s);
    CHECK(letter.fields == decltype(letter.fields){{"reason", "poison"}, {"said", "InvalidParameterException: a value"}});

    REQUIRE(fallback->records().size() == 1);
    const testing::recorded sample = fallback->records().at(0);
    CHECK(sample.severity == log::level::warning);
    CHECK(sample.message == "CloudWatch Logs refused 1 event for good (poison): InvalidParameterException: a value; it begins: "
                            "[ERROR] caf\xc3\xa9 " + std::string(aws::detail::told_bytes - 14, '.') + "...");
    CHECK(sample.fields == decltype(sample.fields){{"reason", "poison"}, {"events", std::int64_t{1}}});
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 2, .acked = 1, .rejected = 1});
}

TEST_CASE_METHOD(with_letters, "of many refusals one is told in ten seconds for each reason, all go to the dead letters") {
    write(record_of("new", -1h));
    ctx.run_for(2s);
    for (int i = 0; i < 3; ++i) write(record_of("old", 15 * 24h));
    ctx.run_for(2s);
    for (int second = 0; second < 9; second += 3) {
        write(record_of("older", 16 * 24h));
        ctx.run_for(3s);
    }
    CHECK(messages(*fallback) == std::vector<std::string>{
        "CloudWatch Logs refused 3 events for good (too_old); one begins: [INFO] old"});
    write(record_of("oldest", 17 * 24h));
    ctx.run_for(3s);
    CHECK(messages(*fallback).back() == "CloudWatch Logs refused 4 events for good (too_old); one begins: [INFO] oldest");
    write(record_of("last", 17 * 24h));
    ctx.run_for(3s);
    CHECK(fallback->records().size() == 2);
    CHECK(shut_down(1s)->rejected == 8);
    CHECK(messages(*fallback).back() == "CloudWatch Logs refused 1 event for good (too_old)");
    CHECK(letters->records().size() == 8);
    CHECK(letters->records().at(0).fields == decltype(testing::recorded::fields){{"reason", "too_old"}});
}

TEST_CASE_METHOD(with_letters, "each reason has its own pause, and ranges of an answer are refusals, too") {
    transport->answers.emplace_back();
    transport->answers[0].kind = answer_kind::accepted;
    transport->answers[0].rejected.expired_end = 1;
    transport->answers[0].rejected.too_new_start = 2;
    for (const char* text : {"expired", "good", "ahead"}) write(text);
    ctx.run();
    CHECK(messages(*fallback) == std::vector<std::string>{
        "CloudWatch Logs refused 1 event for good (too_new); it begins: [INFO] ahead",
        "CloudWatch Logs refused 1 event for good (expired); it begins: [INFO] expired"});
    CHECK(messages(*letters) == std::vector<std::string>{"[INFO] ahead", "[INFO] expired"});
    CHECK(sink->delivery().acked == 1);
}

TEST_CASE_METHOD(sink_fixture, "the head of a refused text is cut between code points, and escaped as the fallback does") {
    const auto head = [](std::string_view text) { return std::string(aws::detail::head_of(text)); };
    const std::string filled(aws::detail::told_bytes - 1, 'x');
    CHECK(head("short") == "short");
    CHECK(head(filled + "yz") == filled + "y");
    CHECK(head(filled + "\xc3\xa9") == filled);
    CHECK(head(filled.substr(2) + "\xf0\x9f\x98\x80") == filled.substr(2));
    transport->answers = {too_old_answer()};
    write(record_of("a\nb\x1b[2J", 15 * 24h));
    ctx.run();
    CHECK(console->events() == std::vector<std::string>{
        "[WARNING] CloudWatch Logs refused 1 event for good (too_old); it begins: [INFO] a\\nb\\x1b[2J"});
}

TEST_CASE_METHOD(sink_fixture, "a dead letter is handed over without a lock, and what its sink logs meanwhile goes nowhere") {
    const auto nosy = std::make_shared<nosy_sink>();
    int told = 0;
    nosy->seen = [&](const log::record& what) {
        ++told;
        CHECK(sink->delivery().rejected.total() == 1);  // waits for ever if the lock is held
        sink->flush();
        CHECK_FALSE(log::submit(*sink, what));
    };
    aws::cloudwatch_options o;
    o.dead_letters = nosy;
    sink = make(o);
    transport->answers = {too_old_answer()};
    write(record_of("old", 15 * 24h));
    const auto books = shut_down(1s);
    CHECK(told == 1);
    CHECK(books == aws::delivery_accounting{.offered = 1, .rejected = 1});
}
