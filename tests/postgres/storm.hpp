// SPDX-License-Identifier: BSL-1.0
#pragma once

// Users who read, write, commit and change their minds while the server is restarted under them, and what they saw.

#include "calls.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace test {

enum class errand : std::uint8_t { read, write, transaction };
enum class end : std::uint8_t { done, unknown, failed };  // unknown: commit_unknown

/// One call of a user, as he saw it end.
struct seen {
    std::int64_t token = 0;
    errand what = errand::read;
    end how = end::done;
    error_code ec{};
    kedge::nanoseconds took{0}, late{0};  ///< `late`: after the deadline
    bool cancelled = false, wrong = false;
};

/// Asks one thing after the other until he is told to go home; each with a deadline, some cancelled in the middle.
class storm_user {
public:
    storm_user(boost::asio::io_context& io, client& db, int number, std::atomic<int>& present)
        : own_(boost::asio::make_strand(io)), db_(db), impatience_(own_), random_(static_cast<unsigned>(number)),
          token_(std::int64_t{number} << 32), present_(present) {
        boost::asio::post(own_, [this] { next(); });
    }

    void go_home() { going_ = true; }

    std::vector<seen> all;

private:
    int chance(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

    void next() {
        if (going_) return (void)--present_;
        const int dice = chance(100);
        now_ = {.token = ++token_,
                .what = dice < 60 ? errand::read : dice < 80 ? errand::write : errand::transaction};
        begun_ = kedge::now();
        deadline_ = begun_ + std::chrono::milliseconds(20 + chance(700));
        if (chance(100) < 15) change_mind_in(std::chrono::microseconds(chance(5000)));
        const kedge::call c{.deadline = deadline_,
                            .repeating = now_.what == errand::read ? kedge::repeat::harmless : kedge::repeat::as_configured};
        if (now_.what == errand::read) read(c);
        else if (now_.what == errand::write) write(c);
        else transact(c);
    }

    void change_mind_in(kedge::nanoseconds time) {
        impatience_.expires_after(time);
        impatience_.async_wait(boost::asio::bind_executor(own_, [this, of = token_](error_code ec) {
            if (ec || of != token_) return;
            now_.cancelled = true;
            stop_.emit(boost::asio::cancellation_type::terminal);
        }));
    }

    template <class F> auto bound(F f) {
        return boost::asio::bind_cancellation_slot(stop_.slot(), boost::asio::bind_executor(own_, std::move(f)));
    }

    void read(const kedge::call& c) {
        const int length = chance(50) == 0 ? 200'000 : chance(100);
        db_.async_query("select $1::bigint, repeat('x', $2::int)", kedge::params(token_, length), c,
                        bound([this, length](error_code ec, const kedge::rows& got) {
                            now_.wrong = !ec && !right(got, length);
                            ended(ec);
                        }));
    }

    bool right(const kedge::rows& got, int length) const {
        if (got.size() != 1) return false;
        const auto [token, text] = got.as<std::int64_t, std::string_view>().front();
        return token == token_ && text.size() == static_cast<std::size_t>(length);
    }

    void write(const kedge::call& c) {
        db_.async_execute("insert into storm values ($1, 0)", kedge::params(token_), c,
                          bound([this](error_code ec, kedge::affected changed) {
                              now_.wrong = !ec && changed.rows != 1;
                              ended(ec);
                          }));
    }

    void transact(const kedge::call& c) {
        auto body = [token = token_](kedge::transaction& tx) -> boost::asio::awaitable<void> {
            for (const int half : {1, 2}) {
                kedge::params values(token, half);
                (void)co_await tx.async_execute("insert into storm values ($1, $2)", std::move(values),
                                                boost::asio::use_awaitable);
            }
        };
        const kedge::transaction_options options{.resolve_commit = chance(2) == 0};
        db_.async_transaction(std::move(body), options, c, bound([this](std::exception_ptr thrown) {
            try {
                if (thrown) std::rethrow_exception(thrown);
                ended({});
            } catch (const boost::system::system_error& e) {
                ended(e.code());
            }
        }));
    }

    void ended(error_code ec) {
        const kedge::time_point at = kedge::now();
        impatience_.cancel();
        now_.ec = ec;
        now_.how = !ec ? end::done : ec == kedge::errc::commit_unknown ? end::unknown : end::failed;
        now_.took = at - begun_;
        now_.late = at - deadline_;
        all.push_back(now_);
        boost::asio::post(own_, [this] { next(); });
    }

    boost::asio::strand<boost::asio::io_context::executor_type> own_;
    client& db_;
    kedge::timer impatience_;
    boost::asio::cancellation_signal stop_;
    std::minstd_rand random_;
    std::int64_t token_;
    std::atomic<int>& present_;
    std::atomic<bool> going_ = false;
    seen now_;
    kedge::time_point begun_{}, deadline_{};
};

struct storm_plan {
    kedge::nanoseconds length{0}, restart_every{0};
    int users = 32, connections = 8, threads = 2;
};

/// What users and administrators saw.
struct storm_report {
    std::vector<seen> calls;
    std::map<std::int64_t, int> rows;  ///< of the table, by token
    int restarts = 0, samples = 0, most_backends = 0, users_left = 0, used_at_end = 0;
    bool backends_gone = false;
    kedge::nanoseconds stall{0};
};

storm_report play_storm(const storm_plan& plan, postgres_server& server);

}  // namespace test
