// SPDX-License-Identifier: BSL-1.0
#pragma once

// Chains of asynchronous operations: the handler of one starts the next, as in a service, not from the outside.

#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace kedge_bench {

namespace asio = boost::asio;
using boost::system::error_code;

/// A context with a reactor, which a far timer keeps in use: without one a handler costs 175 ns less than in any service
/// that has a socket, and baselines would flatter themselves.
struct busy_context {
    asio::io_context io;
    asio::steady_timer far{io};

    explicit busy_context(int concurrency_hint) : io(concurrency_hint) {
        far.expires_after(std::chrono::hours(24));
        far.async_wait([](error_code) {});
    }
};

/// The cheapest operation that there is: posts its handler.
struct post_operation {
    asio::io_context::executor_type executor;

    template <class Token> auto operator()(Token&& token) const {
        return asio::async_initiate<Token, void(error_code)>(
            [](auto handler, asio::io_context::executor_type ex) {
                asio::post(ex, asio::append(std::move(handler), error_code{}));
            },
            token, executor);
    }
};

/// Runs `start(handler)` n times in a chain, on a context of its own; `make(io)` makes `start`. With `slots`, each
/// handler has a cancellation slot.
template <class Make> class chain {
public:
    chain(int concurrency_hint, Make make, bool slots) : context_(concurrency_hint), start_(make(context_.io)), slots_(slots) {}

    void run(std::uint64_t n) {
        left_ = n;
        asio::post(context_.io, [this] { next(); });
        context_.io.run();
        context_.io.restart();
    }

private:
    struct plain {
        chain* self;
        void operator()(error_code) const { self->ended(); }
    };
    struct with_slot {
        using cancellation_slot_type = asio::cancellation_slot;
        chain* self;
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->signal_.slot(); }
        void operator()(error_code) const { self->ended(); }
    };

    void next() {
        if (slots_) start_(with_slot{this});
        else start_(plain{this});
    }
    void ended() {
        if (--left_ == 0) context_.io.stop();
        else next();
    }

    busy_context context_;
    asio::cancellation_signal signal_;
    std::invoke_result_t<Make, asio::io_context&> start_;
    bool slots_;
    std::uint64_t left_ = 0;
};

}  // namespace kedge_bench
