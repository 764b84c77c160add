// SPDX-License-Identifier: BSL-1.0
// What it costs to borrow a connection that others want, too: two threads at an idle pool, and 64 coroutines at 20 or 4
// connections, each of which is held for one turn of the loop.

#include <support/crowd.hpp>
#include <support/fake_pool.hpp>
#include <support/harness.hpp>

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace kedge_bench;

namespace {

/// Waits no longer than 5 s, first come, first served.
struct kedge_source {
    filled_pool filled;

    kedge_source(int threads, int size) : filled(threads, size) {}
    asio::io_context& io() noexcept { return filled.context.io; }
    auto take() { return filled.pool.async_acquire(); }
    void give(kedge::lease<connection> held) {
        ++held->uses;
        held.recycle();
    }
};

/// The same for coroutines only: does not wait if there is nothing to wait for.
struct kedge_awaitable_source : kedge_source {
    using kedge_source::kedge_source;
    auto take() { return filled.pool.acquire(); }
};

/// The pool that Asio has: a channel full of connections. It waits for ever.
template <template <class...> class Channel> struct channel_source {
    busy_context context;
    std::vector<connection> all;
    Channel<void(error_code, connection*)> idle;

    channel_source(int threads, int size)
        : context(threads), all(static_cast<std::size_t>(size)), idle(context.io, all.size()) {
        for (connection& c : all) give(&c);
    }
    asio::io_context& io() noexcept { return context.io; }
    auto take() { return idle.async_receive(asio::deferred); }
    void give(connection* c) {
        ++c->uses;
        idle.try_send(error_code(), c);
    }
};

/// No pool at all: two turns of the loop.
struct no_source {
    busy_context context;

    no_source(int threads, int) : context(threads) {}
    asio::io_context& io() noexcept { return context.io; }
    auto take() {
        return asio::post(context.io, asio::deferred([] { return asio::deferred.values(0); }));
    }
    void give(int) {}
};

template <class Source> void add_crowd(suite& s, row r, int size) {
    const auto crowd = std::make_shared<kedge_bench::crowd<Source>>(r.threads, size);
    r.run = [crowd](int thread, std::uint64_t n) { crowd->run(thread, n); };
    r.unfairness = [crowd] { return crowd->unfairness(); };
    s.add(std::move(r));
}

void add_crowds(suite& s, int size) {
    const std::string who = std::to_string(size) + "x64";
    add_crowd<channel_source<asio::experimental::channel>>(s, {.name = "asio/channel/" + who}, size);
    add_crowd<kedge_source>(
        s, {.name = "pool/contended/" + who, .baseline = "asio/channel/" + who, .target_ratio = 1}, size);
    add_crowd<kedge_awaitable_source>(
        s, {.name = "pool/contended/" + who + "/await", .baseline = "asio/channel/" + who, .target_ratio = 1}, size);
    const std::string two = "/2_threads";
    add_crowd<channel_source<asio::experimental::concurrent_channel>>(
        s, {.name = "asio/concurrent_channel/" + who + two, .threads = 2}, size);
    add_crowd<kedge_source>(s, {.name = "pool/contended/" + who + two, .baseline = "asio/concurrent_channel/" + who + two,
                                .threads = 2, .target_ratio = 1}, size);
}

void add_idle_pool(suite& s) {
    const auto by_hand = std::make_shared<mutex_pool>(20);
    s.add({.name = "hand/mutex_pool/2_threads", .run = [by_hand](int, std::uint64_t n) {
               for (std::uint64_t i = 0; i < n; ++i) {
                   connection* const c = by_hand->acquire();
                   ++c->uses;
                   by_hand->release(c);
               }
           }, .threads = 2});
    const auto pool = std::make_shared<filled_pool>(2, 20);
    s.add({.name = "pool/threads2", .baseline = "hand/mutex_pool/2_threads", .run = [pool](int, std::uint64_t n) {
               for (std::uint64_t i = 0; i < n; ++i) {
                   const auto lease = pool->pool.try_acquire();
                   ++lease->uses;
               }
           }, .threads = 2, .target_ratio = 1.3});
}

}  // namespace

int main(int argc, char** argv) {
    suite s(argc, argv);
    add_idle_pool(s);
    for (const int size : {20, 4}) add_crowds(s, size);
    add_crowd<no_source>(s, {.name = "asio/two_posts/2_threads", .threads = 2}, 0);
    s.play();
}
