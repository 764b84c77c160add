// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/cancel_desk.ipp>
#include <kedge/postgres/impl/session.hpp>
#include <kedge/postgres/impl/turn.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>

#include <sys/socket.h>

namespace kedge::postgres::detail {

inline error_code no_memory() noexcept { return make_error_code(boost::system::errc::not_enough_memory); }

KEDGE_DECL void session_registry::add(session& one) {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(&one);
}

KEDGE_DECL void session_registry::remove(session& one) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = std::find(sessions_.begin(), sessions_.end(), &one);
    *found = sessions_.back();
    sessions_.pop_back();
}

KEDGE_DECL void session_registry::shutdown() {
    desk->shutdown();
    std::vector<std::shared_ptr<session>> alive;
    {
        const std::lock_guard lock(mutex_);
        for (session* one : sessions_)
            if (auto held = one->weak_from_this().lock()) alive.push_back(std::move(held));
    }
    for (const auto& one : alive) one->forget_handlers();
}

/// One use of the timer; a new one each time, since an old one may still be firing.
struct session::alarm : timer_node {
    explicit alarm(std::shared_ptr<session> s) noexcept : of(std::move(s)) {
        fire = [](timer_node* node) noexcept {
            const std::unique_ptr<alarm> self(static_cast<alarm*>(node));
            self->of->on_alarm(*self);
        };
        abandon = [](timer_node* node) noexcept { const std::unique_ptr<alarm> last(static_cast<alarm*>(node)); };
    }
    const std::shared_ptr<session> of;
};

KEDGE_DECL session::session(const boost::asio::any_io_executor& ex, runtime& rt, boost::asio::execution_context& ctx)
    : executor_(ex), runtime_(rt), registry_(boost::asio::use_service<session_registry>(ctx)), wire_(ex) {
    registry_.add(*this);
}

KEDGE_DECL session::~session() { registry_.remove(*this); }

KEDGE_DECL void session::submit(std::shared_ptr<job> work) {
    if (work->what == task::reset) cancel_statements();
    turn now(*this, deliver::later);
    if (first_ != nullptr) {
        job* const added = work.get();
        last_->next = std::move(work);
        last_ = added;
    } else {
        last_ = work.get();
        first_ = std::move(work);
        next(now);
    }
    now.deliver_all();
}

/// Starts the first job; what cannot be started ends, and the next one has its turn.
KEDGE_DECL void session::next(turn& now) noexcept {
    while (phase_ == phase::resting && first_ != nullptr) {
        if (first_->stopped) {
            end(now);
        } else if (closed_ || broken_ || (first_->what != task::open && !wire_.is_open())) {
            end(now, boost::asio::error::not_connected);
        } else {
            try {
                begin(now);
            } catch (const std::exception&) {
                lost(now, no_memory());
            }
        }
    }
}

KEDGE_DECL void session::begin(turn& now) {
    if (first_->what == task::open) dial(now);
    else ask(now);
}

/// The current job is over, and nothing is under way. Called when resting, or about to.
KEDGE_DECL void session::end(turn& now, error_code ec) noexcept {
    phase_ = phase::resting;
    disarm();
    if (ec) first_->result.ec = ec;
    if (fate_of(first_->result.ec) == fate::evict) broken_ = true;
    if (first_->what == task::reset && first_->result.ec) broken_ = true;
    if (broken_) drop_wire();
    if (first_->result.ec) first_->result.result = {};
    std::shared_ptr<job> ended = std::move(first_);
    first_ = std::move(ended->next);
    now.ended(std::move(ended));
}

KEDGE_DECL void session::drop_wire() noexcept {
    ++epoch_;
    reading_ = writing_ = false;
    wire_.close();
}

