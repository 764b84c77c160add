// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "server.hpp"
#include "wait.hpp"

#include <kedge/postgres/client.hpp>
#include <kedge/postgres/connection.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace test {

using namespace std::chrono_literals;

using kedge::error_code;
using kedge::postgres::connection;
using client = kedge::database_client<connection>;
namespace pg = kedge::postgres;

/// One call and what came of it.
struct asked {
    bool over = false;
    error_code ec{};
    kedge::rows got{};
    kedge::call_report report{};
    kedge::time_point begun = kedge::now(), ended{};
    boost::asio::cancellation_signal stop{};

    kedge::nanoseconds took() const { return ended - begun; }
    /// The first value of the first row.
    template <class T> T value() const { return std::get<0>(got.as<T>().front()); }

    void finish(error_code result) {
        REQUIRE_FALSE(over);  // once
        over = true, ec = result, ended = kedge::now();
    }
};

using asked_ptr = std::shared_ptr<asked>;

/// Starts a statement; `on` is a client or a connection.
template <class On> asked_ptr start(On& on, kedge::sql_text text, kedge::params values = {}, kedge::call c = {}) {
    const auto call = std::make_shared<asked>();
    c.report = &call->report;
    auto handler = boost::asio::bind_cancellation_slot(call->stop.slot(), [call](error_code ec, kedge::rows got) {
        call->got = std::move(got);
        call->finish(ec);
    });
    if constexpr (requires { on.snapshot(); }) on.async_query(std::move(text), std::move(values), c, std::move(handler));
    else on.async_query(std::move(text), std::move(values), std::move(handler));
    return call;
}

inline void finish(boost::asio::io_context& io, const asked_ptr& call) {
    REQUIRE(wait_until(io, [&] { return call->over; }));
}

/// Runs it to its end.
template <class On>
asked_ptr ask(boost::asio::io_context& io, On& on, kedge::sql_text text, kedge::params values = {}, kedge::call c = {}) {
    const asked_ptr call = start(on, std::move(text), std::move(values), c);
    finish(io, call);
    return call;
}

/// The same, of what has to work.
template <class On>
asked_ptr must(boost::asio::io_context& io, On& on, kedge::sql_text text, kedge::params values = {}, kedge::call c = {}) {
    const asked_ptr call = ask(io, on, std::move(text), std::move(values), c);
    INFO(call->ec.message() << ": " << call->report.said.text());
    REQUIRE_FALSE(call->ec);
    return call;
}

inline kedge::call within(kedge::nanoseconds limit) { return {.deadline = kedge::now() + limit}; }
inline kedge::call repeatable(kedge::nanoseconds limit = 10s) {
    return {.deadline = kedge::now() + limit, .repeating = kedge::repeat::harmless};
}
inline kedge::call once(kedge::nanoseconds limit = 10s) {
    return {.deadline = kedge::now() + limit, .repeating = kedge::repeat::forbidden};
}

/// Ends all connections of the client, so that the next test counts its own only.
inline void shut_down(boost::asio::io_context& io, client& db) {
    bool over = false;
    db.async_shutdown(kedge::now() + 5s, [&](error_code) { over = true; });
    REQUIRE(wait_until(io, [&] { return over; }));
}

/** How long the machine stood still at most, told by a thread that wants to run every millisecond: what a call that ended late
 *  may be excused with. */
class stall_watch {
public:
    stall_watch() : thread_([this] { watch(); }) {}
    ~stall_watch() {
        stop_ = true;
        thread_.join();
    }
    stall_watch(const stall_watch&) = delete;
    stall_watch& operator=(const stall_watch&) = delete;

    kedge::nanoseconds longest() const { return kedge::nanoseconds(longest_); }

private:
    void watch() {
        boost::asio::io_context io;
        kedge::time_point last = kedge::now();
        wait_until(io, [&] {
            const kedge::time_point now = kedge::now();
            longest_ = std::max<std::int64_t>(longest_, (now - last).count());
            last = now;
            return stop_.load();
        }, 24h);
    }

    std::atomic<bool> stop_ = false;
    std::atomic<std::int64_t> longest_ = 0;
    std::thread thread_;
};

/// What callers are promised: at the deadline, and no later than this.
inline constexpr std::chrono::milliseconds grace{100};

}  // namespace test
