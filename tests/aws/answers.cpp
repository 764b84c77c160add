// SPDX-License-Identifier: BSL-1.0
// What each answer means.
#include "../support/catch.hpp"

#include <kedge/aws/detail/clock_skew.hpp>
#include <kedge/aws/detail/service_answer.hpp>

#include <string>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

namespace {

service_answer put(int status, std::string_view body, std::string_view id = "5f1c") {
    return read_answer(operation::put_events, {.status = status, .request_id = id, .body = body});
}

service_answer error(std::string_view code, int status = 400) {
    return put(status, R"({"__type":")" + std::string(code) + R"(","message":"words"})");
}

}  // namespace

TEST_CASE("only 200 with a request id and a JSON object acknowledges events") {
    CHECK(put(200, R"({"nextSequenceToken":"4965"})").kind == answer_kind::accepted);
    CHECK(put(200, "{}").kind == answer_kind::accepted);
    struct row { int status; std::string_view body, id; };
    for (const row& r : {row{200, "{}", ""}, {200, "<html>log in</html>", "5f1c"}, {200, "", "5f1c"}, {200, "[]", "5f1c"},
                         {200, "{}}", "5f1c"},
                         {200, R"({"__type":"InternalFailure","message":"of a gateway"})", "5f1c"},
                         {201, "{}", "5f1c"}, {204, "", "5f1c"}, {302, "", ""}, {502, "<html>", ""}, {403, "proxy", ""}}) {
        INFO(r.status << ' ' << r.body);
        const service_answer answer = put(r.status, r.body, r.id);
        CHECK(answer.kind == answer_kind::unknown);
        CHECK(answer.may_be_stored);
    }
}

TEST_CASE("what creates a group or a stream answers with nothing, but with a request id") {
    CHECK(read_answer(operation::create_stream, {.status = 200, .request_id = "5f1c"}).kind == answer_kind::accepted);
    CHECK(read_answer(operation::create_group, {.status = 200}).kind == answer_kind::unknown);
}

