// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where requests of the HTTPS transport leave from, and what a test needs around it.
#include "../http/user.hpp"
#include "../support/catch.hpp"

#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/static_credentials.hpp>
#include <kedge/testing/https_server.hpp>
#include <kedge/timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aws_test {

namespace asio = boost::asio;
namespace aws = kedge::aws;
namespace http = kedge::http;
using aws::answer_kind;
using aws::detail::operation;
using kedge::testing::https_server;
using kedge::testing::served;
using way = served::way;
using namespace std::chrono_literals;

inline constexpr const char* region = "eu-central-1";
inline const std::string batch =
    R"({"logGroupName":"shop","logStreamName":"web-1","logEvents":[{"timestamp":1,"message":"one"}]})";
inline const std::string many = "[" + std::string(100'000, 'x') + "]";

inline aws::credentials a_user() {
    using text = std::string;
    return {"AKIDEXAMPLE", kedge::secret<text>(text("s3cr3t")), kedge::secret<text>(text("t0k3n"))};
}

/// Keeps whoever asks, until the test answers.
class slow_provider final : public aws::credentials_provider {
public:
    void get(aws::credentials_handler done) override {
        if (at_once) done(*at_once);
        else waiting.push_back(std::move(done));
    }
    void refresh(aws::credentials_handler done) override { renewing.push_back(std::move(done)); }

    std::vector<aws::credentials_handler> waiting, renewing;
    std::optional<aws::credentials_answer> at_once{};  ///< though it should not
};

inline served accepts(std::vector<http::header> more = {}) {
    more.push_back({"x-amzn-RequestId", "4711"});
    return {way::reply, 200, std::move(more), "{}", {}};
}

/// A context with a transport, which runs only here.
struct dock {
    asio::io_context io;
    std::shared_ptr<aws::credentials_provider> keys = std::make_shared<aws::static_credentials>(io, a_user());
    std::shared_ptr<aws::log_transport> transport{};

    explicit dock(const https_server& server, bool hurried = false) { open(server, hurried); }
    dock(const https_server& server, std::shared_ptr<aws::credentials_provider> from) : keys(std::move(from)) {
        open(server, true);
    }
    dock() = default;

    void open(const https_server& server, bool hurried) {
        if (hurried) http_test::user::hurry(io);
        const aws::endpoint_options where{.region = region, .url = server.url("localhost"), .plain_loopback = true};
        transport = aws::https_transport(io, {.where = where, .keys = keys, .tls = {.ca_pem = server.ca_pem()}});
    }

    aws::log_response ship(aws::log_request what = {operation::put_events, batch}) {
        std::optional<aws::log_response> out;
        transport->start(std::move(what), [&](aws::log_response got) {
            out = std::move(got);
            io.stop();
        });
        CHECK_FALSE(out);
        io.restart();
        io.run();
        REQUIRE(out);
        return std::move(*out);
    }

    void rest(kedge::nanoseconds span) {
        kedge::async_sleep(io, span, [this](auto) { io.stop(); });
        io.restart();
        io.run();
    }

    /// What follows finds a connection, which a loaded machine may not open within a hurried limit.
    void connect(https_server& server) {
        server.always(accepts());
        for (int i = 0; i < 100 && ship().answer.kind != answer_kind::accepted; ++i) rest(1s);
    }
};

}  // namespace aws_test
