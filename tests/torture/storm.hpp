// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "actor.hpp"
#include "watchdog.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace torture {

/// One pool among four threads that run it and two that block, and what must be true of it afterwards.
template <class Connector> class storm {
    using pool_type = kedge::connection_pool<typename Connector::connection>;

public:
    explicit storm(const plan& p) : world_(p) {}

    /// Returns how many leases reached a user: none, perhaps, if the machine is slow and the context goes early.
    int play() {
        const watchdog watch(world_.how.text(), [this] { return world_.state(); });
        INFO(world_.how.text());
        start_actors();
        run_threads();
        if (world_.how.how == ending::context_destroyed) destroy_contexts();
        else settle();
        check();
        return world_.books->lent;
    }

private:
    void start_actors() {
        for (unsigned i = 0; i < 12; ++i) std::make_shared<actor<Connector>>(world_, i)->begin(i < 2);
    }

    void run_threads() {
        std::vector<std::thread> threads;
        // a blocked thread needs the context to the end of its call
        if (!world_.how.hurried && world_.how.how != ending::context_destroyed)
            for (int i = 0; i < 2; ++i) threads.emplace_back([this, own = *world_.pool]() mutable { block(own); });
        if (world_.how.how == ending::handles_dropped) world_.pool.reset();
        for (unsigned i = 0; i < 4; ++i)
            threads.emplace_back([&io = *world_.contexts[i % world_.contexts.size()]] { io.run(); });
        for (auto& t : threads) t.join();
    }

    void block(pool_type& pool) {
        ledger& books = *world_.books;
        while (world_.left > 0) {
            const int renewed = books.renewed;
            try {
                loan mine(pool.acquire_for(std::chrono::microseconds(books.random() % 2'000)), renewed);
                mine->touched();
                if (books.one_in(2)) mine.recycle();
            } catch (const boost::system::system_error&) {  // timed out, closed or down
            }
        }
    }

    /// What was posted last, by threads that are no context's.
    void settle() {
        world_.pool.reset();
        for (auto& io : world_.contexts) {
            io->restart();
            io->run();
        }
    }

    void destroy_contexts() {
        ledger& books = *world_.books;
        books.ruin = true;
        if (books.one_in(2)) world_.pool.reset();
        if (books.one_in(2)) world_.late.clear();
        world_.guards.clear();
        for (auto& io : world_.contexts) io->shutdown();
        if (books.one_in(2)) world_.late.clear();
        world_.contexts.clear();
        world_.bin.close();
        world_.late.clear();
        world_.pool.reset();
    }

    void check() {
        ledger& books = *world_.books;
        books.for_all_left([](checked& c) { c.bury(); });
        const char* const broken = books.wrong();
        CHECK(std::string(broken ? broken : "") == "");
        CHECK(books.started == books.ended + books.destroyed);
        if (world_.how.how != ending::context_destroyed) {
            CHECK(books.destroyed == books.lost);
            CHECK(books.left_behind == 0);
        }
        CHECK(books.open == 0);
        CHECK(books.created == books.closed);
        CHECK(world_.books.use_count() == 1);  // the pool's state is gone, and its connector with it
    }

    world<Connector> world_;
};

}  // namespace torture
