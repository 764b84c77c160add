// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/connection_pool.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/context_of_executor.hpp>
#include <kedge/http/client.hpp>
#include <kedge/http/impl/connection.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <exception>
#include <mutex>
#include <stdexcept>

namespace kedge::http::detail {

class client_core {
public:
    client_core(kedge::detail::context_of_executor ctx, client_options o, url to)
        : executor(ctx.executor), clock(runtime::of(executor)), timeout(o.timeout), max_body(o.max_body),
          target(std::make_shared<destination>(to, to.tls ? make_tls_context(o.tls) : nullptr, o.connect_timeout,
                                               std::move(o.allow_address))),
          pool(ctx,
               {.name = to.authority(), .max = o.max_connections, .acquire_timeout = o.timeout,
                .connect_timeout = o.connect_timeout, .on_event = o.on_event},
               connector(target)) {}

    const boost::asio::any_io_executor executor;
    runtime& clock;
    const nanoseconds timeout;
    const std::size_t max_body;
    const std::shared_ptr<destination> target;
    connection_pool<connection> pool;
};

/** One request under way: it gets a connection, writes its bytes, reads the answer's. Each step starts the next one, or ends
 *  it, so there is one at a time and no strand is needed. What comes from elsewhere, the limit and cancellation, hangs up the
 *  connection, under the mutex; the step that waits for it hears of that. */
class running_request : public std::enable_shared_from_this<running_request>, private timer_node {
public:
    running_request(std::shared_ptr<client_core> core, request_source from, const call& c, request_done done)
        : core_(std::move(core)), source_(std::move(from)), call_(c), reader_(core_->max_body, asked().method == "HEAD"),
          done_(std::move(done)) {
        call_.deadline = std::min(call_.deadline, core::saturating_add(core_->clock.now(), core_->timeout));
        fire = [](timer_node* n) noexcept {
            const auto self = std::exchange(static_cast<running_request*>(n)->armed_, nullptr);
            self->stop(kedge::errc::timed_out);
        };
        abandon = [](timer_node* n) noexcept {
            const auto last = std::exchange(static_cast<running_request*>(n)->armed_, nullptr);
        };
    }

    void start(boost::asio::cancellation_slot slot) {
        if (const error_code ec = check(asked())) {
            boost::asio::post(core_->executor, [self = shared_from_this(), ec] { self->finish(ec); });
            return;
        }
        if (slot.is_connected()) listen(slot);
        acquire();
    }

private:
    const request& asked() const noexcept { return source_.shared ? *source_.shared : source_.own; }

    /// A handler: the step that follows. Whatever throws in it ends the request.
    template <class Result, bool (running_request::*Step)(error_code&, Result)> struct then {
        std::shared_ptr<running_request> self;

        void operator()(error_code ec, Result result) {
            bool goes_on = false;
            try {
                goes_on = (self.get()->*Step)(ec, std::move(result));
            } catch (const std::exception&) {
                ec = boost::asio::error::no_memory;
            }
            if (!goes_on) self->finish(ec);
        }
    };

    // Each step is told how the one before ended. False: it is over, with that error or without.
    bool acquired(error_code& ec, lease<connection> held);
    bool acquire_another(error_code& ec);
    bool sent(error_code& ec, std::size_t);
    bool received(error_code& ec, std::size_t count);

    struct then_acquired : then<lease<connection>, &running_request::acquired> {
        using executor_type = boost::asio::any_io_executor;
        using cancellation_slot_type = boost::asio::cancellation_slot;
        const executor_type& get_executor() const noexcept {
            return this->self->strand_ ? this->self->strand_ : this->self->core_->executor;
        }
        cancellation_slot_type get_cancellation_slot() const noexcept {
            return this->self->strand_ ? this->self->waiting_.slot() : cancellation_slot_type();
        }
    };
    using then_sent = then<std::size_t, &running_request::sent>;
    using then_received = then<std::size_t, &running_request::received>;

