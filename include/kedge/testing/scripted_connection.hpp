// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/core/reuse.hpp>
#include <kedge/runtime.hpp>
#include <kedge/sql/batches.hpp>
#include <kedge/sql/connection_concept.hpp>
#include <kedge/testing/scripted_server.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace kedge::testing {

class scripted_connector;

/** A connection to a @ref scripted_server; makes `database_client<testing::scripted_connection>`.
 *
 *  A statement that was cancelled keeps the server busy until it would have ended, as a real one does.
 */
class scripted_connection {
public:
    using connector_type = scripted_connector;

    scripted_connection(boost::asio::any_io_executor ex, std::shared_ptr<detail::server_state> server)
        : timer_(ex), runtime_(runtime::of(ex)), server_(std::move(server)) {}
    ~scripted_connection() { close(); }
    scripted_connection(const scripted_connection&) = delete;
    scripted_connection& operator=(const scripted_connection&) = delete;

    /// void(error_code)
    template <class Token> auto async_open(Token&& token) {
        return after(server_->connect_takes, std::forward<Token>(token), [this] {
            if (server_->away_between(runtime_.now(), runtime_.now()) != never) {
                ++server_->refused;
                return error_code(boost::asio::error::connection_refused);
            }
            opened();
            return error_code();
        });
    }

    /// void(error_code, rows)
    template <class Token = boost::asio::deferred_t> auto async_query(sql_text text, params values, Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code, rows)>(
            statement{this, std::move(text), std::move(values), {}}, token, timer_);
    }

    /// void(error_code); the answer is one piece
    template <class Token = boost::asio::deferred_t>
    auto async_query_batches(sql_text text, params values, batch_receiver take, Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code)>(
            [ask = async_query(std::move(text), std::move(values)), take](auto& self, auto... ended) mutable {
                if constexpr (sizeof...(ended) == 0) std::move(ask)(std::move(self));
                else complete_with(self, take, std::move(ended)...);
            },
            token, timer_);
    }

    /// Waits for the end of a cancelled statement, then rolls back; void(error_code).
    template <class Token> auto async_reset(Token&& token) {
        const nanoseconds rest = std::max(busy_until_ - runtime_.now(), nanoseconds(0)) + server_->query_takes;
        return after(rest, std::forward<Token>(token), [this] {
            dead_ = lost();
            if (dead_) return error_code(boost::asio::error::connection_reset);
            server_->heard.emplace_back("rollback");
            in_transaction_ = false;
            busy_until_ = {};
            return error_code();
        });
    }

    reuse state() const noexcept {
        if (dead_ || !open_ || busy_until_ == never) return reuse::broken;
        return in_transaction_ || busy_until_ != time_point{} ? reuse::needs_reset : reuse::clean;
    }
    void close() noexcept {
        if (std::exchange(open_, false)) --server_->open;
    }

    static sql_text begin(const transaction_options& options) noexcept {
        return options.read_only ? sql_text("begin read only") : sql_text("begin");
    }
    static verdict classify(const error_code& ec) noexcept { return classify_sql(ec); }

    /// For `transaction_options::resolve_commit`; the fate is told as "committed", "rolled back", "under way", or else.
    static sql_text transaction_id() noexcept { return "select transaction_id()"; }
    static sql_text transaction_status() noexcept { return "select transaction_status($1)"; }
    static commit_fate fate(const rows& told) {
        const auto text = std::get<0>(told.as<std::string_view>().front());
        if (text == "committed") return commit_fate::committed;
        if (text == "rolled back") return commit_fate::rolled_back;
        return text == "under way" ? commit_fate::under_way : commit_fate::forgotten;
    }

