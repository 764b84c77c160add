// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "server.hpp"
#include "wait.hpp"

#include <kedge/detail/handlers.hpp>
#include <kedge/postgres/connection.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <utility>

namespace test {

struct answer {
    kedge::error_code ec{};
    kedge::rows result{};
    kedge::call_report report{};
};

/// One connection with its context and its connector, for a test that drives it itself.
class session {
public:
    explicit session(const std::string& parameters = "", const std::string& url = "")
        : to_(url.empty() ? postgres_server::shared().url(parameters) : url), connection_(to_.create(io.get_executor())) {}

    kedge::postgres::connection& operator*() noexcept { return *connection_; }
    kedge::postgres::connection* operator->() noexcept { return connection_.get(); }
    kedge::postgres::connector& connector() noexcept { return to_; }
    void drop() { connection_ = nullptr; }

    kedge::error_code connect() {
        return end_of([&](auto handler) {
            kedge::attempt of;
            of.report = &report;
            to_.async_connect(*connection_, kedge::detail::attempt_handler<decltype(handler)>(handler, of));
        });
    }
    kedge::error_code reset() {
        return end_of([&](auto handler) { to_.async_reset(*connection_, std::move(handler)); });
    }
    kedge::error_code ping() {
        return end_of([&](auto handler) { to_.async_ping(*connection_, std::move(handler)); });
    }

    answer run(kedge::sql_text text, kedge::params values = {}, kedge::time_point deadline = kedge::never) {
        answer got;
        bool done = false;
        auto handler = [&](kedge::error_code ec, kedge::rows result) {
            done = true, got.ec = ec, got.result = std::move(result);
        };
        kedge::attempt of;
        of.report = &got.report;
        of.deadline = deadline;
        connection_->async_query(std::move(text), std::move(values),
                                 kedge::detail::attempt_handler<decltype(handler)>(handler, of));
        REQUIRE(wait_until(io, [&] { return done; }));
        return got;
    }

    /// The first value of the first row of what has to work.
    template <class T> T value(kedge::sql_text text, kedge::params values = {}, kedge::time_point deadline = kedge::never) {
        const answer got = run(std::move(text), std::move(values), deadline);
        INFO(got.ec.message() << ": " << got.report.said.text());
        REQUIRE_FALSE(got.ec);
        return std::get<0>(got.result.as<T>().front());
    }
    int backend() { return value<int>("select pg_backend_pid()"); }

private:
    template <class Start> kedge::error_code end_of(Start start) {
        bool done = false;
        kedge::error_code ended;
        start([&](kedge::error_code ec) { done = true, ended = ec; });
        REQUIRE(wait_until(io, [&] { return done; }));
        return ended;
    }

public:
    boost::asio::io_context io;
    kedge::call_report report;  ///< of connect()

private:
    kedge::postgres::connector to_;
    std::unique_ptr<kedge::postgres::connection> connection_;
};

/// One that is connected.
inline std::unique_ptr<session> opened(const std::string& parameters = "") {
    auto made = std::make_unique<session>(parameters);
    const kedge::error_code ec = made->connect();
    INFO(ec.message() << ": " << made->report.said.text());
    REQUIRE_FALSE(ec);
    return made;
}

}  // namespace test
