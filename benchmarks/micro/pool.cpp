// SPDX-License-Identifier: BSL-1.0
// What it costs to borrow a connection that is idle: 20 connections, one user.

#include <support/fake_pool.hpp>
#include <support/harness.hpp>

#include <memory>

using namespace kedge_bench;

namespace {

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
    const auto pool = std::make_shared<filled_pool>(1, 20);

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
