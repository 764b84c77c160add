// SPDX-License-Identifier: BSL-1.0
#pragma once

// What people write by hand: libpq's non-blocking functions on an io_context, and the least pool that works. No deadlines,
// no retries, no word about what went wrong: the first error ends the program.

#include <support/users.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <libpq-fe.h>

namespace kedge_bench {

namespace asio = boost::asio;

/// Asks `select $1::int4`, prepared, in binary both ways; one question at a time.
class libpq_connection {
public:
    libpq_connection(asio::io_context& io, const std::string& url) : c_(PQconnectdb(url.c_str())), socket_(io) {
        check(PQstatus(c_.get()) == CONNECTION_OK);
        PQclear(PQprepare(c_.get(), "select1", "select $1::int4", 0, nullptr));
        check(PQsetnonblocking(c_.get(), 1) == 0);
        socket_.assign(PQsocket(c_.get()));
    }
    ~libpq_connection() { socket_.release(); }
    libpq_connection(const libpq_connection&) = delete;
    libpq_connection& operator=(const libpq_connection&) = delete;

    /// @param done `void(int answer)`
    template <class Done> void ask(int value, Done done) {
        const std::uint32_t bytes = htonl(static_cast<std::uint32_t>(value));
        const char* const values[] = {reinterpret_cast<const char*>(&bytes)};
        const int lengths[] = {4}, formats[] = {1};
        check(PQsendQueryPrepared(c_.get(), "select1", 1, values, lengths, formats, 1) == 1);
        check(PQflush(c_.get()) == 0);  // some forty bytes, whose answer the last question has got: they fit
        read(std::move(done));
    }

private:
    struct finish {
        void operator()(PGconn* c) const noexcept { PQfinish(c); }
    };

    void check(bool good) const {
        if (!good) throw std::runtime_error(PQerrorMessage(c_.get()));
    }

    template <class Done> void read(Done done) {
        socket_.async_wait(asio::posix::descriptor_base::wait_read, [this, done](boost::system::error_code ec) {
            check(!ec && PQconsumeInput(c_.get()) == 1);
            if (PQisBusy(c_.get())) return read(done);
            done(take());
        });
    }

    int take() {
        std::uint32_t bytes = 0;
        while (PGresult* const r = PQgetResult(c_.get())) {
            check(PQresultStatus(r) == PGRES_TUPLES_OK);
            std::memcpy(&bytes, PQgetvalue(r, 0, 0), sizeof bytes);
            PQclear(r);
        }
        return static_cast<int>(ntohl(bytes));
    }

    std::unique_ptr<PGconn, finish> c_;
    asio::posix::stream_descriptor socket_;
};

/// A vector of connections and a queue of users, under a mutex.
class libpq_source {
public:
    libpq_source(asio::io_context& io, int size, const std::string& url) {
        for (int i = 0; i < size; ++i) idle_.push_back(all_.emplace_back(std::make_unique<libpq_connection>(io, url)).get());
    }

    void ask(user& who) {
        libpq_connection* c = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (idle_.empty()) return waiting_.push_back(&who);
            c = idle_.back();
            idle_.pop_back();
        }
        ask(*c, who);
    }

private:
    void ask(libpq_connection& c, user& who) {
        c.ask(who.question(), [this, &c, &who](int answer) {
            give_back(c);
            who.answered(answer);
        });
    }

    void give_back(libpq_connection& c) {
        user* next = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.empty()) return idle_.push_back(&c);
            next = waiting_.front();
            waiting_.pop_front();
        }
        ask(c, *next);
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<libpq_connection>> all_;
    std::vector<libpq_connection*> idle_;
    std::deque<user*> waiting_;
};

}  // namespace kedge_bench
