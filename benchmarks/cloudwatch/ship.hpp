// SPDX-License-Identifier: BSL-1.0
#pragma once

// Events on their way to a service on loopback: through the sink and its transport, and as ready bodies by Beast.

#include "sinks.hpp"

#include <aws/cloudwatch_service.hpp>
#include <support/harness.hpp>

#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/sigv4.hpp>
#include <kedge/aws/static_credentials.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace kedge_bench {

inline aws::credentials known_keys() {
    const aws_test::service_keys known;
    return {known.id, kedge::secret<std::string>(known.secret)};
}

inline std::shared_ptr<aws::log_transport> transport_to(boost::asio::io_context& io, const std::string& url) {
    const aws::endpoint_options where{.region = "eu-central-1", .url = url, .plain_loopback = true};
    return aws::https_transport(io, {.where = where, .keys = std::make_shared<aws::static_credentials>(io, known_keys())});
}

/// Of each event.
struct shipping_cost {
    double cpu_ns = 0;   ///< of the client's thread
    double wall_ns = 0;  ///< of both sides, which share the machine
    double allocations = 0;
};

template <class Ship> shipping_cost measure_shipping(std::uint64_t events, Ship& ship) {
    const double cpu = thread_ns();
    const std::uint64_t allocated = allocations();
    const auto begun = std::chrono::steady_clock::now();
    ship(events);
    const double wall = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count();
    const auto n = static_cast<double>(events);
    return {(thread_ns() - cpu) / n, wall / n, static_cast<double>(allocations() - allocated) / n};
}

/// Formats, batches, signs and sends on one thread.
class sink_shipping {
public:
    explicit sink_shipping(const aws_test::cloudwatch_service& service) : sink_(io_, roomy(), transport_to(io_, service.url())) {}

    void operator()(std::uint64_t events) {
        const std::uint64_t goal = sink_.delivery().acked + events;
        const kedge::log::record what = usual_record();
        for (std::uint64_t i = 0; i < events; ++i) sink_.write(what);
        sink_.flush();
        io_.restart();
        while (sink_.delivery().acked < goal)
            if (io_.run_one() == 0) throw std::runtime_error("events were not acknowledged");
    }

private:
    boost::asio::io_context io_;
    aws::cloudwatch_sink sink_;
};

/// Sends the same body again and again, over one connection, without a limit of time and without looking at what is answered.
class beast_shipping {
public:
    static constexpr std::uint64_t events_each = 7700;  ///< as many as a body of 1 MiB has room for

    explicit beast_shipping(const aws_test::cloudwatch_service& service)
        : to_(kedge::http::parse_url(service.url(), true)), signer_(to_, service.region(), "logs"), socket_(io_) {
        const kedge::log::record what = usual_record();
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(what.time.time_since_epoch()).count();
        std::string event = R"({"timestamp":)" + std::to_string(ms) + R"(,"message":")";
        kedge::log::python_format(what, event);
        body_ = R"({"logGroupName":"shop","logStreamName":"web-1","logEvents":[)";
        for (std::uint64_t i = 0; i < events_each; ++i) body_ += event + R"("},)";
        body_.back() = ']';
        body_ += '}';
        socket_.connect({boost::asio::ip::address_v4::loopback(), to_.port});
        socket_.set_option(boost::asio::ip::tcp::no_delay(true));
    }

    /// A signature is valid for five minutes.
    void sign() {
        kedge::http::request signed_one{"POST", "/", {{"Content-Type", "application/x-amz-json-1.1"},
                                                      {"X-Amz-Target", "Logs_20140328.PutLogEvents"}}, body_};
        signer_.sign(signed_one, known_keys(), std::chrono::system_clock::now());
        request_ = {boost::beast::http::verb::post, "/", 11, body_};
        request_.set(boost::beast::http::field::host, to_.authority());
        for (const auto& [name, value] : signed_one.headers) request_.set(name, value);
        request_.prepare_payload();
    }

    void operator()(std::uint64_t events) {
        for (std::uint64_t sent = 0; sent < events; sent += events_each) {
            boost::beast::http::write(socket_, request_);
            boost::beast::http::response<boost::beast::http::string_body> answer;
            boost::beast::http::read(socket_, buffer_, answer);
            if (answer.result_int() != 200) throw std::runtime_error("the service refuses: " + answer.body());
        }
    }

private:
    boost::asio::io_context io_;
    kedge::http::url to_;
    aws::sigv4_signer signer_;
    boost::asio::ip::tcp::socket socket_;
    boost::beast::flat_buffer buffer_;
    std::string body_;
    boost::beast::http::request<boost::beast::http::string_body> request_;
};

}  // namespace kedge_bench
