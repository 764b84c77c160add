// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/call.hpp>
#include <kedge/payment_client.hpp>

#include <array>

namespace kedge {

KEDGE_DECL payment_client::payment_client(boost::asio::any_io_executor ex, const payment_options& options,
                                          std::shared_ptr<payment::journal> journal,
                                          std::shared_ptr<payment::exchange> exchange)
    : core_(std::make_shared<detail::payment_core>(std::move(ex), options, std::move(journal), std::move(exchange))) {}

KEDGE_DECL payment_client::executor_type payment_client::get_executor() const noexcept {
    return core_->charge_pipe.get_executor();
}

namespace detail {

inline idempotency_key key_of(const std::optional<idempotency_key>& given, runtime& rt) {
    if (given) return *given;
    std::array<std::byte, 16> random{};
    rt.random_bytes(random);
    return idempotency_key::from_random(random);
}

}  // namespace detail

KEDGE_DECL void payment_client::start_charge(const std::shared_ptr<detail::payment_core>& core, charge_request what,
                                             const call& c, const attempt& outer, detail::payment_handler handler) {
    idempotency_key key = detail::key_of(what.key(), core->rt);
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->charge(std::move(what));
}

KEDGE_DECL void payment_client::start_refund(const std::shared_ptr<detail::payment_core>& core, const refund_request& what,
                                             const call& c, const attempt& outer, detail::payment_handler handler) {
    idempotency_key key = detail::key_of(what.key(), core->rt);
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->refund(what);
}

KEDGE_DECL void payment_client::start_status(const std::shared_ptr<detail::payment_core>& core, idempotency_key key,
                                             const call& c, const attempt& outer, detail::payment_handler handler) {
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->status();
}

KEDGE_DECL void payment_client::start_reconcile(const std::shared_ptr<detail::payment_core>& core, idempotency_key key,
                                                const call& c, const attempt& outer, detail::payment_handler handler) {
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->reconcile();
}

KEDGE_DECL payment_snapshot payment_client::snapshot() const {
    const breaker_snapshot breaker = core_->charges.snapshot(), reads = core_->reads.snapshot();
    const health_snapshot health = core_->health.snapshot();
    const std::lock_guard lock(core_->mutex);
    return {breaker, reads, core_->budget.snapshot(), core_->in_flight, health, core_->closed};
}

}  // namespace kedge
