// SPDX-License-Identifier: BSL-1.0
// The sink around the core, in the simulation: lock, timer, transport, shutdown, and the end of either side.
#include "sink_fixture.hpp"

using namespace aws_test;

TEST_CASE_METHOD(sink_fixture, "records go in one batch after a second, errors sooner") {
    write("one");
    write("two");
    ctx.run();
    REQUIRE(transport->requests.size() == 1);
    CHECK(transport->requests[0].at == 1s);
    CHECK(transport->requests[0].body == R"({"logGroupName":"shop","logStreamName":"web-1","logEvents":[)"
                                         R"({"timestamp":1761492406000,"message":"[INFO] one"},)"
                                         R"({"timestamp":1761492406000,"message":"[INFO] two"}]})");
    const nanoseconds before = ctx.elapsed();
    write("three");
    write("oh", log::level::error);
    ctx.run();
    REQUIRE(transport->requests.size() == 2);
    CHECK(transport->requests[1].at == before + 150ms);
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 4, .acked = 4});
    CHECK(sink->counters().written == 4);
    write("below the level", log::level::debug);
    CHECK(sink->delivery().offered == 4);
}

TEST_CASE_METHOD(sink_fixture, "an event that is a JSON object already is not cut, though the others are texts") {
    const std::string large = R"({"_aws":{},"text":")" + std::string(1'100'000, 'x') + "\"}";
    log::submit(*sink, {.time = today, .message = large, .formatted = true});
    log::submit(*sink, {.time = today, .message = "not one: " + large, .formatted = true});
    CHECK(sink->delivery().shortened == 1);
    CHECK(sink->delivery().split == 1);
    ctx.run();
    sink = make({.format = log::json_format});
    write(large);
    CHECK(sink->delivery().shortened == 1);
    ctx.run();
}

TEST_CASE_METHOD(sink_fixture, "flush does not wait for company") {
    write("one");
    sink->flush();
    ctx.run();
    REQUIRE(transport->requests.size() == 1);
    CHECK(transport->requests[0].at == 0s);
}

TEST_CASE_METHOD(sink_fixture, "an outage is waited for and told of once, then all arrives") {
    transport->expect(answer_kind::not_sent, 12);
    for (int i = 0; i < 10; ++i) write("event");
    ctx.run();
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 10, .acked = 10});
    CHECK(transport->requests.size() == 13);
    CHECK(console->events() == std::vector<std::string>{"[WARNING] CloudWatch Logs cannot be reached; events wait",
                                                        "[INFO] CloudWatch Logs takes events again"});
}

TEST_CASE_METHOD(sink_fixture, "why there are no keys is told once, and without what the service quotes of a request") {
    aws::detail::service_answer none;
    none.kind = answer_kind::stale_credentials;
    none.message = "AWS_ACCESS_KEY_ID is not set";
    transport->answers = {5, none};
    none.kind = answer_kind::denied;
    none.code = "AccessDeniedException";
    none.message = "no right to logs:PutLogEvents\nx-amz-security-token: t0k3n";
    transport->answers.push_back(none);
    write("event");
    ctx.run();
    CHECK(console->events() == std::vector<std::string>{
        "[WARNING] CloudWatch Logs: no valid credentials, or a wrong clock; events wait: AWS_ACCESS_KEY_ID is not set",
        "[WARNING] CloudWatch Logs denies access, or the group or stream is missing; events wait: AccessDeniedException: "
        "no right to logs:PutLogEvents",
        "[INFO] CloudWatch Logs takes events again"});
    CHECK(sink->delivery().acked == 1);
}

