// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/core/reuse.hpp>
#include <kedge/runtime.hpp>
#include <kedge/sql/connection_concept.hpp>
#include <kedge/sql/rows_builder.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::testing {

namespace detail {

struct server_state {
    struct outage {
        time_point from, until;
    };
    struct failure {
        std::string prefix;
        error_code error;
        int times;
    };

    std::string name;
    nanoseconds connect_takes = std::chrono::milliseconds(2);
    nanoseconds query_takes = std::chrono::milliseconds(1);
    std::map<std::string, nanoseconds, std::less<>> takes;
    std::vector<outage> outages;
    std::vector<failure> failures;
    std::map<std::string, std::function<rows(const params&)>, std::less<>> answers;
    std::vector<std::string> heard;
    int connects = 0, refused = 0, open = 0, most_open = 0;

    /// The first moment in `[from, until]` at which the server is away; `never` if there is none.
    time_point away_between(time_point from, time_point until) const noexcept {
        time_point first = never;
        for (const outage& o : outages)
            if (o.from <= until && o.until > from) first = std::min(first, std::max(o.from, from));
        return first;
    }

    nanoseconds time_for(std::string_view text) const {
        const auto found = takes.find(text);
        return found == takes.end() ? query_takes : found->second;
    }

    error_code scripted_failure(std::string_view text) {
        for (failure& f : failures) {
            if (f.times == 0 || !text.starts_with(f.prefix)) continue;
            --f.times;
            return f.error;
        }
        return {};
    }

    rows answer(std::string_view text, const params& values) const {
        if (const auto found = answers.find(text); found != answers.end()) return found->second(values);
        if (text == transaction_id || text == transaction_status) {
            rows_builder told({"told"});
            told.text(text == transaction_id ? "1" : "committed");
            return std::move(told).take();
        }
        const bool reads = text.starts_with("select");
        rows_builder made(reads ? std::vector<std::string>{"value"} : std::vector<std::string>{});
        if (reads) made.integer(1);
        else made.affected(1);
        return std::move(made).take();
    }

    static constexpr std::string_view transaction_id = "select transaction_id()";
    static constexpr std::string_view transaction_status = "select transaction_status($1)";

    static auto& all() {
        struct registry {
            std::mutex mutex;
            std::map<std::string, std::weak_ptr<server_state>, std::less<>> servers;
            int made = 0;
        };
        static registry instance;
        return instance;
    }
};

}  // namespace detail

/** A database server that exists in a script only: how long connecting and statements take, when it is away, what it
 *  answers. Its connections work on @ref kedge::timer, so that a simulation plays hours of it in a moment.
 *
 *  @code
 *  testing::scripted_server shop;
 *  shop.query_takes(3ms).away(sim.now() + 10s, sim.now() + 40s);
 *  database_client<testing::scripted_connection> db{sim, {.url = shop.url()}};
 *  @endcode
 *
 *  While it is away it refuses connections; statements that were under way end with `connection_reset` at its start, and
 *  connections from before are dead. It answers `select …` with one row, the integer 1, and anything else with one row
 *  changed, unless told otherwise. Asked for the fate of a transaction whose COMMIT was lost, it says "committed".
 *
 *  @par Thread safety  None: it belongs to the thread of the simulation.
 */
class scripted_server {
public:
    /// @param name as in its URL, `scripted:name`; empty: made up
    explicit scripted_server(std::string name = {}) : state_(std::make_shared<detail::server_state>()) {
        auto& all = detail::server_state::all();
        const std::lock_guard lock(all.mutex);
        state_->name = name.empty() ? "server-" + std::to_string(++all.made) : std::move(name);
        all.servers[state_->name] = state_;
    }

    std::string url() const { return "scripted:" + state_->name; }

    /// From the next connection or statement on. `nanoseconds::max()`: it hangs.
    scripted_server& connect_takes(nanoseconds time) { return state_->connect_takes = time, *this; }
    scripted_server& query_takes(nanoseconds time) { return state_->query_takes = time, *this; }
    /// Exactly this text takes another time.
    scripted_server& query_takes(std::string text, nanoseconds time) {
        state_->takes[std::move(text)] = time;
        return *this;
    }

    /// Announced ahead: a statement that is under way already does not hear of an outage that begins before its end.
    scripted_server& away(time_point from, time_point until = never) {
        state_->outages.push_back({from, until});
        return *this;
    }

    /// What exactly this text is answered with.
    scripted_server& answer(std::string text, std::function<rows(const params&)> make) {
        state_->answers[std::move(text)] = std::move(make);
        return *this;
    }

    /// The next statements that begin so fail; an empty prefix: whichever they are. A connection error kills the connection.
    scripted_server& fail(std::string prefix, error_code error, int times = 1) {
        state_->failures.push_back({std::move(prefix), error, times});
        return *this;
    }

    const std::vector<std::string>& heard() const noexcept { return state_->heard; }  ///< all statements, in order
    int connects() const noexcept { return state_->connects; }
    int refused() const noexcept { return state_->refused; }
    int open() const noexcept { return state_->open; }            ///< connections, now
    int most_open() const noexcept { return state_->most_open; }  ///< connections, at any time

private:
    std::shared_ptr<detail::server_state> state_;
};

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
