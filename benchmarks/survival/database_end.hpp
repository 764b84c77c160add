// SPDX-License-Identifier: BSL-1.0
#pragma once

// The column `database_client`: each call is a read. A failure breaks its connection, as a reset does, and the pool has
// to open another one.

#include "world.hpp"

#include <kedge/associated_attempt.hpp>
#include <kedge/database_client.hpp>

#include <boost/asio/compose.hpp>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace survival {

class database_connector;

/// Statements reach the dependency as requests; their parameter is the number of the call.
class database_end {
public:
    using connector_type = database_connector;

    database_end(const boost::asio::any_io_executor& ex, dependency& to) : to_(to), timer_(ex) {}

    template <class Token = boost::asio::deferred_t>
    auto async_query(const kedge::sql_text&, const kedge::params& values, Token&& token = {}) {
        const auto call = static_cast<std::uint64_t>(std::get<std::int64_t>(values[0]));
        return boost::asio::async_compose<Token, void(error_code, kedge::rows)>(statement{this, call}, token, timer_);
    }

    template <class Token> auto async_open(Token&& token) {
        const answer said = to_.dial();
        return kedge::async_sleep(timer_.get_executor(), said.after,
                                  boost::asio::deferred([error = said.error](error_code stopped) {
                                      return boost::asio::deferred.values(stopped ? stopped : error);
                                  }))(std::forward<Token>(token));
    }

    kedge::reuse state() const noexcept { return broken_ ? kedge::reuse::broken : kedge::reuse::clean; }

    static kedge::sql_text begin(const kedge::transaction_options&) noexcept { return "begin"; }
    static kedge::verdict classify(const error_code& ec) noexcept { return kedge::classify_sql(ec); }

private:
    struct statement {
        database_end* on;
        std::uint64_t call;
        error_code error{};
        bool started = false;

        template <class Self> void operator()(Self& self, error_code stopped = {}) {
            if (!std::exchange(started, true)) {
                const answer said = on->to_.ask(call, kedge::get_associated_attempt(self).number);
                error = said.error;
                on->timer_.expires_after(said.after);
                return on->timer_.async_wait(std::move(self));
            }
            if (stopped) error = stopped;
            on->broken_ = on->broken_ || error;
            self.complete(error, {});
        }
    };

    dependency& to_;
    kedge::timer timer_;
    bool broken_ = false;
};

class database_connector {
public:
    /// A client knows its database by a URL only, so that says where the dependency lies.
    static std::string url_of(dependency& to) { return std::to_string(reinterpret_cast<std::uintptr_t>(&to)); }
    explicit database_connector(std::string_view url) {
        std::uintptr_t place = 0;
        std::from_chars(url.data(), url.data() + url.size(), place);
        to_ = reinterpret_cast<dependency*>(place);
    }

    std::unique_ptr<database_end> create(const boost::asio::any_io_executor& ex) const {
        return std::make_unique<database_end>(ex, *to_);
    }
    template <class Token> auto async_connect(database_end& c, Token&& token) const {
        return c.async_open(std::forward<Token>(token));
    }
    template <class Token> auto async_reset(database_end& c, Token&& token) const {
        return c.async_open(std::forward<Token>(token));
    }
    void close(database_end&) const noexcept {}
    static kedge::reuse inspect(const database_end& c) noexcept { return c.state(); }
    static kedge::verdict classify(const error_code& ec) noexcept { return database_end::classify(ec); }

private:
    dependency* to_ = nullptr;
};

inline client database_client(dependency& to, int) {
    kedge::database_client<database_end> db(to.sim, {.url = database_connector::url_of(to), .on_event = to.watch()});
    return [&to, db](std::uint64_t call, ended done) mutable {
        db.async_query("select total from orders where id = $1", kedge::params(call),
                       kedge::call{.deadline = to.deadline(call), .repeating = kedge::repeat::harmless},
                       [done = std::move(done)](error_code ec, const kedge::rows&) { done(ec); });
    };
}

}  // namespace survival
