// SPDX-License-Identifier: BSL-1.0
// The sink as a program has it, over HTTP, against a service that verifies, limits and fails.
#include "captured.hpp"
#include "cloudwatch_world.hpp"

#include <kedge/detail/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace kedge;
using namespace aws_test;
using namespace std::chrono_literals;
using aws::answer_kind;

namespace {

constexpr const char *digits = "0123456789", *twice = "01234567890123456789";

fault after_storing(fault what) {
    what.stores = true;
    return what;
}

fault proxy_says(int status) {
    fault out = says_html();
    out.status = status;
    return out;
}

fault silent() {
    fault out;
    out.how = fault::way::silence;
    return out;
}

fault cuts_answer() {
    fault out;
    out.how = fault::way::cut;
    return out;
}

/// Ten events are written while the service does what is in `faults`, one after the other.
struct row {
    const char* name;
    std::vector<fault> faults{};
    const char* operation = "PutLogEvents";  ///< that they are for
    answer_kind seen = answer_kind::accepted;  ///< what the sink makes of each fault

    const char* stored = digits;
    std::size_t puts = 1;
    std::uint64_t unknown = 0;  ///< times that an event's fate was
    std::uint64_t rejected = 0;

    std::function<void(cloudwatch_service&)> before{};
    aws::cloudwatch_options options{};
    std::vector<service_keys> keys = {{}};
};

void play(const row& one) {
    INFO(one.name);
    cloudwatch_world world(one.options, one.keys);
    world.service.make_stream("shop", "web-1");
    if (one.before) one.before(world.service);
    for (const fault& f : one.faults) world.service.fail_next(f, 1, one.operation);
    world.write_digits(digits);
    world.deliver();

    const aws::delivery_counters c = world.sink->delivery();
    CHECK(c.accounting() == aws::delivery_accounting{.offered = 10, .acked = 10 - one.rejected, .rejected = one.rejected});
    CHECK(world.stored() == one.stored);
    CHECK(world.heard("PutLogEvents").size() == one.puts);
    CHECK(world.service.faults_left() == 0);
    CHECK(c.unknown_events == one.unknown);
    if (one.seen != answer_kind::accepted) CHECK(c.answers[one.seen] >= std::max<std::size_t>(one.faults.size(), 1));
    CHECK(c.pending_bytes == 0);
    if (one.options.gzip) CHECK(world.heard("PutLogEvents").front().field("content-encoding") == "gzip");
    if (one.options.retention_days > 0 && one.faults.empty()) CHECK(world.service.retention_days("shop") == 30);
}

using k = answer_kind;

std::vector<row> lost_answers() {
    constexpr const char* thrice = "012345678901234567890123456789";
    return {
        {.name = "reset before storing", .faults = {resets()}, .seen = k::unknown, .puts = 2, .unknown = 10},
        {.name = "reset after storing", .faults = {loses_answer()}, .seen = k::unknown, .stored = twice, .puts = 2,
         .unknown = 10},
        {.name = "half an answer", .faults = {cuts_answer()}, .seen = k::unknown, .stored = twice, .puts = 2, .unknown = 10},
        {.name = "silence before storing", .faults = {silent()}, .seen = k::unknown, .puts = 2, .unknown = 10},
        {.name = "silence after storing", .faults = {after_storing(silent())}, .seen = k::unknown, .stored = twice, .puts = 2,
         .unknown = 10},
        {.name = "lost again and again", .faults = {loses_answer(), resets(), loses_answer()}, .seen = k::unknown,
         .stored = thrice, .puts = 4, .unknown = 30},
        {.name = "a captive portal says 200", .faults = {says_html()}, .seen = k::unknown, .puts = 2, .unknown = 10},
        {.name = "200 with half a document", .faults = {says_broken_json()}, .seen = k::unknown, .puts = 2, .unknown = 10},
        {.name = "200 with half a document after storing", .faults = {after_storing(says_broken_json())}, .seen = k::unknown,
         .stored = twice, .puts = 2, .unknown = 10},
        {.name = "a proxy says 502", .faults = {proxy_says(502)}, .seen = k::unknown, .puts = 2, .unknown = 10},
        {.name = "a proxy says 504 after storing", .faults = {after_storing(proxy_says(504))}, .seen = k::unknown,
         .stored = twice, .puts = 2, .unknown = 10},
        {.name = "500 after storing", .faults = {after_storing(says(500, "InternalFailure"))}, .seen = k::failed,
         .stored = twice, .puts = 2, .unknown = 10},
    };
}

std::vector<row> refusals() {
    const fault throttled = throttles(3s), unavailable = says(503, "ServiceUnavailableException");
    return {
        {.name = "nothing is wrong"},
        {.name = "a slow answer", .faults = {answers_after(100ms)}},
        {.name = "throttled", .faults = {throttled, throttled}, .seen = k::throttled, .puts = 3},
        {.name = "429 without a word", .faults = {proxy_says(429)}, .seen = k::throttled, .puts = 2},
        {.name = "503 with a code", .faults = {unavailable, unavailable}, .seen = k::failed, .puts = 3},
        {.name = "an outage by 503", .faults = {8, unavailable}, .seen = k::failed, .puts = 9},
        {.name = "no permission, until it is given", .faults = {says(400, "AccessDeniedException")}, .seen = k::denied,
         .puts = 2},
        {.name = "too large for a proxy", .faults = {says(413, "RequestEntityTooLargeException")}, .seen = k::too_large,
         .puts = 3},
        {.name = "called invalid once, by mistake", .faults = {says(400, "InvalidParameterException")}, .seen = k::invalid,
         .puts = 3},
        {.name = "ranges rejected", .faults = {rejects(2, 3, 8)}, .stored = "34567", .rejected = 5},
        {.name = "all rejected", .faults = {rejects(0, 10, 10)}, .stored = "", .rejected = 10},
        {.name = "one event is poison", .seen = k::invalid, .stored = "012346789", .puts = 7, .rejected = 1,
         .before = [](auto& s) { s.obey({.poison = "5"}); }},
        {.name = "compressed", .options = {.gzip = true}},
        {.name = "compressed, and not understood", .seen = k::malformed, .puts = 2,
         .before = [](auto& s) { s.obey({.gzip = false}); }, .options = {.gzip = true}},
    };
}

std::vector<row> clocks_and_keys() {
    const service_keys first, role{"ASIAROLE", "role's/secret", "role's//token=="}, next{"ASIANEXT", "next", "another/+token"};
    const auto admits = [=](bool expired) {
        return [=](cloudwatch_service& s) {
            s.admit(role), s.admit(next);
            if (expired) s.expire(role.id), s.obey({.refused_status = 403});
        };
    };
    const auto clock = [](std::chrono::milliseconds ahead, int status) {
        return [=](cloudwatch_service& s) { s.obey({.clock_ahead = ahead, .refused_status = status}); };
    };
    return {
        {.name = "keys of a role", .before = admits(false), .keys = {role}},
        {.name = "expired keys, and new ones", .seen = k::stale_credentials, .puts = 2, .before = admits(true),
         .keys = {role, next}},
        {.name = "keys that nobody knows, and others", .seen = k::stale_credentials, .puts = 2,
         .keys = {{"AKIDNOBODY", "x", ""}, first}},
        {.name = "a wrong secret, and the right one", .seen = k::bad_signature, .puts = 2,
         .keys = {{first.id, "wrong", ""}, first}},
        {.name = "the service is ten minutes ahead", .seen = k::bad_signature, .puts = 2, .before = clock(10min, 400)},
        {.name = "the service is ten minutes behind", .seen = k::bad_signature, .puts = 2, .before = clock(-10min, 403)},
        {.name = "four minutes are no trouble", .before = clock(4min, 400)},
    };
}

std::vector<row> creation() {
    const auto no_group = [](auto& s) { s.forget_group("shop"); };
    const auto no_stream = [](auto& s) { s.forget_stream("shop", "web-1"); };
    constexpr const char *stream = "CreateLogStream", *group = "CreateLogGroup", *retention = "PutRetentionPolicy";
    const fault busy = says(400, "OperationAbortedException"), exists = says(400, "ResourceAlreadyExistsException");
    return {
        {.name = "no group", .seen = k::missing, .puts = 2, .before = no_group},
        {.name = "no stream", .seen = k::missing, .puts = 2, .before = no_stream},
        {.name = "no group; the new one keeps events for a month", .puts = 2, .before = no_group,
         .options = {.retention_days = 30}},
        {.name = "somebody else makes the group", .faults = {busy, busy}, .operation = group, .seen = k::conflict,
         .puts = 2, .before = no_group},
        {.name = "somebody else made the group", .faults = {after_storing(exists)}, .operation = group, .seen = k::exists,
         .puts = 2, .before = no_group},
        {.name = "somebody else made the stream", .faults = {after_storing(exists)}, .operation = stream, .seen = k::exists,
         .puts = 2, .before = no_stream},
        {.name = "the group is made, and the answer lost", .faults = {loses_answer()}, .operation = group, .seen = k::unknown,
         .puts = 2, .before = no_group},
        {.name = "the stream's creation is throttled", .faults = {throttles(1s)}, .operation = stream, .seen = k::throttled,
         .puts = 2, .before = no_stream},
        {.name = "the retention is refused", .faults = {says(400, "InvalidParameterException")}, .operation = retention,
         .seen = k::invalid, .puts = 2, .before = no_group, .options = {.retention_days = 30}},
    };
}

}  // namespace

