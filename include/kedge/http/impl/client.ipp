// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/connection_pool.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/context_of_executor.hpp>
#include <kedge/http/client.hpp>
#include <kedge/http/impl/connection.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace kedge::http::detail {

class client_core {
public:
    client_core(kedge::detail::context_of_executor ctx, client_options o, url to)
        : executor(ctx.executor), timeout(o.timeout), max_body(o.max_body),
          target(std::make_shared<destination>(to, to.tls ? make_tls_context(o.tls) : nullptr, o.connect_timeout)),
          pool(ctx,
               {.name = to.authority(), .max = o.max_connections, .acquire_timeout = o.timeout,
                .connect_timeout = o.connect_timeout, .on_event = o.on_event},
               connector(target)) {}

    const boost::asio::any_io_executor executor;
    const nanoseconds timeout;
    const std::size_t max_body;
    const std::shared_ptr<destination> target;
    connection_pool<connection> pool;
};

/// One request under way. All of it happens on its strand; cancellation, from wherever, is posted there.
class running_request : public std::enable_shared_from_this<running_request> {
public:
    running_request(std::shared_ptr<client_core> core, request what, const call& c, request_done done)
        : core_(std::move(core)), what_(std::move(what)), call_(c), strand_(boost::asio::make_strand(core_->executor)),
          timer_(strand_), done_(std::move(done)) {
        const time_point own = core::saturating_add(runtime::of(core_->executor).now(), core_->timeout);
        call_.deadline = std::min(call_.deadline, own);
    }

    void start(boost::asio::cancellation_slot slot) {
        if (slot.is_connected())
            slot.assign([weak = weak_from_this()](boost::asio::cancellation_type type) {
                using boost::asio::cancellation_type;
                if ((type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none) return;
                if (const auto self = weak.lock()) boost::asio::post(self->strand_, [self] { self->stop({}); });
            });
        boost::asio::post(strand_, [self = shared_from_this()] { self->begin(); });
    }

private:
    void begin() {
        if (const error_code ec = stopped_ ? why_ : check(what_)) return finish(ec);
        timer_.expires_at(call_.deadline);
        timer_.async_wait([weak = weak_from_this()](error_code ec) {
            const auto self = ec ? nullptr : weak.lock();
            if (self) self->stop(kedge::errc::timed_out);
        });
        boost::asio::awaitable<void> running = run();
        auto end = [self = shared_from_this()](const std::exception_ptr& thrown) { self->finish(thrown); };
        boost::asio::co_spawn(strand_, std::move(running),
                              boost::asio::bind_cancellation_slot(signal_.slot(), std::move(end)));
    }

    void stop(error_code why) {
        if (std::exchange(stopped_, true)) return;
        why_ = why ? why : error_code(boost::asio::error::operation_aborted);
        signal_.emit(boost::asio::cancellation_type::terminal);
    }

    boost::asio::awaitable<void> run() {
        for (;;) {
            lease<connection> held =
                co_await core_->pool.async_acquire(call_, boost::asio::redirect_error(boost::asio::use_awaitable, result_));
            if (result_) co_return note_dial();
            if (!held->is_dead()) {
                result_ = co_await held->exchange(what_, core_->max_body, answer_, phase_);
                co_return;
            }
            // nothing was written yet, so another one may be taken; but a server that closes what is new is not called again
            result_ = boost::asio::error::eof;
            phase_ = send_phase::tls_done;
            const bool fresh = held->is_fresh();
            held.discard();
            if (fresh) co_return;
            phase_ = send_phase::none;
        }
    }

    /// There is no connection. The pool dials, not the request; so this is how far the dial got that the request waited for.
    void note_dial() noexcept {
        const bool failed = result_ == core_->pool.snapshot().last_connect_error;
        phase_ = (failed ? core_->target->failed : core_->target->dialing).load(std::memory_order_relaxed);
    }

    void finish(const std::exception_ptr& thrown) {
        error_code ec = result_;
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& e) {
            ec = e.code();
        } catch (...) {
            ec = boost::asio::error::no_memory;
        }
        if (stopped_ && phase_ != send_phase::response_done) ec = why_;
        else if (phase_ == send_phase::response_done) ec = {};  // a whole answer is never thrown away
        finish(ec);
    }

    void finish(error_code ec) {
        timer_.cancel();
        request_done done = std::move(done_);
        done(ec, ec ? response() : std::move(answer_), phase_);
    }

    std::shared_ptr<client_core> core_;
    request what_;
    call call_;
    boost::asio::strand<boost::asio::any_io_executor> strand_;
    timer timer_;
    boost::asio::cancellation_signal signal_;
    response answer_;
    send_phase phase_ = send_phase::none;
    error_code result_, why_;
    bool stopped_ = false;
    request_done done_;
};

KEDGE_DECL std::shared_ptr<client_core> make_core(const boost::asio::any_io_executor& ex, client_options o) {
    if (o.max_body == 0) throw std::invalid_argument("kedge::http::client_options::max_body = 0, but it must be more than 0");
    url to = parse_url(o.url, o.allow_plain_http);
    return std::make_shared<client_core>(kedge::detail::context_of_executor{ex}, std::move(o), std::move(to));
}

KEDGE_DECL boost::asio::any_io_executor executor_of(const client_core& c) noexcept { return c.executor; }

KEDGE_DECL pool_snapshot snapshot_of(const client_core& c) { return c.pool.snapshot(); }

KEDGE_DECL void start(const std::shared_ptr<client_core>& core, request what, const call& c,
                      boost::asio::cancellation_slot slot, request_done done) {
    std::make_shared<running_request>(core, std::move(what), c, std::move(done))->start(slot);
}

}  // namespace kedge::http::detail
