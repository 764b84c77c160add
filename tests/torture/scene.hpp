// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "loan.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace torture {

using namespace std::chrono_literals;

/// What happens between two steps of a scene.
enum class blow { none, cancel_one, cancel_all, drop_pool, destroy_context, renew, shrink, shut_down, return_late };
constexpr std::array all_blows{blow::cancel_one, blow::cancel_all, blow::drop_pool, blow::destroy_context,
                               blow::renew,      blow::shrink,     blow::shut_down, blow::return_late};

/// Three users borrow, use and return, of a pool of two, in virtual time; it can be hit between any two steps.
template <class Connector> class scene {
    using connection = typename Connector::connection;
    using lease_type = kedge::lease<connection>;

public:
    explicit scene(std::uint64_t seed)
        : books(std::make_shared<ledger>(seed, 5ms)), sim(std::make_unique<kedge::testing::simulation>(seed)) {
        books->most_allowed.set(2);
        const auto hear = [this](const kedge::event&) noexcept { ++heard_; };
        pool.emplace(*sim, kedge::pool_options{.name = "scene", .max = 2, .on_event = hear}, Connector{books});
        for (std::size_t i = 0; i < stop.size(); ++i) borrow(i);
    }

    /// False: it was over before.
    bool run(std::size_t steps) {
        if (!sim) return false;
        std::size_t asked = 0;
        sim->run_until([&] { return over() || asked++ >= steps; });  // asked again when it has held
        return asked > steps;
    }

    void hit(blow with) {
        if (!sim && with != blow::drop_pool) return;  // there is nothing left to hit
        switch (with) {
        case blow::none: return;
        case blow::cancel_one: return stop[0].emit(asio::cancellation_type::terminal);
        case blow::cancel_all:
            for (auto& s : stop) s.emit(asio::cancellation_type::terminal);
            return;
        case blow::drop_pool: return pool.reset();
        case blow::destroy_context:
            books->ruin = true;
            return sim.reset();
        case blow::renew: return renew();
        case blow::shrink:
            if (pool) pool->resize(1);
            return books->most_allowed.set(1);  // what is open stays, but nothing more is opened beside it
        case blow::shut_down:
            if (pool) pool->async_shutdown(sim->now() + 1h, counted([](error_code) {}));
            return;
        case blow::return_late: late_ = true;
        }
    }

    /// To the end; what is still wanted comes, and nothing is left.
    void end() {
        if (sim && !late_) sim->run();
        else if (sim) sim->run_for(1h);
        kept_ = {};
        if (sim) sim->run();
        if (sim && pool && !pool->snapshot().down) still_serves();
        pool.reset();
        if (sim) sim->run();
        check();
    }

    std::array<asio::cancellation_signal, 3> stop;  // outlives the operations
    const std::shared_ptr<ledger> books;
    std::unique_ptr<kedge::testing::simulation> sim;
    std::optional<kedge::connection_pool<connection>> pool;

private:
    bool over() const { return books->started == books->ended; }

    template <class F> auto stoppable(std::size_t i, F f) {
        return asio::bind_cancellation_slot(stop[i].slot(), counted(std::move(f)));
    }

    void borrow(std::size_t i) {
        pool->async_acquire(stoppable(i, [this, i, renewed = int(books->renewed)](error_code ec, lease_type l) {
            if (ec) return;
            loan<connection> mine(std::move(l), renewed);
            auto* const c = mine.operator->();
            c->async_use(stoppable(i, [this, i, mine = std::move(mine)](error_code e) mutable {
                give_back(i, std::move(mine), e);
            }));
        }));
    }

    void give_back(std::size_t i, loan<connection> l, error_code ec) {
        if (late_) kept_ = std::move(l);
        else if (i == 0) return;  // the connection says what it is
        else if (ec || i == 1) l.discard(ec);
        else l.recycle();
    }

    void renew() {
        if (!pool) return;
        books->asked_to_renew.add();
        pool->invalidate("scene");
        books->renewed.add();
    }

    /// Whatever happened, the next one is served or refused.
    void still_serves() {
        late_ = false;
        const int before = books->ended;
        borrow(0);
        sim->run();
        CHECK(books->ended > before);
    }

    void check() {
        books->for_all_left([](checked& c) { c.bury(); });
        const char* const broken = books->wrong();
        CHECK(std::string(broken ? broken : "") == "");
        CHECK(books->started == books->ended + books->destroyed);
        if (sim) {
            CHECK(books->destroyed == 0);
            CHECK(books->left_behind == 0);
        }
        CHECK(books->open == 0);
        CHECK(books->created == books->closed);
        CHECK(books.use_count() == 1);
    }

    template <class F> once<F> counted(F f) { return once<F>(*books, std::move(f)); }

    loan<connection> kept_;
    bool late_ = false;
    int heard_ = 0;
};

}  // namespace torture