TEST_CASE("an answer that is lost, or is none, leaves nothing behind but a repetition", "[aws]") {
    for (const row& one : lost_answers()) play(one);
}

TEST_CASE("a refusal is waited for, corrected or counted", "[aws]") {
    for (const row& one : refusals()) play(one);
}

TEST_CASE("a wrong clock is corrected, and keys that are refused are replaced", "[aws]") {
    for (const row& one : clocks_and_keys()) play(one);
}

TEST_CASE("the group and the stream are made when they are missing, whoever else does", "[aws]") {
    for (const row& one : creation()) play(one);
}

TEST_CASE("what the service heard, for another program that signs it again", "[.captured]") {
    const service_keys role{"ASIAROLE", "role's/secret", "role's//token=="};
    for (const bool gzip : {false, true}) {
        cloudwatch_world world({.retention_days = 30, .gzip = gzip}, {gzip ? role : service_keys{}});
        world.write("quotes \" and \\, line\nends, \x01, \xc3\xa4 and \xf0\x9f\x98\x80");
        world.write("no UTF-8: \xff");
        world.write_digits(digits);
        world.deliver();
        for (const heard_request& one : world.service.heard()) {
            http::request as_heard{one.method, one.target, {}, one.body};
            for (const auto& [name, value] : one.headers) as_heard.headers.push_back({name, value});
            const std::string secret = (gzip ? role : service_keys{}).secret;
            print(one.operation + (gzip ? ", compressed" : ""), world.service.url(), secret, as_heard);
        }
    }
}