TEST_CASE_METHOD(sink_fixture, "a missing group is created, expired keys are renewed") {
    aws::detail::service_answer missing;
    missing.kind = answer_kind::missing;
    missing.of_group = true;
    transport->answers = {missing};
    transport->expect(answer_kind::accepted, 2);
    transport->expect(answer_kind::stale_credentials);
    sink = make({.retention_days = 0});
    write("event");
    ctx.run();
    std::vector<operation> order;
    for (const auto& one : transport->requests) order.push_back(one.what);
    CHECK(order == std::vector{operation::put_events, operation::create_group, operation::create_stream,
                               operation::put_events, operation::put_events});
    CHECK(transport->requests[1].body == R"({"logGroupName":"shop"})");
    CHECK(transport->refreshes == 1);
    CHECK(transport->requests[4].at == transport->requests[3].at + 30ms);
    CHECK(sink->delivery().acked == 1);
}

TEST_CASE_METHOD(sink_fixture, "a shutdown sends what there is and returns the accounting, each time") {
    write("last words");
    const auto books = shut_down(5s);
    CHECK(books == aws::delivery_accounting{.offered = 1, .acked = 1});
    CHECK(ctx.elapsed() == 20ms);
    write("too late");
    CHECK(shut_down(5s) == aws::delivery_accounting{.offered = 2, .acked = 1, .dropped = 1});
}

TEST_CASE_METHOD(sink_fixture, "what is left at the deadline goes to the fallback") {
    transport->silent = true;
    write("first");
    ctx.run_for(2s);
    write("second", log::level::error);
    CHECK(shut_down(3s) == aws::delivery_accounting{.offered = 2, .leftover = 2});
    CHECK(ctx.elapsed() == 5s);
    CHECK(console->events() == std::vector<std::string>{"[INFO] first", "[ERROR] second"});
    for (auto& late : transport->held) late({});
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 2, .leftover = 2});
}

TEST_CASE_METHOD(sink_fixture, "a sink that is destroyed gives what is pending to the fallback") {
    write("first");
    sink.reset();
    ctx.run();
    CHECK(console->events().size() == 1);
    CHECK(transport->requests.empty());
    CHECK(ctx.elapsed() == 0s);
}

TEST_CASE("a context that goes away first takes nothing with it") {
    const auto console = std::make_shared<log::memory_sink>();
    std::unique_ptr<aws::cloudwatch_sink> sink;
    log::record what;
    what.time = today;
    what.message = "event";
    {
        testing::simulation ctx{1, today};
        const auto transport = std::make_shared<scripted_transport>(ctx);
        aws::cloudwatch_options o;
        o.group = "shop", o.stream = "web-1", o.fallback = console;
        sink = std::make_unique<aws::cloudwatch_sink>(ctx, o, transport);
        sink->write(what);
        ctx.run_for(1s);
        sink->write(what);
    }
    CHECK(console->events().size() == 2);
    sink->write(what);
    CHECK(sink->delivery().accounting() == aws::delivery_accounting{.offered = 3, .dropped = 1, .leftover = 2});
}

TEST_CASE_METHOD(sink_fixture, "a wrong option is named with what is accepted") {
    const auto said = [this](auto change) {
        aws::cloudwatch_options o;
        o.group = "shop", o.stream = "web-1";
        change(o);
        try {
            aws::cloudwatch_sink(ctx, o, transport);
        } catch (const std::invalid_argument& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(said([](auto&) {}).empty());
    CHECK(said([](auto& o) { o.group = "aws/x"; }) ==
          "kedge::aws::cloudwatch_options: group = \"aws/x\", but it must be 1 to 512 of .-_/#A-Za-z0-9 and not begin with aws/");
    CHECK(said([](auto& o) { o.stream = "a:b"; }).find("stream = \"a:b\"") != std::string::npos);
    CHECK(said([](auto& o) { o.retention_days = 2; }).find("retention_days = 2") != std::string::npos);
    CHECK(said([](auto& o) { o.max_in_flight = 9; }).find("1 to 8") != std::string::npos);
    CHECK(said([](auto& o) { o.max_bytes = 1; }).find("65536") != std::string::npos);
    CHECK(said([](auto& o) { o.linger = -1ns; }).find("linger") != std::string::npos);
}
