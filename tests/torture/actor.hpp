// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace torture {

/// A use of a connection inside `async_with`.
template <class T, class Token> auto use_borrowed(T& c, int renewed, Token&& token) {
    return asio::async_compose<Token, void(error_code)>(
        [&c, renewed, begun = false](auto& self, error_code ec = {}) mutable {
            if (!std::exchange(begun, true)) {
                c.borrowed(renewed);
                return c.async_use(std::move(self));
            }
            c.returned();
            self.complete(ec);
        },
        token, c.executor);
}

template <class T> asio::awaitable<void> use_borrowed(T& c, int renewed) {
    c.borrowed(renewed);
    error_code ec;
    co_await c.async_use(asio::redirect_error(asio::use_awaitable, ec));
    c.returned();
    if (ec) throw boost::system::system_error(ec);
}

/// Does one thing after the other with the pool, each on the same executor; if that is a strand, it cancels some of them.
template <class Connector> class actor : public std::enable_shared_from_this<actor<Connector>> {
    using connection = typename Connector::connection;
    using pool_type = kedge::connection_pool<connection>;
    using lease_type = kedge::lease<connection>;

public:
    actor(world<Connector>& w, unsigned number)
        : world_(w), books_(*w.books), pool_(w.pool), random_(w.how.seed * 100 + number), executor_(w.place_of(number)),
          cancels_(number % 4 != 3) {
        world_.acting.fetch_add(1);
    }

    void begin(bool runs_the_pool) {
        asio::post(executor_, [self = this->shared_from_this(), runs_the_pool] {
            if (runs_the_pool) self->run_upkeep();
            self->next();
        });
    }

private:
    void next() {
        const int turn = world_.left.add(-1);
        if (world_.how.how == ending::context_destroyed && turn < world_.how.turns / 2)
            for (auto& io : world_.contexts) io->stop();
        if (turn < 0) return leave();
        switch (random_() % 16) {
        case 0: return take_now();
        case 1: case 2: case 3: return take(kedge::never);
        case 4: case 5: return take(world_.now() + books_.some_time());
        case 6: case 7: return with([r = renewed()](connection& c, auto&& t) {
            return use_borrowed(c, r, std::forward<decltype(t)>(t));
        });
        case 8: case 9: return with([r = renewed()](connection& c) { return use_borrowed(c, r); });
        case 10: case 11: return borrow_in_a_coroutine();
        case 12: lose(); break;
        case 13: change(); break;
        case 14: look(); break;
        case 15: world_.late.clear(); break;
        }
        post_next();
    }

    void again() {
        ++number_;
        post_next();
    }
    void post_next() {
        asio::post(executor_, [self = this->shared_from_this()] { self->next(); });
    }

    // ---- borrowing

    void take_now() {
        const int r = renewed();
        if (lease_type l = pool_->try_acquire()) use(loan<connection>(std::move(l), r));
        else again();
    }

    void take(kedge::time_point deadline) {
        cancel_sometime();
        pool_->async_acquire({.deadline = deadline, .tag = "taken"},
                             handler([self = this->shared_from_this(), r = renewed()](error_code ec, lease_type l) {
            self->books_.must(bool(l) != bool(ec), "a lease or an error");
            if (ec) return self->again();
            ++self->number_;
            self->use(loan<connection>(std::move(l), r));
        }));
    }

    void use(loan<connection> l) {
        auto* const c = l.operator->();
        cancel_sometime();
        c->async_use(handler([self = this->shared_from_this(), l = std::move(l)](error_code ec) mutable {
            self->give_back(std::move(l), ec);
            self->again();
        }));
    }

    void give_back(loan<connection> l, error_code ec) {
        switch (random_() % 6) {
        case 0: return l.discard(ec ? ec : asio::error::eof);
        case 1: return l.discard({});
        case 2: return world_.late.put(std::move(l));
        case 3: return;
        default:
            if (!ec) l.recycle();
        }
    }

    template <class F> void with(F use) {
        cancel_sometime();
        pool_->async_with(std::move(use), handler([self = this->shared_from_this()](const auto&) { self->again(); }));
    }

    void borrow_in_a_coroutine() {
        cancel_sometime();
        asio::co_spawn(executor_, borrow(*pool_, *this),
                       handler([self = this->shared_from_this()](const std::exception_ptr&) { self->again(); }));
    }
    static asio::awaitable<void> borrow(pool_type pool, actor& self) {
        const int r = self.renewed();
        lease_type l = co_await pool.acquire();
        loan<connection> mine(std::move(l), r);
        co_await mine->async_use(asio::use_awaitable);
        self.give_back(std::move(mine), {});
    }

    /// Its handler will be destroyed, or the granted connection with it.
    void lose() {
        books_.lost.add();
        const lossy_executor nowhere(*world_.contexts[0], world_.bin);
        pool_->async_acquire(asio::bind_executor(nowhere, counted([](error_code, lease_type) {})));
    }

    // ---- everything else

    void run_upkeep() {
        pool_->async_run(asio::bind_executor(executor_, counted([](error_code) {})));
    }

    void change() {
        if (random_() % 2 == 0) {
            books_.asked_to_renew.add();
            pool_->invalidate("torture");
            books_.renewed.add();
        } else {
            const int max = 1 + static_cast<int>(random_() % world<Connector>::largest_max);
            books_.most_allowed.at_least(max);
            pool_->resize(max);
        }
    }

    void look() {
        const kedge::pool_snapshot s = pool_->snapshot();
        const int all = s.used + s.idle + s.dialing + s.resetting + s.closing;
        books_.must(all <= books_.most_allowed, "the sum of a snapshot is at most the maximum");
        books_.must(s.used >= 0 && s.idle >= 0 && s.dialing >= 0 && s.resetting >= 0 && s.closing >= 0 && s.waiting >= 0,
                    "nothing is counted below zero");
    }

    int renewed() const { return books_.renewed; }

    void cancel_sometime() {
        if (!cancels_ || random_() % 2 == 0) return;
        auto cancel = [self = this->shared_from_this(), mine = number_](error_code) {
            if (self->number_ == mine) self->signal_.emit(asio::cancellation_type::terminal);
        };
        if (random_() % 2 == 0) return kedge::async_sleep(executor_, books_.some_time(), std::move(cancel));
        asio::post(executor_, [cancel = std::move(cancel)] { cancel({}); });
    }

    /// The last one to go ends the storm. Who drops a handle leaves an operation behind.
    void leave() {
        if (world_.how.how == ending::handles_dropped) pool_->async_acquire(counted([](error_code, lease_type) {}));
        pool_.reset();
        if (world_.acting.fetch_sub(1) > 1) return;
        world_.bin.close();
        world_.late.clear();
        if (world_.how.how == ending::shut_down)
            world_.pool->async_shutdown(world_.now() + 10h, counted([&books = books_](error_code ec) {
                books.must(!ec, "a pool whose leases are all back shuts down");
            }));
        world_.guards.clear();
    }

    template <class F> once<F> counted(F f) { return once<F>(books_, std::move(f)); }
    template <class F> auto handler(F f) {
        const auto slot = cancels_ ? signal_.slot() : asio::cancellation_slot();
        return asio::bind_executor(executor_, asio::bind_cancellation_slot(slot, counted(std::move(f))));
    }

    world<Connector>& world_;
    ledger& books_;
    std::optional<pool_type> pool_;
    kedge::detail::splitmix random_;
    const asio::any_io_executor executor_;
    const bool cancels_;
    asio::cancellation_signal signal_;
    int number_ = 0;  ///< of operations, for cancellations that come too late
};

}  // namespace torture
