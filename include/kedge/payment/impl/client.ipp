// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/payment_error.hpp>
#include <kedge/payment/impl/core.hpp>
#include <kedge/payment/impl/sha256.hpp>
#include <kedge/payment_client.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace kedge::detail {

KEDGE_DECL payment_call::payment_call(std::shared_ptr<payment_core> core, idempotency_key key, const call& c,
                                      const attempt& outer, payment_handler handler)
    : core_(std::move(core)), handler_(std::move(handler)), call_(c), outer_(outer), result_(std::move(key)),
      work_(boost::asio::prefer(executor(), boost::asio::execution::outstanding_work.tracked)),
      io_work_(boost::asio::prefer(core_->charge_pipe.get_executor(), boost::asio::execution::outstanding_work.tracked)) {
    const std::lock_guard lock(core_->mutex);
    ++core_->in_flight;
}

KEDGE_DECL payment_call::~payment_call() {
    wipe(request_);
    if (claimed_) core_->release(result_.key_);  // only when the call was abandoned
    if (!counted_) core_->ended();
}

KEDGE_DECL error_code payment_call::check(const charge_request& what) const {
    const bool printable = std::ranges::all_of(what.reference(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!what.amount().positive() || what.reference().size() > 255 || !printable) return payment::errc::invalid_request;
    const std::lock_guard lock(core_->mutex);
    return core_->closed ? error_code(payment::errc::shut_down) : error_code();
}

KEDGE_DECL void payment_call::charge(charge_request what) {
    if (const error_code bad = check(what))
        return refuse(bad, bad == payment::errc::shut_down ? payment::outcome::not_sent : payment::outcome::rejected);
    // That call may have charged already, so this one cannot say that nothing was sent.
    if (!core_->claim(result_.key_)) return refuse(payment::errc::key_in_use, payment::outcome::unknown);
    claimed_ = true;
    amount_ = what.amount();
    token_ = what.token();
    request_ = core_->provider.charge(what, result_.key_);
    begin(what);
}

KEDGE_DECL void payment_call::begin(const charge_request& what) {
    if (auto s = slot(); s.is_connected())
        s.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancelled_ = true;
        });
    const payment::intent intent{result_.key_, sha256::hex(request_.method + ' ' + request_.target + ' ' + request_.body),
                                 what.amount(), what.reference(), core_->rt.wall_now()};
    const auto known = [self = shared_from_this()](error_code ec, payment::standing before) {
        self->answered(self->begun_, [self, ec, before = std::move(before)] { self->known(ec, before); });
    };
    try {
        core_->journal->begin(intent, known);
    } catch (...) {
        known(payment::errc::journal_failed, {});
    }
}

/// The journal answered: now the first byte may leave.
KEDGE_DECL void payment_call::known(const error_code& ec, const payment::standing& before) {
    using payment::outcome;
    if (auto s = slot(); s.is_connected()) s.clear();
    if (ec == payment::errc::key_conflict) return refuse(ec, outcome::rejected);
    join_ = payment::outcome_join(before.seen && before.outcome != outcome::not_sent && before.outcome != outcome::rejected);
    if (ec) return refuse(payment::errc::journal_failed, join_.value());
    if (before.outcome == outcome::succeeded || before.outcome == outcome::declined) {
        result_.from_journal_ = true;
        result_.provider_id_ = before.provider_id;
        return refuse(before.outcome == outcome::declined ? error_code(payment::errc::declined) : error_code(), before.outcome);
    }
    if (cancelled_) return finished(boost::asio::error::operation_aborted);
    launch(core_->charge_pipe);
}

KEDGE_DECL void payment_call::status() {
    reads_ = true;
    join_ = payment::outcome_join(true);
    request_ = core_->provider.status(result_.key_);
    launch(core_->read_pipe);
}

KEDGE_DECL void payment_call::launch(const payment_core::pipe_type& through) {
    authorise(request_, core_->options.api_key);
    const nanoseconds left = std::min(call_.deadline, outer_.deadline) - core_->rt.now();
    const nanoseconds tightest = std::min(core_->options.total_timeout, left);  // before it is rounded: `left` may be `never`
    limit_ = std::chrono::round<std::chrono::milliseconds>(tightest);
    call inner = call_;
    inner.report = &result_.report_;
    through.async_call(payment_attempt{shared_from_this()}, inner, payment_finish{shared_from_this()});
}

KEDGE_DECL void payment_call::start_attempt(const attempt& a, payment::exchange_handler handler) {
    try {
        core_->exchange->start(request_, a, std::move(handler));
    } catch (...) {  // nobody says how far it came
        join_.add({payment::proof::ambiguous, payment::outcome::unknown});
        throw;
    }
}

