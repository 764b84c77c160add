// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "../support/scripted_client.hpp"

#include <kedge/detail/operation.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace database_test {

namespace asio = boost::asio;
using namespace kedge;
using namespace std::chrono_literals;
using client_type = database_client<testing::scripted_connection>;

/// How one call ended.
struct ending {
    int times = 0;
    error_code ec{};
    rows result{};
    time_point at{};

    explicit operator bool() const noexcept { return times > 0; }
};

/// The code of a system_error; `operation_threw` for anything else.
inline error_code code_of(const std::exception_ptr& thrown) {
    return detail::outcome<void(std::exception_ptr)>{thrown, {}}.code();
}

/// A database client in virtual time, with a script for its server and an ear for its events.
struct bench {
    testing::simulation sim{11, std::chrono::system_clock::time_point(1'761'492'406s)};  // 2025-10-26T15:26:46
    testing::scripted_server server;
    std::shared_ptr<testing::recording_sink> sink = std::make_shared<testing::recording_sink>();
    std::vector<breaker_state> breaker_heard;
    std::vector<health> health_heard;
    client_type db;

    explicit bench(database_options o = {}) : db(make(std::move(o))) {}

    client_type make(database_options o) {
        o.url = server.url();
        o.sink = sink;
        o.on_event = [this](const event& what) noexcept {
            if (const auto* b = std::get_if<breaker_changed>(&what)) breaker_heard.push_back(b->to);
            if (const auto* h = std::get_if<health_changed>(&what)) health_heard.push_back(h->to);
        };
        return client_type(sim, o);
    }

    /// What a call's handler does, wherever the result is wanted.
    auto into(std::shared_ptr<ending> end) {
        return [this, end](error_code ec, rows result) {
            ++end->times;
            end->ec = ec;
            end->result = std::move(result);
            end->at = sim.now();
        };
    }

    std::shared_ptr<ending> query(sql_text text, call c = {}, params values = {}) {
        auto end = std::make_shared<ending>();
        db.async_query(std::move(text), std::move(values), c, into(end));
        CHECK_FALSE(*end);  // never inside the initiating function
        return end;
    }
    error_code run(sql_text text, call c = {}, params values = {}) {
        const auto end = query(std::move(text), c, std::move(values));
        sim.run_until([&] { return end->times > 0; });
        return end->ec;
    }

    int heard(const std::string& statement) const {
        return static_cast<int>(std::count(server.heard().begin(), server.heard().end(), statement));
    }
    std::vector<std::string> logged() const {
        std::vector<std::string> all;
        for (const auto& r : sink->records()) all.push_back(r.message);
        return all;
    }
};

}  // namespace database_test
