// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hurried_runtime.hpp"
#include "loan.hpp"
#include "lossy_executor.hpp"

#include <kedge/connection_pool.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace torture {

using namespace std::chrono_literals;

/// How a storm ends.
enum class ending { shut_down, handles_dropped, context_destroyed };

struct plan {
    std::uint64_t seed;
    ending how;
    bool apart;    ///< four contexts with one thread each, of which the pool has the first
    bool hurried;  ///< see @ref hurried_runtime
    int turns;

    std::string text() const {
        static constexpr const char* endings[] = {"shut down", "handles dropped", "context destroyed"};
        return "seed " + std::to_string(seed) + ", " + endings[static_cast<int>(how)] + (apart ? ", contexts apart" : "") +
               (hurried ? ", hurried" : "");
    }
};

/// A context that can end before it is destroyed. Of several whose operations hold work on each other, all end first.
struct mortal_context : asio::io_context {
    using asio::io_context::shutdown;
};

/// What the actors of a storm share: the pool, the contexts and the books.
template <class Connector> struct world {
    using connection = typename Connector::connection;
    using pool_type = kedge::connection_pool<connection>;
    static constexpr int first_max = 3, largest_max = 5;

    explicit world(const plan& p)
        : how(p), books(std::make_shared<ledger>(p.seed, 60us * (p.hurried ? hurried_runtime::hurry : 1))), left(p.turns) {
        for (int i = 0; i < (p.apart ? 4 : 1); ++i) add_context();
        books->most_allowed.set(first_max);
        pool.emplace(*contexts[0], options(), Connector{books});
    }

    void add_context() {
        contexts.push_back(std::make_unique<mortal_context>());
        asio::io_context& io = *contexts.back();
        if (how.hurried) asio::make_service<hurried_runtime>(io).start(io.get_executor());
        guards.push_back(asio::make_work_guard(io));
    }

    kedge::pool_options options() {
        const int speed = how.hurried ? hurried_runtime::hurry : 1;
        kedge::pool_options o{.max = first_max, .min_idle = static_cast<int>(how.seed % 3), .acquire_timeout = 20ms * speed};
        o.connect_timeout = 50ms * speed;
        o.idle_timeout = how.hurried ? 40s : 1ms;  // hurried, upkeep and checks come first
        o.max_lifetime = 5ms * speed;
        o.leak_after = 1ms * speed;
        if (how.seed % 2 == 0) o.on_event = [this](const kedge::event&) noexcept { ++heard; };
        return o;
    }

    kedge::time_point now() { return kedge::runtime::of(contexts[0]->get_executor()).now(); }

    asio::any_io_executor place_of(unsigned actor) {
        asio::io_context& io = *contexts[how.apart ? 1 + actor % 3 : 0];
        if (actor % 4 == 3) return io.get_executor();  // with one thing at a time no strand is needed
        return asio::make_strand(asio::any_io_executor(io.get_executor()));
    }

    std::string state() const {
        return (pool ? to_string(pool->snapshot()) : std::string("no handle")) + "; " + std::to_string(books->open) + " open, " +
               std::to_string(books->started - books->ended - books->destroyed) + " operations under way, " +
               std::to_string(left) + " turns left";
    }

    const plan how;
    const std::shared_ptr<ledger> books;
    std::vector<std::unique_ptr<mortal_context>> contexts;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
    std::optional<pool_type> pool;
    shelf<connection> late;
    lossy_bin bin;
    tally left;
    std::atomic<int> acting{0};
    int heard = 0;  ///< of events: one at a time, so not atomic
};

}  // namespace torture