    /// Cancelling the wait for a connection must not race with its end: both happen on a strand.
    void listen(boost::asio::cancellation_slot slot) {
        strand_ = boost::asio::make_strand(core_->executor);
        slot.assign([weak = weak_from_this()](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            if ((type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none) return;
            const auto self = weak.lock();
            if (self) boost::asio::post(self->strand_, [self] { self->stop(boost::asio::error::operation_aborted); });
        });
    }

    void acquire() { core_->pool.async_acquire(call_, then_acquired{{shared_from_this()}}); }

    /// Without a connection only on the strand. The limit comes later than the connection: until then the pool keeps it.
    void stop(error_code why) noexcept {
        bool waits = false;
        {
            const std::lock_guard lock(mutex_);
            if (why_ || ended_) return;
            why_ = why;
            waits = !held_;
            if (held_) held_->hang_up();
        }
        if (waits) waiting_.emit(boost::asio::cancellation_type::terminal);
    }

    /// False: it is to stop.
    bool hold(lease<connection>& one) noexcept {
        const std::lock_guard lock(mutex_);
        if (why_) return false;
        held_ = std::move(one);
        return true;
    }

    void limit() noexcept {
        armed_ = shared_from_this();
        limited_ = true;
        core_->clock.arm(*this, call_.deadline);
    }

    /// There is no connection. The pool dials, not the request; so this is how far the dial got that the request waited for.
    void note_dial(const error_code& ec) noexcept {
        const bool failed = ec == core_->pool.snapshot().last_connect_error;
        phase_ = (failed ? core_->target->failed : core_->target->dialing).load(std::memory_order_relaxed);
    }

    void finish(error_code ec) {
        if (limited_ && core_->clock.cancel(*this)) const auto last = std::exchange(armed_, nullptr);
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        if (why_) held_.discard();
        else held_ = {};
        if (phase_ == send_phase::response_done) ec = {};  // a whole answer is never thrown away
        else if (why_) ec = why_;
        request_done done = std::move(done_);
        done(ec, ec ? response() : std::move(reader_.get()), phase_);
    }

    const std::shared_ptr<client_core> core_;
    const request_source source_;
    call call_;
    boost::asio::any_io_executor strand_;       // empty: it cannot be cancelled
    boost::asio::cancellation_signal waiting_;  // for a connection
    response_reader reader_;
    request_done done_;
    std::string text_;
    std::shared_ptr<running_request> armed_;  // whoever takes the timer takes it
    send_phase phase_ = send_phase::none;
    bool limited_ = false;
    std::mutex mutex_;  // of the following, until it has ended
    lease<connection> held_;
    error_code why_;  // it is to stop
    bool ended_ = false;
};

KEDGE_DECL bool running_request::acquired(error_code& ec, lease<connection> held) {
    if (ec) {
        note_dial(ec);
        // the pool's limit and the request's are one moment
        if (ec == kedge::errc::pool_exhausted && core_->clock.now() >= call_.deadline) ec = kedge::errc::timed_out;
        return false;
    }
    if (!hold(held)) return false;  // it was stopped while the connection was on its way
    if (held_->is_dead()) return acquire_another(ec);
    phase_ = send_phase::tls_done;
    text_ = text_of(asked(), core_->target->to);
    const std::string_view rest = asked().body.size() > most_joined_body ? std::string_view(asked().body) : std::string_view();
    limit();
    phase_ = send_phase::partial;  // from here on some of it may be on its way
    held_->write(text_, rest, then_sent{shared_from_this()});
    return true;
}

/// Nothing was written yet, so another one may be taken; but a server that closes what is new is not called again.
KEDGE_DECL bool running_request::acquire_another(error_code& ec) {
    const bool fresh = held_->is_fresh();
    {
        const std::lock_guard lock(mutex_);
        held_.discard();
    }
    ec = boost::asio::error::eof;
    phase_ = fresh ? send_phase::tls_done : send_phase::none;
    if (!fresh) acquire();
    return !fresh;
}

KEDGE_DECL bool running_request::sent(error_code& ec, std::size_t) {
    if (ec) return false;
    phase_ = send_phase::complete;
    held_->read(then_received{shared_from_this()});
    return true;
}

KEDGE_DECL bool running_request::received(error_code& ec, std::size_t count) {
    held_->take(count, ec, reader_, phase_);
    if (ec || reader_.done()) return false;
    held_->read(then_received{shared_from_this()});
    return true;
}

KEDGE_DECL std::shared_ptr<client_core> make_core(const boost::asio::any_io_executor& ex, client_options o) {
    if (o.max_body == 0) throw std::invalid_argument("kedge::http::client_options::max_body = 0, but it must be more than 0");
    url to = parse_url(o.url, o.allow_plain_http);
    return std::make_shared<client_core>(kedge::detail::context_of_executor{ex}, std::move(o), std::move(to));
}

KEDGE_DECL boost::asio::any_io_executor executor_of(const client_core& c) noexcept { return c.executor; }

KEDGE_DECL pool_snapshot snapshot_of(const client_core& c) { return c.pool.snapshot(); }

KEDGE_DECL void start(const std::shared_ptr<client_core>& core, request_source what, const call& c,
                      boost::asio::cancellation_slot slot, request_done done) {
    std::make_shared<running_request>(core, std::move(what), c, std::move(done))->start(slot);
}

}  // namespace kedge::http::detail