/// libpq has lost the connection, or nobody can tell what it will say next. The server's last words are perhaps still there.
KEDGE_DECL void session::lost(turn& now, const error_code& otherwise) noexcept {
    if (first_ == nullptr) return;
    outcome& result = first_->result;
    try {
        PGconn* const conn = wire_.get();
        for (int rest = 8; rest > 0 && phase_ == phase::talking && PQstatus(conn) == CONNECTION_BAD; --rest) {
            const std::unique_ptr<PGresult, void (*)(PGresult*)> said(PQgetResult(conn), &PQclear);
            if (said != nullptr && PQresultErrorField(said.get(), PG_DIAG_SQLSTATE) != nullptr) take_error(said.get());
        }
        if (result.message.empty() && conn != nullptr) result.message = PQerrorMessage(conn);
    } catch (const std::exception&) {  // without its words
    }
    // A statement ends before the Sync behind it commits it: what is said after that end does not tell whether it did.
    if (answered_) result.ec = otherwise;
    else if (!result.ec) result.ec = goodbye_ != 0 ? error_code(goodbye_, category()) : otherwise;
    broken_ = true;
    end(now);
    next(now);
}

KEDGE_DECL void session::on_notice(void* self, const PGresult* notice) noexcept {
    const char* const state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (state == nullptr || severity == nullptr) return;
    const error_code ec = make_error_code(std::string_view(state));
    const bool crash = ec == errc::crash_shutdown;  // the only goodbye that comes as a warning
    if (crash || std::string_view(severity) == "FATAL" || std::string_view(severity) == "PANIC")
        static_cast<session*>(self)->goodbye_ = ec.value();
}

KEDGE_DECL void session::arm(nanoseconds after) {
    disarm();
    alarm_ = new alarm(shared_from_this());
    runtime_.arm(*alarm_, core::saturating_add(runtime_.now(), after));
}

KEDGE_DECL void session::disarm() noexcept {
    alarm* const armed = std::exchange(alarm_, nullptr);
    if (armed != nullptr && runtime_.cancel(*armed)) delete armed;  // else it is firing, and finds that it is none any more
}

/// Too late: for an address that does not answer, or for a statement that does not end.
KEDGE_DECL void session::on_alarm(const alarm& which) noexcept {
    turn now(*this, deliver::later);
    if (alarm_ != &which) return;
    alarm_ = nullptr;
    if (phase_ == phase::dialing) {
        try {
            dial_failed(now, boost::asio::error::timed_out, "no answer from this address");
        } catch (const std::exception&) {
            lost(now, no_memory());
        }
    } else if (first_ != nullptr && discarding_) {
        try {
            if (runtime_.now() >= give_up_) throw boost::system::system_error(boost::asio::error::timed_out);
            if (!fence_) ask_to_cancel(false);
            arm(cancel_again);
        } catch (const std::exception&) {
            broken_ = true;
            end(now);
            next(now);
        }
    }
    now.deliver_all();
}

/// Nobody wants what the current statement still has to say. Its job goes on until it has ended.
KEDGE_DECL void session::stop_statement() {
    discarding_ = true;
    rows_.reset();
    if (at_ == script_.size()) return;
    give_up_ = core::saturating_add(runtime_.now(), cancel_patience);
    ask_to_cancel(false);
    arm(cancel_again);
}

/// @param orphan  nobody will wait for the end of the request: the connection is closed
KEDGE_DECL void session::ask_to_cancel(bool orphan) {
    if (!wire_.is_open() || fence_) return;
    cancel_ticket ticket;
    ticket.request.reset(PQgetCancel(wire_.get()));
    if (ticket.request == nullptr) return;
    if (!orphan) ticket.from = weak_from_this();
    fence_ = !orphan;
    registry_.desk->submit(std::move(ticket));
}

