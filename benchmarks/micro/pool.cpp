// SPDX-License-Identifier: BSL-1.0
// What it costs to borrow a connection that is idle: 20 connections, one user.

#include <kedge/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <support/harness.hpp>
#include <support/loop.hpp>

#include <memory>
#include <mutex>
#include <vector>

using namespace kedge_bench;

namespace {

/// The same fake resource for every pool.
struct connection {
    int uses = 0;
};

/// What people write by hand: a vector under a mutex, no waiting, no word about who holds what.
class mutex_pool {
public:
    explicit mutex_pool(int size) : all_(static_cast<std::size_t>(size)) {
        for (connection& c : all_) idle_.push_back(&c);
    }
    connection* acquire() {
        std::lock_guard lock(mutex_);
        if (idle_.empty()) return nullptr;
        connection* const c = idle_.back();
        idle_.pop_back();
        return c;
    }
    void release(connection* c) {
        std::lock_guard lock(mutex_);
        idle_.push_back(c);
    }

private:
    std::mutex mutex_;
    std::vector<connection> all_;
    std::vector<connection*> idle_;
};

/// Healthy without being asked.
struct connector {
    std::unique_ptr<connection> create(const asio::any_io_executor&) { return std::make_unique<connection>(); }
    template <class Token> auto async_connect(connection&, Token&& token) {
        return asio::async_initiate<Token, void(error_code)>(
            [](auto handler) {
                const auto ex = asio::get_associated_executor(handler);
                asio::post(ex, asio::append(std::move(handler), error_code{}));
            },
            token);
    }
    void close(connection&) noexcept {}
    static kedge::reuse inspect(const connection&) noexcept { return kedge::reuse::clean; }
};

struct filled_pool {
    busy_context context{1};
    kedge::connection_pool<connection> pool{context.io, {.max = 20}, connector{}};

    filled_pool() {
        asio::co_spawn(context.io, fill(*this), asio::detached);
        context.io.run();
        context.io.restart();
    }

    static asio::awaitable<void> fill(filled_pool& self) {
        std::vector<kedge::lease<connection>> all;
        for (int i = 0; i < 20; ++i) all.push_back(co_await self.pool.async_acquire(asio::use_awaitable));
        all.clear();
        self.context.io.stop();
    }
};

asio::awaitable<void> await_leases(filled_pool& p, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto lease = co_await p.pool.acquire();
        ++lease->uses;
    }
    p.context.io.stop();
}

asio::awaitable<void> await_posted_leases(filled_pool& p, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto lease = co_await p.pool.async_acquire(asio::use_awaitable);
        ++lease->uses;
    }
    p.context.io.stop();
}

asio::awaitable<void> await_posts(filled_pool& p, std::uint64_t n) {
    const post_operation op{p.context.io.get_executor()};
    for (std::uint64_t i = 0; i < n; ++i) co_await op(asio::use_awaitable);
    p.context.io.stop();
}

work in_coroutine(std::shared_ptr<filled_pool> p, asio::awaitable<void> (*loop)(filled_pool&, std::uint64_t)) {
    return [p, loop](int, std::uint64_t n) {
        asio::co_spawn(p->context.io, loop(*p, n), asio::detached);
        p->context.io.run();
        p->context.io.restart();
    };
}

}  // namespace

int main(int argc, char** argv) {
    suite s(argc, argv);
    mutex_pool by_hand(20);
    const auto pool = std::make_shared<filled_pool>();

    s.add({.name = "hand/mutex_pool", .run = [&](int, std::uint64_t n) {
               for (std::uint64_t i = 0; i < n; ++i) {
                   connection* const c = by_hand.acquire();
                   ++c->uses;
                   by_hand.release(c);
               }
           }});
    s.add({.name = "pool/uncontended/try", .baseline = "hand/mutex_pool", .run = [pool](int, std::uint64_t n) {
               for (std::uint64_t i = 0; i < n; ++i) {
                   const auto lease = pool->pool.try_acquire();
                   ++lease->uses;
               }
           }, .target = 35});
    s.add({.name = "asio/co_await_post_pool", .run = in_coroutine(pool, await_posts)});
    s.add({.name = "pool/uncontended/await", .baseline = "asio/co_await_post_pool", .run = in_coroutine(pool, await_leases),
           .target = 60});
    s.add({.name = "pool/uncontended/async_acquire", .baseline = "asio/co_await_post_pool",
           .run = in_coroutine(pool, await_posted_leases)});
    s.play();
}
