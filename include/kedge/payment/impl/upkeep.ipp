// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/core.hpp>

namespace kedge::detail {

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
                                             const attempt& outer, health_handler handler) {
    auto judge = [](health_handler&& next, error_code ec, payment::health_report found) {
        if (ec == errc::timed_out) found.state = health::down;
        next(ec, found);
    };
    detail::then_handler<health_handler, decltype(judge)> judging(std::move(handler), judge);
    core->health.async_check(c, detail::attempt_handler<decltype(judging)>(std::move(judging), outer));
}

KEDGE_DECL void payment_client::start_run(const std::shared_ptr<detail::payment_core>& core, detail::plain_handler handler) {
    core->health.async_run(std::move(handler));
}

KEDGE_DECL void payment_client::start_shutdown(const std::shared_ptr<detail::payment_core>& core, time_point deadline,
                                               detail::plain_handler handler) {
    core->health.stop();
    auto clock = std::make_shared<timer>(handler.get_executor());
    detail::shutdown_finish finish{core, clock, std::move(handler)};
    const std::lock_guard lock(core->mutex);  // the wait begins before the last call can end it
    core->closed = true;
    clock->expires_at(core->in_flight == 0 ? time_point{} : deadline);
    core->closing.push_back(clock);
    clock->async_wait(std::move(finish));
}

}  // namespace kedge
