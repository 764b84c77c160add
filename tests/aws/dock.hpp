// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where requests of the HTTPS transport leave from, and what a test needs around it.
#include "../support/catch.hpp"
#include "skipping_runtime.hpp"

#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/static_credentials.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
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
    enum class time : std::uint8_t { real, left_out };

    asio::io_context io;
    skipping_runtime* clock = nullptr;  ///< so that limits come at once where they should, and not because the machine is slow
    std::shared_ptr<aws::credentials_provider> keys{};
    std::shared_ptr<aws::log_transport> transport{};

    dock() : keys(std::make_shared<aws::static_credentials>(io, a_user())) {}
    explicit dock(const https_server& server, time passes = time::real, std::shared_ptr<aws::credentials_provider> from = {}) {
        if (passes == time::left_out) asio::add_service(io, clock = new skipping_runtime(io));
        keys = from ? std::move(from) : std::make_shared<aws::static_credentials>(io, a_user());
        const aws::endpoint_options where{.region = region, .url = server.url("localhost"), .plain_loopback = true};
        transport = aws::https_transport(io, {.where = where, .keys = keys, .tls = {.ca_pem = server.ca_pem()}});
    }

    /// @param silence  whether nothing will happen until a limit comes
    template <class Done, class Silence> void run_until(Done done, Silence silence) {
        while (!done()) {
            io.restart();
            if (!clock) REQUIRE(io.run_one() > 0);
            else if (io.poll_one() == 0 && !clock->fire_due() && (!silence() || !clock->skip())) io.run_one_for(2ms);
        }
    }

    template <class Silence> aws::log_response ship(aws::log_request what, Silence silence) {
        std::optional<aws::log_response> out;
        transport->start(std::move(what), [&](aws::log_response got) { out = std::move(got); });
        CHECK_FALSE(out);
        run_until([&] { return out.has_value(); }, silence);
        return std::move(*out);
    }
    aws::log_response ship(aws::log_request what = {operation::put_events, batch}) {
        return ship(std::move(what), [] { return false; });
    }
};

}  // namespace aws_test
