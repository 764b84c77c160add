// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ledger.hpp"

#include <kedge/error.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <utility>

namespace torture {

namespace asio = boost::asio;
using kedge::error_code;

/** A connection that notices when it is lent twice, used by two, used after its end, lent again after somebody broke it or
 *  after its generation was given up. It counts at its server from the first step of opening until it is closed.
 */
class checked {
public:
    checked(ledger& l, asio::any_io_executor ex)
        : books(l), executor(std::move(ex)), number_(l.created.add()), born_(l.asked_to_renew) {
        l.record(number_, this);
        l.must(l.open.add() <= l.most_allowed, "no more connections than the maximum");
    }
    checked(const checked&) = delete;
    virtual ~checked() {
        books.record(number_, nullptr);
        books.must(gone_, "a connection is closed before it is destroyed");
    }

    /// @param renewed as the books said before the connection was asked for
    void borrowed(int renewed) noexcept {
        books.must(user_.exchange(1) == 0, "a connection has one user at a time");
        books.must(!gone_, "a closed connection is not lent");
        books.must(!poisoned_, "a broken connection is not lent again");
        books.must(born_ >= renewed, "a connection of an old generation is not lent");
        books.lent.add();
    }
    void returned() noexcept { books.must(user_.exchange(0) == 1, "a lease comes back once"); }
    void poison() noexcept { poisoned_.set(1); }

    /// By whoever has it now, user or pool. Not atomic, so that ThreadSanitizer sees two of them.
    void touched() noexcept {
        books.must(!gone_, "a closed connection is not used");
        ++touches_;
    }

    void is_closed() noexcept {
        touched();
        books.must(gone_.exchange(1) == 0, "a connection is closed once");
        books.must(user_ == 0 || books.ruin, "a connection that is lent is not closed");
        books.open.add(-1);
        books.closed.add();
    }

    /// A connection that was still lent when its context was destroyed is never closed; the test does it in the end.
    void bury() noexcept {
        if (gone_) return;
        books.must(user_ == 0 && books.ruin, "only what is lent when a context is destroyed is left behind");
        is_closed();
        books.left_behind.add();
        delete this;
    }

    ledger& books;
    const asio::any_io_executor executor;

private:
    const int number_, born_;
    tally user_, poisoned_, gone_;
    int touches_ = 0;
};

/// `count` awaits; `step(i)` after each says with which error it ends, if it does. Any await may be cancelled.
template <class Step, class Token> auto in_steps(checked& c, int count, Step step, Token&& token) {
    return asio::async_compose<Token, void(error_code)>(
        [&c, count, step = std::move(step), i = -1](auto& self, error_code ec = {}) mutable {
            if (i < 0) self.reset_cancellation_state(asio::enable_total_cancellation());
            else if (!ec) c.touched(), ec = step(i);
            if (!ec && self.cancelled() != asio::cancellation_type::none) ec = asio::error::operation_aborted;
            if (ec || ++i == count) return self.complete(ec);
            kedge::async_sleep(c.executor, c.books.some_time(), std::move(self));
        },
        token, c.executor);
}

}  // namespace torture
