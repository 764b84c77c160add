// SPDX-License-Identifier: BSL-1.0
// 64 users share 20 connections to a PostgreSQL that this program starts, and ask `select $1::int4`, prepared: through kedge
// with everything on, through its pool alone, by hand with libpq on Asio, and pgbench does the same with its 20 clients.

#include "rows.hpp"

#include <postgres/server.hpp>
#include <support/libpq_on_asio.hpp>
#include <support/loop.hpp>

#include <kedge/connection_pool.hpp>
#include <kedge/database_client.hpp>
#include <kedge/postgres/connection.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

using namespace kedge_bench;
using kedge::postgres::connection;

namespace {

constexpr int connections = 20;

int answer_of(const kedge::error_code& ec, const kedge::rows& r) {
    if (ec) throw boost::system::system_error(ec);
    return std::get<0>(r.as<int>().front());
}

bool all_open(const kedge::pool_snapshot& s) { return s.used + s.idle == connections; }

/// Pipeline, circuit breaker, retry budget, timeout, pool.
struct client_source {
    kedge::database_client<connection> db;

    client_source(asio::io_context& io, const std::string& url) : db(io, {.url = url, .max_connections = connections}) {}
    bool ready() const { return all_open(db.snapshot().pool); }
    void ask(user& who) {
        db.async_query("select $1::int4", kedge::params(who.question()),
                       [&who](kedge::error_code ec, const kedge::rows& r) { who.answered(answer_of(ec, r)); });
    }
};

struct pool_source {
    kedge::connection_pool<connection> pool;

    pool_source(asio::io_context& io, const std::string& url)
        : pool(io, {.max = connections}, connection::connector_type(url)) {}
    bool ready() const { return all_open(pool.snapshot()); }
    void ask(user& who) {
        pool.async_acquire([&who](kedge::error_code refused, kedge::lease<connection> held) {
            if (refused) throw boost::system::system_error(refused);
            connection& c = *held;
            c.async_query("select $1::int4", kedge::params(who.question()),
                          [&who, held = std::move(held)](kedge::error_code ec, const kedge::rows& r) mutable {
                              held = {};
                              who.answered(answer_of(ec, r));
                          });
        });
    }
};

/// By hand; what the others are compared with.
struct hand_source : libpq_source {
    hand_source(asio::io_context& io, const std::string& url) : libpq_source(io, connections, url) {}
    static bool ready() { return true; }
};

/// A source with its users. All its connections are open before anything is measured.
template <class Source> class measured {
public:
    measured(int threads, const std::string& url, const plan& p)
        : context_(threads), source_(context_.io, url), users_(context_.io, [this](user& who) { source_.ask(who); }),
          threads_(threads), length_(p.length) {
        do users_.ask_for(p.warm_up, threads);
        while (!source_.ready());
    }
    throughput once() { return users_.ask_for(length_, threads_); }

private:
    busy_context context_;
    Source source_;
    users users_;
    const int threads_;
    const std::chrono::nanoseconds length_;
};

void play(const plan& p, int threads, test::postgres_server& server) {
    const std::string where = threads == 1 ? "20x64" : "20x64/2_threads", by_hand = "asio/libpq/" + where;
    const std::string url = server.url("sslmode=disable");
    measured<hand_source> hand(threads, url, p);
    measured<pool_source> pool(threads, url, p);
    measured<client_source> client(threads, url, p);
    series of_hand, of_pool, of_client, of_pgbench;
    for (int i = 0; i < p.repetitions; ++i) {
        of_hand.add(hand.once());
        of_client.add(client.once());
        of_pool.add(pool.once());
        of_pgbench.add({.ns = 1e9 / pgbench(p, threads, connections, url)});
    }
    print({by_hand, threads}, of_hand);
    print({"postgres/select1/" + where, threads, by_hand, 1 / 0.97, 1.15}, of_client, of_hand);
    print({"postgres/select1/" + where + "/pool", threads, by_hand}, of_pool, of_hand);
    print({"pgbench/select1/" + where, threads, by_hand}, of_pgbench, of_hand);
}

}  // namespace

int main(int argc, char** argv) {
    const plan p(argc, argv);
    if (!p.wanted("postgres/select1")) return 0;
    if (!test::postgres_server::installed()) {
        std::puts("skipped: postgres/select1, there is no PostgreSQL 15 (Debian's package postgresql-15)");
        return 0;
    }
    test::postgres_server server;
    server.restart({"max_connections=100"});
    for (const int threads : {1, 2}) play(p, threads, server);
}