private:
    /// One statement: checks, waits as long as the server takes or until it goes away, answers.
    struct statement {
        scripted_connection* on;
        sql_text text;
        params values;
        error_code result;
        bool started = false;

        template <class Self> void operator()(Self& self, error_code ec = {}) {
            if (!std::exchange(started, true)) {
                result = check_statement(text, values);
                const time_point end = result ? on->runtime_.now() : on->begin_statement(text.view(), result);
                on->timer_.expires_at(end);
                return on->timer_.async_wait(std::move(self));
            }
            if (ec) return self.complete(boost::asio::error::operation_aborted, {});
            on->busy_until_ = {};
            if (!result) return self.complete({}, on->finish_statement(text.view(), values));
            if (call_report* report = report_of(self)) report->said.set({}, result.message());
            self.complete(result, {});
        }
        template <class Self> static call_report* report_of(Self& self) { return get_associated_attempt(self).report; }
    };

    template <class Self> static void complete_with(Self& self, const batch_receiver& take, error_code ec, rows piece) {
        if (!ec && !piece.empty() && !take(std::move(piece))) ec = boost::asio::error::operation_aborted;
        self.complete(ec);
    }

    /// When the statement ends, and with which error.
    time_point begin_statement(std::string_view text, error_code& result) {
        const time_point now = runtime_.now();
        server_->heard.emplace_back(text);
        if (lost()) return result = boost::asio::error::connection_reset, dead_ = true, now;
        const time_point end = core::saturating_add(now, server_->time_for(text));
        const time_point away = server_->away_between(now, end);
        busy_until_ = end;
        if (away != never) return result = boost::asio::error::connection_reset, dead_ = true, away;
        result = server_->scripted_failure(text);
        if (classify(result).judged == kind::failure) dead_ = true;
        return end;
    }

    rows finish_statement(std::string_view text, const params& values) {
        if (text.starts_with("begin")) in_transaction_ = true;
        if (text == "commit" || text == "rollback") in_transaction_ = false;
        return server_->answer(text, values);
    }

    void opened() noexcept {
        open_ = true;
        opened_at_ = runtime_.now();
        ++server_->connects;
        server_->most_open = std::max(server_->most_open, ++server_->open);
    }
    bool lost() const noexcept {
        return dead_ || !open_ || server_->away_between(opened_at_, runtime_.now()) != never;
    }

    template <class Token, class Then> auto after(nanoseconds time, Token&& token, Then then) {
        timer_.expires_at(core::saturating_add(runtime_.now(), time));
        return boost::asio::async_compose<Token, void(error_code)>(
            [this, then, started = false](auto& self, error_code ec = {}) mutable {
                if (!std::exchange(started, true)) return timer_.async_wait(std::move(self));
                self.complete(ec ? ec : then());  // cancelled: `this` may be gone
            },
            token, timer_);
    }

    timer timer_;
    runtime& runtime_;
    std::shared_ptr<detail::server_state> server_;
    time_point opened_at_{};
    time_point busy_until_{};  // of a statement that is under way or was cancelled
    bool open_ = false, dead_ = false, in_transaction_ = false;
};

/// Finds the server of a `scripted:name` URL.
class scripted_connector {
public:
    explicit scripted_connector(std::string_view url) {
        constexpr std::string_view accepted = "scripted:name of a testing::scripted_server that exists";
        if (kedge::detail::scheme_of(url) != "scripted") kedge::detail::refuse_url(url, "not a scripted server", accepted);
        auto& all = detail::server_state::all();
        const std::lock_guard lock(all.mutex);
        if (const auto found = all.servers.find(url.substr(9)); found != all.servers.end()) server_ = found->second.lock();
        if (server_ == nullptr) kedge::detail::refuse_url(url, "no such server", accepted);
    }

    std::unique_ptr<scripted_connection> create(const boost::asio::any_io_executor& ex) const {
        return std::make_unique<scripted_connection>(ex, server_);
    }
    template <class Token> auto async_connect(scripted_connection& c, Token&& token) const {
        return c.async_open(std::forward<Token>(token));
    }
    template <class Token> auto async_reset(scripted_connection& c, Token&& token) const {
        return c.async_reset(std::forward<Token>(token));
    }
    void close(scripted_connection& c) const noexcept { c.close(); }
    static reuse inspect(const scripted_connection& c) noexcept { return c.state(); }
    static verdict classify(const error_code& ec) noexcept { return classify_sql(ec); }

private:
    std::shared_ptr<detail::server_state> server_;
};

static_assert(database_connection<scripted_connection>);

}  // namespace kedge::testing