KEDGE_DECL payment_reply payment_call::judge(error_code& ec, const payment::response& from, payment::send_phase phase,
                                             int number) {
    using payment::proof;
    payment::answer said;
    if (!ec) said = core_->provider.read(from);
    payment::judgement j = payment::judge(ec, from, said, phase, {result_.key_, amount_}, core_->rt.wall_now());
    if (reads_ && from.status == 404) j.error = payment::errc::not_found;
    const bool doubtful = j.error == payment::errc::malformed_answer || j.error == payment::errc::foreign_answer;
    if (doubtful && std::exchange(doubted_, true)) j.judged.again = replay::never;  // the replay said no better
    if (!reads_ || j.found.proves == proof::settling) join_.add(j.found);
    if (!ec) result_.status_ = from.status;
    if (j.found.proves == proof::settling && !repeats_a_secret(said.id)) result_.provider_id_ = said.id;
    remember(said);
    auto& history = result_.report_.history;
    history[std::min(static_cast<std::size_t>(number - 1), history.size() - 1)].phase = static_cast<std::uint8_t>(phase);
    ec = j.error;
    return {j.judged, true};
}

KEDGE_DECL bool payment_call::repeats_a_secret(const std::string& text) const {
    const std::string& key = core_->options.api_key.reveal();
    return (token_ && text.find(token_->reveal()) != text.npos) || (!key.empty() && text.find(key) != text.npos);
}

/// The provider's own words, unless they repeat what is secret.
KEDGE_DECL void payment_call::remember(const payment::answer& said) {
    if (said.code.empty() && said.message.empty()) return;
    std::string text = said.code + (said.message.empty() ? "" : ": " + said.message);
    if (repeats_a_secret(text)) text = "(left out, since it repeats a secret)";
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    result_.report_.said.set("", text);
}

KEDGE_DECL void payment_call::finished(const error_code& ec) {
    result_.error_ = ec;
    result_.outcome_ = join_.value();
    if (reads_) return complete();
    settle();
}

KEDGE_DECL void payment_call::settle() {
    const auto settled = [self = shared_from_this()](error_code ec) {
        self->answered(self->settled_, [self, ec] {
            self->result_.recorded_ = !ec;
            self->complete();
        });
    };
    try {
        core_->journal->settle({result_.key_, result_.outcome_, result_.provider_id_}, settled);
    } catch (...) {
        settled(payment::errc::journal_failed);
    }
}

/// Ends a call that never reached the pipeline; never inside the initiating function.
KEDGE_DECL void payment_call::refuse(const error_code& ec, payment::outcome o) {
    result_.error_ = result_.report_.result = ec;
    result_.outcome_ = o;
    boost::asio::post(executor(), [self = shared_from_this()] { self->complete(); });
}

KEDGE_DECL void payment_call::complete() {
    if (std::exchange(claimed_, false)) core_->release(result_.key_);
    if (!std::exchange(counted_, true)) core_->ended();
    log();
    if (call_.report) *call_.report = result_.report_;
    work_ = {}, io_work_ = {};
    payment_handler handler(std::move(handler_));
    std::move(handler)(std::move(result_));
}

/// One record for each failed call. Who gave up knows it, a declined card is an answer, and bad input is the caller's.
KEDGE_DECL void payment_call::log() const noexcept {
    const error_code& ec = result_.error_;
    if (!core_->options.sink || !ec || ec == boost::asio::error::operation_aborted || ec == payment::errc::declined ||
        ec == payment::errc::invalid_request || ec == payment::errc::key_conflict || ec == payment::errc::key_in_use)
        return;
    const nanoseconds limit = ec == errc::timed_out           ? core_->options.attempt_timeout
                              : ec == errc::deadline_exceeded ? limit_
                                                              : nanoseconds{};  // some other time, which we do not know
    log::payment_error(*core_->options.sink,
                       {.error = ec, .limit = limit, .place = call_.place, .time = core_->rt.wall_now()});
}

}  // namespace kedge::detail

namespace kedge {

KEDGE_DECL payment_client::payment_client(boost::asio::any_io_executor ex, const payment_options& options,
                                          std::shared_ptr<payment::journal> journal,
                                          std::shared_ptr<payment::exchange> exchange)
    : core_(std::make_shared<detail::payment_core>(std::move(ex), options, std::move(journal), std::move(exchange))) {}

KEDGE_DECL payment_client::executor_type payment_client::get_executor() const noexcept {
    return core_->charge_pipe.get_executor();
}

KEDGE_DECL void payment_client::start_charge(const std::shared_ptr<detail::payment_core>& core, charge_request what,
                                             const call& c, const attempt& outer, detail::payment_handler handler) {
    std::array<std::byte, 16> random{};
    if (!what.key()) core->rt.random_bytes(random);
    idempotency_key key = what.key() ? *what.key() : idempotency_key::from_random(random);
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->charge(std::move(what));
}

KEDGE_DECL void payment_client::start_status(const std::shared_ptr<detail::payment_core>& core, idempotency_key key,
                                             const call& c, const attempt& outer, detail::payment_handler handler) {
    std::make_shared<detail::payment_call>(core, std::move(key), c, outer, std::move(handler))->status();
}

KEDGE_DECL payment_snapshot payment_client::snapshot() const {
    const breaker_snapshot breaker = core_->charges.snapshot();
    const health_snapshot health = core_->health.snapshot();
    const std::lock_guard lock(core_->mutex);
    return {breaker, core_->budget.snapshot(), core_->in_flight, health, core_->closed};
}

}  // namespace kedge
