// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/sql/rows_builder.hpp>

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

}  // namespace kedge::testing
