// SPDX-License-Identifier: BSL-1.0
#pragma once

// The same fake resource for every pool that is measured, and a kedge pool full of it.

#include <kedge/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <support/loop.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace kedge_bench {

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

/// All of its connections are open before anything is measured.
struct filled_pool {
    busy_context context;
    kedge::connection_pool<connection> pool;

    filled_pool(int concurrency_hint, int size)
        : context(concurrency_hint),
          pool(context.io, {.max = size, .acquire_timeout = std::chrono::seconds(5)}, connector{}) {
        asio::co_spawn(context.io, fill(*this, size), asio::detached);
        context.io.run();
        context.io.restart();
    }

private:
    static asio::awaitable<void> fill(filled_pool& self, int size) {
        std::vector<kedge::lease<connection>> all;
        for (int i = 0; i < size; ++i) all.push_back(co_await self.pool.async_acquire(asio::use_awaitable));
        all.clear();
        self.context.io.stop();
    }
};

}  // namespace kedge_bench
