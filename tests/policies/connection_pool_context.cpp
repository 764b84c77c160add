// SPDX-License-Identifier: BSL-1.0
// What outlives the context of a pool: leases, handles, operations that are started too late.
#include "../support/catch.hpp"

#include <kedge/connection_pool.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;

/// Has a socket, whose destructor would touch the service that it came from. Its memory is not the heap's: a connection that
/// is never closed is not a leak here.
struct connection {
    explicit connection(const asio::any_io_executor& ex) : socket(ex) { socket.open(asio::ip::tcp::v4()); }
    ~connection() { ++destroyed; }
    static void* operator new(std::size_t size) {
        REQUIRE(next + size <= memory.size());
        return memory.data() + std::exchange(next, next + (size + 63) / 64 * 64);
    }
    static void operator delete(void*) {}

    asio::ip::tcp::socket socket;
    static inline int destroyed = 0;
    alignas(64) static inline std::array<std::byte, 4096> memory{};
    static inline std::size_t next = 0;
};

struct connector {
    std::unique_ptr<connection> create(const asio::any_io_executor& ex) const { return std::make_unique<connection>(ex); }
    template <class Token> auto async_connect(connection&, Token&& token) const {
        return asio::async_initiate<Token, void(error_code)>(
            [](auto handler) {
                const auto ex = asio::get_associated_executor(handler);
                asio::post(ex, [h = std::move(handler)]() mutable { h(error_code()); });
            },
            token);
    }
    void close(connection& c) const noexcept {
        error_code ignored;
        c.socket.close(ignored);
    }
    static kedge::reuse inspect(const connection& c) noexcept {
        return c.socket.is_open() ? kedge::reuse::clean : kedge::reuse::broken;
    }
};

using pool_type = kedge::connection_pool<connection>;
using lease_type = kedge::lease<connection>;

/// A pool whose context is gone, and a lease that it lent before.
struct orphan {
    std::optional<pool_type> pool;
    lease_type held;

    orphan() {
        connection::destroyed = 0;
        asio::io_context io;
        pool.emplace(io, kedge::pool_options{.max = 2}, connector{});
        lease_type second;
        pool->async_acquire([&](error_code, lease_type l) { held = std::move(l); });
        pool->async_acquire([&](error_code, lease_type l) { second = std::move(l); });
        io.run();
        REQUIRE(held);
        REQUIRE(second);
        second.recycle();
    }
};

struct token {
    int* destroyed;
    explicit token(int* d) : destroyed(d) {}
    token(token&& o) noexcept : destroyed(std::exchange(o.destroyed, nullptr)) {}
    ~token() { if (destroyed) ++*destroyed; }
};

}  // namespace

TEST_CASE("a lease that outlives its context ends without touching it") {
    orphan o;
    CHECK(connection::destroyed == 1);  // the one at rest, while its services were there
    SECTION("recycled") { o.held.recycle(); }
    SECTION("discarded") { o.held.discard(); }
    SECTION("dropped") { o.held = {}; }
    SECTION("after the last handle") {
        o.pool.reset();
        o.held.recycle();
    }
    CHECK(connection::destroyed == 1);
    if (o.pool) CHECK(o.pool->snapshot().used == 0);
}

TEST_CASE("a handle that outlives its context lends nothing, and all else is harmless") {
    orphan o;
    pool_type& pool = *o.pool;
    CHECK_FALSE(pool.try_acquire());
    CHECK_FALSE(pool.try_acquire(kedge::call{.deadline = kedge::time_point(1s)}));
    CHECK_THROWS_WITH(pool.acquire_for(1s), Catch::Contains("connection pool is closed"));
    pool.resize(5);
    pool.invalidate("too late");
    CHECK(pool.snapshot().used == 1);
    const pool_type copy = pool;
    o.held.discard();
}

TEST_CASE("an operation started after its context's end is refused where its handler lives, or destroyed with it") {
    orphan o;
    asio::io_context elsewhere;
    const auto there = asio::make_strand(elsewhere);
    int destroyed = 0;
    std::vector<error_code> ends;
    o.pool->async_acquire([t = token(&destroyed)](error_code, lease_type) { FAIL("its executor is gone"); });
    CHECK(destroyed == 1);
    o.pool->async_acquire(asio::bind_executor(there, [&](error_code ec, lease_type l) {
        CHECK_FALSE(l);
        CHECK(there.running_in_this_thread());
        ends.push_back(ec);
    }));
    o.pool->async_with([](connection&, auto&& t) { return asio::async_initiate<decltype(t), void(error_code)>([](auto) {}, t); },
                       asio::bind_executor(there, [&](error_code ec) { ends.push_back(ec); }));
    o.pool->async_run(asio::bind_executor(there, [&](error_code ec) { ends.push_back(ec); }));
    o.pool->async_shutdown(kedge::never, asio::bind_executor(there, [&](error_code ec) { ends.push_back(ec); }));
    CHECK(ends.empty());
    asio::co_spawn(there, o.pool->acquire(), [&](const std::exception_ptr& thrown, lease_type) {
        try {
            std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& e) {
            ends.push_back(e.code());
        }
    });
    elsewhere.run();
    CHECK(ends == std::vector<error_code>(5, kedge::errc::pool_closed));
}
