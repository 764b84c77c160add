// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/connection_pool.hpp>
#include <kedge/database/transaction.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

// COMMIT was sent and its answer is lost. The server knows what became of the transaction, if it was asked for the
// transaction's name in time.

namespace kedge::detail {

struct lost_commit {
    std::optional<std::string> name{};
};

/// Between looks while the server is away or the transaction may still become either; doubled each time. The first is
/// about what a server takes to notice that the connection is gone.
inline constexpr nanoseconds first_look_after = std::chrono::milliseconds(10), look_every = std::chrono::seconds(1);

/// Empty if it wrote nothing.
template <class Connection> boost::asio::awaitable<std::optional<std::string>> name_of(transaction& t) {
    const rows answer = co_await t.async_query(Connection::transaction_id(), params(), boost::asio::use_awaitable);
    co_return std::get<0>(answer.as<std::optional<std::string>>().front());
}

/// One look; empty if nobody answered. A pool that is shut down has no connection that could ask any more.
template <class Connection>
boost::asio::awaitable<std::optional<commit_fate>> look_up(connection_pool<Connection>& pool, const call& c, params name) {
    error_code ec;
    auto held = co_await pool.async_acquire(c, boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    if (ec == errc::pool_closed) co_return commit_fate::forgotten;
    if (ec) co_return std::nullopt;
    const rows answer = co_await held->async_query(Connection::transaction_status(), std::move(name),
                                                   boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    held.end_of_use(ec);
    if (ec) co_return std::nullopt;
    co_return Connection::fate(answer);
}

template <class Connection>
boost::asio::awaitable<commit_fate> look_until_known(connection_pool<Connection>& pool, const call& c, const std::string& name) {
    timer pause(co_await boost::asio::this_coro::executor);
    for (nanoseconds wait = first_look_after;; wait = std::min(2 * wait, look_every)) {
        const auto fate = co_await look_up(pool, c, params(name));
        if (fate && *fate != commit_fate::under_way) co_return *fate;
        pause.expires_after(wait);
        co_await pause.async_wait(boost::asio::use_awaitable);
    }
}

/// Returns if it was committed. The end of the attempt's time, which is a cancellation, leaves it unknown.
template <class Connection>
boost::asio::awaitable<void> settle(connection_pool<Connection>& pool, const call& c, const std::string& name) {
    commit_fate fate = commit_fate::forgotten;
    try {
        fate = co_await look_until_known(pool, c, name);
    } catch (const std::exception&) {
    }
    if (fate == commit_fate::rolled_back) throw boost::system::system_error(sql_errc::rolled_back);
    if (fate != commit_fate::committed) throw boost::system::system_error(errc::commit_unknown);
}

}  // namespace kedge::detail