KEDGE_DECL void session::cancel(job& work) noexcept {
    const std::shared_ptr<session> alive = shared_from_this();
    turn now(*this, deliver::later);
    if (work.stopped.exchange(true)) return;
    now.aborted(std::move(work.done));
    if (first_.get() == &work) {
        try {
            if (work.what == task::execute) {
                if (!discarding_) stop_statement();
                if (phase_ == phase::paused) {
                    phase_ = phase::talking;
                    talk(now);
                }
            } else {
                if (phase_ == phase::looking_up) stop_lookup_.emit(boost::asio::cancellation_type::terminal);
                broken_ = true;
                end(now);
                next(now);
            }
        } catch (const std::exception&) {
            lost(now, no_memory());
        }
    }
    now.deliver_all();
}

/// The borrower has gone, so that nobody needs what he left running.
KEDGE_DECL void session::cancel_statements() noexcept {
    while (const std::shared_ptr<job> left = kedge::detail::find_statement(mutex_, first_)) cancel(*left);
}

/// From a thread of the desk: the server is done with the request, and has sent its signal.
KEDGE_DECL void session::cancel_sent() noexcept {
    turn now(*this, deliver::later);
    fence_ = false;
    if (phase_ == phase::fenced) finished(now);
    now.deliver_all();
}

KEDGE_DECL void session::close() noexcept {
    std::shared_ptr<session> alive = weak_from_this().lock();
    turn now(*this, deliver::later);
    if (std::exchange(closed_, true)) return;
    try {
        if (phase_ == phase::talking || phase_ == phase::paused) ask_to_cancel(true);
        if (phase_ == phase::looking_up) stop_lookup_.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::exception&) {  // then the server notices by itself
    }
    while (first_ != nullptr) end(now, boost::asio::error::operation_aborted);
    disarm();
    drop_wire();
    now.deliver_all();
}

/// The context is being destroyed: destroys the handlers and closes the socket, while there is something to deregister it from.
KEDGE_DECL void session::forget_handlers() noexcept {
    for (bool more = true; more;) {
        // Destroyed outside the lock: they may own the connection, whose end comes back here.
        std::shared_ptr<job> dropped;
        done_function done;
        const std::lock_guard lock(mutex_);
        closed_ = true;
        phase_ = phase::resting;
        disarm();  // whoever calls this keeps the session alive
        drop_wire();
        more = first_ != nullptr;
        if (more) {
            dropped = std::move(first_);
            done = std::move(dropped->done);
            first_ = std::move(dropped->next);
        }
    }
}

KEDGE_DECL reuse session::state() const noexcept {
    const std::lock_guard lock(mutex_);
    if (broken_ || closed_ || goodbye_ != 0) return reuse::broken;
    if (first_ != nullptr) return reuse::needs_reset;
    if (!wire_.is_open()) return reuse::broken;
    switch (PQtransactionStatus(wire_.get())) {
    case PQTRANS_IDLE: return traces_.session || traces_.prepared ? reuse::needs_reset : reuse::clean;
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR: return reuse::needs_reset;
    case PQTRANS_ACTIVE:
    case PQTRANS_UNKNOWN: break;
    }
    return reuse::broken;
}

/// A look at the socket of a session at rest: closed, or a last word of the server's in it? Notices and TLS tickets are no harm.
KEDGE_DECL bool session::is_dead() noexcept {
    const std::lock_guard lock(mutex_);
    if (first_ != nullptr) return false;
    if (broken_ || closed_ || !wire_.is_open()) return true;
    for (int looks = 0; looks < 16; ++looks) {
        char byte = 0;
        const auto got = ::recv(PQsocket(wire_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return goodbye_ != 0;
        if (got <= 0 || PQconsumeInput(wire_.get()) == 0) return true;
        (void)PQisBusy(wire_.get());  // reads what has come
        while (PGnotify* const heard = PQnotifies(wire_.get())) PQfreemem(heard);
        if (goodbye_ != 0) return true;
    }
    return true;  // it does not stop talking
}

}  // namespace kedge::postgres::detail

#include <kedge/postgres/impl/dialing.ipp>
#include <kedge/postgres/impl/talking.ipp>
