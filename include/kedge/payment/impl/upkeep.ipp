// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/core.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace kedge::detail {

using health_handler = any_handler<void(error_code, payment::health_report)>;

/// One look at the health endpoint, as an operation.
struct health_attempt {
    std::shared_ptr<payment_core> core;

    struct looking {
        std::shared_ptr<payment_core> core;
        std::shared_ptr<const payment::request> what;  // lives until the answer
        time_point since;
        health_handler next;

        using executor_type = health_handler::executor_type;
        using cancellation_slot_type = health_handler::cancellation_slot_type;
        executor_type get_executor() const noexcept { return next.get_executor(); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return next.get_cancellation_slot(); }

        void operator()(error_code ec, const payment::response& from, payment::send_phase) {
            const bool up = !ec && from.status >= 200 && from.status < 300;
            if (!ec && !up) ec = payment::errc::unavailable;
            next(ec, {up ? health::up : health::down, from.status, core->rt.now() - since});
        }
    };

    template <class Token> auto operator()(const attempt& a, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, payment::health_report)>(
            [](auto&& handler, std::shared_ptr<payment_core> of, const attempt& in) {
                const boost::asio::any_io_executor ex = of->health_pipe.get_executor();
                auto what = std::make_shared<payment::request>(of->provider.health());
                if (const std::string& key = of->options.api_key.reveal(); !key.empty())
                    what->headers.push_back({"Authorization", "Bearer " + key});
                payment::exchange& through = *of->exchange;
                const payment::request& request = *what;
                const time_point now = of->rt.now();
                looking l{std::move(of), std::move(what), now, health_handler(std::forward<decltype(handler)>(handler), ex)};
                through.start(request, in, payment::exchange_handler(std::move(l), ex));
            },
            token, core, a);
    }
};

/// Keeps the report for snapshots, and tells of a change.
struct health_finish {
    std::shared_ptr<payment_core> core;
    health_handler next;

    using executor_type = health_handler::executor_type;
    using cancellation_slot_type = health_handler::cancellation_slot_type;
    executor_type get_executor() const noexcept { return next.get_executor(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return next.get_cancellation_slot(); }

    void operator()(const error_code& ec, payment::health_report found) {
        if (ec != boost::asio::error::operation_aborted) keep(ec, found);
        next(ec, found);
    }

    void keep(const error_code& ec, payment::health_report& found) const {
        if (ec) found.state = health::down;
        health before;
        {
            const std::lock_guard lock(core->mutex);
            before = std::exchange(core->last_health, found).state;
        }
        if (before != found.state) core->options.on_event(health_changed{core->options.name, before, found.state, ec});
    }
};

/// Checks, waits, checks again; one of the two is always under way and hears a cancellation.
class payment_monitor : public std::enable_shared_from_this<payment_monitor> {
public:
    payment_monitor(std::shared_ptr<payment_core> core, plain_handler handler)
        : core_(std::move(core)), handler_(std::move(handler)), timer_(handler_.get_executor()) {}

    void check() {
        health_handler next(step{shared_from_this()}, handler_.get_executor());
        core_->health_pipe.async_call(health_attempt{core_}, call{}, health_finish{core_, std::move(next)});
    }

private:
    struct step {
        std::shared_ptr<payment_monitor> self;

        using executor_type = plain_handler::executor_type;
        using cancellation_slot_type = plain_handler::cancellation_slot_type;
        executor_type get_executor() const noexcept { return self->handler_.get_executor(); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->handler_.get_cancellation_slot(); }

        void operator()(const error_code& ec, const payment::health_report&) {  // checked
            if (ec == boost::asio::error::operation_aborted) return self->handler_(ec);
            payment_monitor& m = *self;
            m.timer_.expires_after(m.core_->options.health_interval);
            m.timer_.async_wait(std::move(*this));
        }
        void operator()(const error_code& ec) {  // waited
            if (ec) self->handler_(ec);
            else self->check();
        }
    };

    std::shared_ptr<payment_core> core_;
    plain_handler handler_;
    timer timer_;
};

/// All calls completed, or the time is up, or the caller gave up waiting.
struct shutdown_finish {
    std::shared_ptr<payment_core> core;
    std::shared_ptr<timer> clock;
    plain_handler next;

    using executor_type = plain_handler::executor_type;
    using cancellation_slot_type = plain_handler::cancellation_slot_type;
    executor_type get_executor() const noexcept { return next.get_executor(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return next.get_cancellation_slot(); }

    void operator()(const error_code& ec) {
        bool idle;
        {
            const std::lock_guard lock(core->mutex);
            idle = core->in_flight == 0;
            std::erase(core->closing, clock);
        }
        next(idle ? error_code() : ec ? ec : error_code(errc::deadline_exceeded));
    }
};

}  // namespace kedge::detail

namespace kedge {

KEDGE_DECL void payment_client::start_health(const std::shared_ptr<detail::payment_core>& core, const call& c,
                                             health_handler handler) {
    core->health_pipe.async_call(detail::health_attempt{core}, c, detail::health_finish{core, std::move(handler)});
}

KEDGE_DECL void payment_client::start_run(const std::shared_ptr<detail::payment_core>& core, detail::plain_handler handler) {
    std::make_shared<detail::payment_monitor>(core, std::move(handler))->check();
}

KEDGE_DECL void payment_client::start_shutdown(const std::shared_ptr<detail::payment_core>& core, time_point deadline,
                                               detail::plain_handler handler) {
    auto clock = std::make_shared<timer>(handler.get_executor());
    detail::shutdown_finish finish{core, clock, std::move(handler)};
    const std::lock_guard lock(core->mutex);  // the wait begins before the last call can end it
    core->closed = true;
    clock->expires_at(core->in_flight == 0 ? time_point{} : deadline);
    core->closing.push_back(clock);
    clock->async_wait(std::move(finish));
}

}  // namespace kedge