TEST_CASE("rejected ranges are read as the indices that they are") {
    const service_answer answer = put(200, R"({"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":7,)"
                                           R"("tooOldLogEventEndIndex":3,"expiredLogEventEndIndex":4}})");
    CHECK(answer.kind == answer_kind::accepted);
    CHECK(answer.rejected.too_old_end == 3);
    CHECK(answer.rejected.expired_end == 4);
    CHECK(answer.rejected.too_new_start == 7);
    const service_answer none = put(200, R"({"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":null}})");
    CHECK(none.kind == answer_kind::accepted);
    CHECK(none.rejected.too_new_start > 10'000);
    CHECK_FALSE(none.ranges_unread);
}

TEST_CASE("an index is any number that is integral; one that is none unmakes no acknowledgement") {
    struct row { std::string_view written; std::size_t index; bool unread; };
    for (const row& r : {row{"3.0", 3, false}, {"3e0", 3, false}, {"0.3E+1", 3, false}, {"30e-1", 3, false}, {"-2.0", 0, false},
                         {"-0.0", 0, false}, {"1e300", 1'000'000'000, false}, {"99999999999999999999", 1'000'000'000, false},
                         {"2.5", 0, true}, {"1e-400", 0, true}, {"1e999", 0, true}, {R"("x")", 0, true}, {R"("inf")", 0, true},
                         {R"("nan")", 0, true}, {"true", 0, true}, {R"("")", 0, true}}) {
        INFO(r.written);
        const std::string ranges = R"("expiredLogEventEndIndex":)" + std::string(r.written) + R"(,"tooNewLogEventStartIndex":7)";
        const service_answer answer = put(200, R"({"rejectedLogEventsInfo":{)" + ranges + "}}");
        CHECK(answer.kind == answer_kind::accepted);
        CHECK(answer.rejected.expired_end == r.index);
        CHECK(answer.ranges_unread == r.unread);
        CHECK(answer.rejected.too_new_start == 7);
    }
}

TEST_CASE("errors are told by their code, whatever their status") {
    struct row { const char* code; answer_kind kind; };
    for (const row& r : {row{"ThrottlingException", answer_kind::throttled}, {"SlowDown", answer_kind::throttled},
                         {"ServiceUnavailableException", answer_kind::failed}, {"RequestTimeout", answer_kind::failed},
                         {"ResourceNotFoundException", answer_kind::missing},
                         {"OperationAbortedException", answer_kind::conflict},
                         {"ResourceAlreadyExistsException", answer_kind::exists},
                         {"ExpiredTokenException", answer_kind::stale_credentials},
                         {"InvalidSignatureException", answer_kind::bad_signature},
                         {"AccessDeniedException", answer_kind::denied}, {"InvalidParameterException", answer_kind::invalid},
                         {"RequestEntityTooLargeException", answer_kind::too_large},
                         {"MalformedHttpRequestException", answer_kind::malformed},
                         {"SerializationException", answer_kind::malformed},
                         {"LimitExceededException", answer_kind::throttled},
                         {"DataAlreadyAcceptedException", answer_kind::accepted},
                         {"SomethingNewException", answer_kind::denied}})
        for (const int status : {400, 403}) {
            INFO(r.code);
            CHECK(error(r.code, status).kind == r.kind);
            CHECK(error(r.code, status).code == r.code);
            CHECK_FALSE(error(r.code, status).may_be_stored);
        }
    CHECK(error("SomethingNewException", 500).kind == answer_kind::failed);
    const raw_answer too_many{.status = 400, .body = R"({"__type":"LimitExceededException"})"};
    CHECK(read_answer(operation::create_group, too_many).kind == answer_kind::limit_reached);
    CHECK(read_answer(operation::create_stream, too_many).kind == answer_kind::throttled);
}

TEST_CASE("a code is found behind a name space, before an address, and in the header") {
    CHECK(error("com.amazonaws.logs#ThrottlingException").kind == answer_kind::throttled);
    CHECK(error("ThrottlingException:http://internal.amazon.com/coral/").kind == answer_kind::throttled);
    const service_answer answer = read_answer(
        operation::put_events, {.status = 400, .error_type = "ThrottlingException:http://internal.amazon.com/", .body = "?"});
    CHECK(answer.kind == answer_kind::throttled);
    CHECK(put(400, R"({"__type":"X","Message":"upper case"})").message == "upper case");
}

TEST_CASE("statuses speak where there is no code") {
    CHECK(put(429, "").kind == answer_kind::throttled);
    CHECK(put(413, "").kind == answer_kind::too_large);
    CHECK(put(415, "").kind == answer_kind::malformed);
    CHECK(put(408, "").kind == answer_kind::failed);
}

TEST_CASE("a service that failed in the middle may have stored, one that turned away has not") {
    CHECK(error("InternalFailure", 500).may_be_stored);
    CHECK(error("InternalFailure", 500).kind == answer_kind::failed);
    CHECK_FALSE(error("ServiceUnavailableException", 503).may_be_stored);
    CHECK(put(503, "<html>").may_be_stored);
    CHECK_FALSE(put(408, "").may_be_stored);
}

TEST_CASE("the hint when to come back is in milliseconds") {
    const auto hint = [](std::string_view text) {
        return read_answer(operation::put_events, {.status = 429, .retry_after = text}).retry_after;
    };
    CHECK(hint("1500") == 1500ms);
    CHECK(hint("-5") == 0s);
    CHECK(hint("soon") == 0s);
    CHECK(hint("1e3") == 0s);
    CHECK(hint("999999999999") == 1h);
}

TEST_CASE("a missing group is told from a missing stream, and a limit that was told is learned") {
    const auto said = [](std::string_view code, std::string_view text) {
        return put(400, R"({"__type":")" + std::string(code) + R"(","message":")" + std::string(text) + "\"}");
    };
    CHECK(said("ResourceNotFoundException", "The specified log group does not exist.").of_group);
    CHECK_FALSE(said("ResourceNotFoundException", "The specified log stream does not exist.").of_group);
    const auto event = said("InvalidParameterException", "Log event too large: 292824 bytes exceeds limit of 262144");
    CHECK(event.limited == limit_kind::event);
    CHECK(event.limit == 262'144);
    const auto batch = said("InvalidParameterException", "Upload too large: 1049882 bytes exceeds limit of 1048576");
    CHECK(batch.limited == limit_kind::batch);
    CHECK(batch.limit == 1'048'576);
    CHECK(said("InvalidParameterException", "exceeds limit of many").limited == limit_kind::none);
}

TEST_CASE("without an answer it matters whether something had been sent") {
    CHECK(no_answer(false).kind == answer_kind::not_sent);
    CHECK_FALSE(no_answer(false).may_be_stored);
    CHECK(no_answer(true).kind == answer_kind::unknown);
    CHECK(no_answer(true).may_be_stored);
}

TEST_CASE("the skew is measured against the middle of the trip") {
    clock_skew skew;
    skew.observe(1'000'000, 400'000, 400'200, time_point(7s));
    CHECK(skew.ahead() == 599'900ms);
    CHECK(skew.corrected_since(0ms));
    CHECK_FALSE(skew.corrected_since(599'000ms));
    skew.observe(5, 400'000, 400'000 + 15 * 60'000 + 1, time_point(8s));
    skew.observe(5, 400'000, 399'999, time_point(8s));
    CHECK(skew.ahead() == 599'900ms);
    const service_time then = skew.theirs({time_point(9s), 500'000});
    CHECK(then.by_clock == 1'099'900);
    CHECK(then.by_pause == 1'002'100);
}
