// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/session.hpp>
#include <kedge/postgres/impl/turn.hpp>
#include <kedge/sql/batches.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace kedge::postgres::detail {

/// The part of the time that is left which a statement gets on the server, so that its end comes from there and costs no
/// cancel request; and how much less the limit in force may be before it is set anew.
inline constexpr double limit_share = 0.95, least_limit_share = 0.9;

inline bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> words) noexcept {
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.starts_with(word); });
}

KEDGE_DECL void session::ask(turn& now) {
    phase_ = phase::talking;
    script_.clear();
    at_ = 0;
    rows_.reset();
    statement_ = nullptr;
    answered_ = discarding_ = repeat_ = false;
    if (!send_job()) return lost(now, boost::asio::error::eof);
    one_row_at_a_time();
    talk(now);
}

KEDGE_DECL bool session::send_job() {
    switch (first_->what) {
    case task::open: return send_settings() && sync();
    case task::ping: return send(step::execute, "") && sync();
    case task::reset: return send_reset();
    case task::execute: break;
    }
    return send_statement();
}

KEDGE_DECL bool session::sync() {
    script_.push_back(step::sync);
    return PQpipelineSync(wire_.get()) != 0;
}

KEDGE_DECL bool session::send(step what, const char* text, const params& values) {
    bound_.bind(values);
    script_.push_back(what);
    const int sent = PQsendQueryParams(wire_.get(), text, bound_.count(), nullptr, bound_.pointers(), bound_.lengths(),
                                       bound_.formats(), 0);
    bound_.clear();
    return sent != 0;
}

KEDGE_DECL bool session::send_reset() {
    if (PQtransactionStatus(wire_.get()) != PQTRANS_IDLE && !(send(step::clean, "rollback") && sync())) return false;
    if (traces_.session)
        for (const char* text : cleaning)
            if (!send(step::clean, text)) return false;
    if (traces_.session && !(send_settings() && send_planner())) return false;
    if (traces_.prepared && !send(step::clean, "deallocate all")) return false;
    return sync();
}

KEDGE_DECL bool session::send_statement() {
    const std::string_view text = first_->text.view();
    was_inside_ = PQtransactionStatus(wire_.get()) == PQTRANS_INTRANS;
    if (where_->prepared) statement_ = &statements_.use(text);
    leaves_ = where_->prepared ? statement_->leaves : traces_of(text);
    traces_ |= leaves_;
    if (where_->always_reset) traces_.session = traces_.prepared = true;
    if (!where_->prepared) return send(step::execute, std::string(text).c_str(), first_->values) && sync();
    if (std::exchange(fresh_, false) && !(send_planner() && sync())) return false;
    if (!send_deallocations() || !send_limit()) return false;
    if (!statement_->prepared) {
        script_.push_back(step::prepare);
        if (PQsendPrepare(wire_.get(), statement_->name.c_str(), statement_->text.c_str(), 0, nullptr) == 0) return false;
    }
    bound_.bind(first_->values);
    script_.push_back(step::execute);
    const int sent = PQsendQueryPrepared(wire_.get(), statement_->name.c_str(), bound_.count(), bound_.pointers(),
                                         bound_.lengths(), bound_.formats(), 0);
    bound_.clear();
    return sent != 0 && sync();
}

/// In a failed transaction nothing but its end is executed.
KEDGE_DECL bool session::send_deallocations() {
    if (!statements_.has_unwanted() || PQtransactionStatus(wire_.get()) == PQTRANS_INERROR) return true;
    for (const std::string& name : statements_.take_unwanted())
        if (!send(step::deallocate, ("deallocate " + name).c_str())) return false;
    return sync();
}

/// Sets the server's own time limit a little below the caller's, unless the one in force is about that.
KEDGE_DECL bool session::send_limit() {
    const PGTransactionStatusType status = PQtransactionStatus(wire_.get());
    if (status == PQTRANS_INERROR) return true;
    std::int64_t wanted = 0;
    if (first_->deadline != never) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first_->deadline - runtime_.now()).count();
        if (limit_ > 0 && limit_ <= left && static_cast<double>(limit_) >= least_limit_share * static_cast<double>(left))
            return true;
        const auto share = static_cast<std::int64_t>(limit_share * static_cast<double>(left));
        if (left < std::numeric_limits<std::int32_t>::max()) wanted = std::max<std::int64_t>(1, share);
    }
    if (wanted == limit_ || (wanted == 0 && traces_.time_limit)) return true;  // the caller's own stays
    const bool inside = status == PQTRANS_INTRANS;  // there it ends with the transaction, whichever way that ends
    limit_ = wanted;
    if (!inside) session_limit_ = wanted;
    if (wanted == 0) {
        constexpr char here[] = "set local statement_timeout to default", everywhere[] = "set statement_timeout to default";
        return send(step::limit, inside ? here : everywhere) && sync();
    }
    return send(step::limit, "select pg_catalog.set_config('statement_timeout', $1, $2)",
                params(std::to_string(wanted), inside)) && sync();
}

/// Reads what has come, and waits for more unless that was all.
KEDGE_DECL void session::talk(turn& now) noexcept {
    try {
        const int unsent = PQflush(wire_.get());
        if (unsent < 0) return lost(now, boost::asio::error::eof);
        switch (hear()) {
        case progress::out_of_step: return lost(now, make_error_code(errc::protocol_violation));
        case progress::done: return finished(now);
        case progress::waiting: break;
        }
        if (batch_full()) return give_batch(now);
        await_socket(unsent > 0);
    } catch (const std::exception&) {
        lost(now, no_memory());
    }
}

KEDGE_DECL bool session::batch_full() const noexcept {
    if (!rows_ || !first_->batches || discarding_) return false;
    return kedge::detail::fills_batch(*rows_);
}

KEDGE_DECL void session::one_row_at_a_time() noexcept {
    if (at_ < script_.size() && script_[at_] == step::execute) PQsetSingleRowMode(wire_.get());
}

KEDGE_DECL session::progress session::hear() {
    int nothing = 0;  // after each answer one, and none after a Sync
    while (at_ < script_.size()) {
        if (batch_full()) return progress::waiting;
        if (PQisBusy(wire_.get()) != 0) return progress::waiting;
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQgetResult(wire_.get()), &PQclear);
        if (result == nullptr) {
            if (++nothing > 2) return progress::out_of_step;
            if (script_[at_] == step::sync) continue;
            ++at_;
            one_row_at_a_time();
            continue;
        }
        nothing = 0;
        if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
            if (script_[at_] != step::sync) return progress::out_of_step;
            ++at_;
            one_row_at_a_time();
        } else if (!take(result.get())) {
            return progress::out_of_step;
        }
    }
    return progress::done;
}

KEDGE_DECL bool session::take(const PGresult* result) {
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE: take_rows(result); return true;
    case PGRES_EMPTY_QUERY:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: take_end(result); return true;
    case PGRES_PIPELINE_ABORTED: return true;  // the error came before
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        fail(make_error_code(errc::feature_not_supported), "COPY to or from the client is not supported", "0A000");
        return false;
    default: take_error(result); return true;
    }
}

KEDGE_DECL void session::begin_rows(const PGresult* result) {
    kedge::detail::column_names names = names_of(result, statement_ != nullptr ? statement_->columns : nullptr);
    if (statement_ != nullptr) statement_->columns = names;
    rows_.emplace(std::move(names));
}

KEDGE_DECL void session::take_rows(const PGresult* result) {
    if (discarding_ || script_[at_] != step::execute) return;
    if (!rows_) begin_rows(result);
    append_rows(result, *rows_);
    if (first_->batches || rows_->memory() <= result_limit) return;
    fail(sql_errc::result_too_large, kedge::detail::beyond_result_limit());
    stop_statement();
}

KEDGE_DECL void session::take_end(const PGresult* result) {
    const step of = script_[at_];
    if (of == step::prepare) statement_->prepared = true;
    if (of != step::execute) return;
    answered_ = true;
    if (PQresultStatus(result) == PGRES_EMPTY_QUERY && first_->what == task::execute)
        return fail(sql_errc::empty_statement, {});
    const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(result));
    if (tag.starts_with("ROLLBACK")) limit_ = -1;  // to a savepoint, perhaps before the limit was set
    if (tag.starts_with("ROLLBACK") && leaves_.commits)  // the server's only word about that
        return fail(make_error_code(errc::in_failed_transaction), "a statement had failed: rolled back, not committed", "25P02");
    if (discarding_) return;
    if (!rows_) begin_rows(result);
    append_rows(result, *rows_);
    if (starts_with_any(tag, {"INSERT", "UPDATE", "DELETE", "MERGE"}))
        rows_->affected(std::strtoll(PQcmdTuples(const_cast<PGresult*>(result)), nullptr, 10));
}

/// The first error of a job is its result, except that one of the Sync, which commits, comes after an answer.
KEDGE_DECL void session::fail(const error_code& ec, std::string message, std::string state) {
    outcome& result = first_->result;
    result.ec = ec;
    result.message = std::move(message);
    result.state = std::move(state);
}

/// The server has not, or no longer, what the cache says it has. Behind a proxy that happens all the time.
KEDGE_DECL bool session::forgets_statement(const error_code& ec, std::string_view function) const noexcept {
    if (statement_ == nullptr) return false;
    if (ec == errc::feature_not_supported) return function == "RevalidateCachedQuery";
    return ec == errc::no_such_prepared_statement || (ec == errc::duplicate_prepared_statement && !statement_->prepared);
}

KEDGE_DECL void session::take_error(const PGresult* result) {
    const auto field = [result](int which) {
        const char* const value = PQresultErrorField(result, which);
        return std::string(value != nullptr ? value : "");
    };
    step of = at_ < script_.size() ? script_[at_] : step::execute;
    if (of == step::sync && at_ > 0) of = script_[at_ - 1];
    if (discarding_) return;
    const std::string state = field(PG_DIAG_SQLSTATE), function = field(PG_DIAG_SOURCE_FUNCTION);
    error_code ec = make_error_code(std::string_view(state));
    if (of == step::limit) session_limit_ = limit_ = -1;
    const bool aside = of == step::limit || of == step::deallocate || of == step::planner;
    if (aside && fate_of(ec) == fate::keep) return;  // the statement comes all the same
    if (forgets_statement(ec, function)) {
        repeat_ = !was_inside_ && !first_->again;
        if (was_inside_ && ec == errc::feature_not_supported) ec = make_error_code(errc::plan_changed);
        if (ec == errc::no_such_prepared_statement) statement_->prepared = false;
        statements_.forget(*std::exchange(statement_, nullptr));
    } else if (of == step::prepare && statement_ != nullptr) {
        statements_.forget(*std::exchange(statement_, nullptr));
    }
    if (ec == errc::syntax_error && function == "exec_parse_message") ec = sql_errc::several_statements;
    if (ec == errc::protocol_violation && function == "exec_bind_message") ec = sql_errc::parameter_count;
    if (ec == errc::read_only_transaction && !traces_.read_only) ec = make_error_code(errc::not_primary);
    if (fate_of(ec) == fate::keep) answered_ = false;
    fail(ec, field(PG_DIAG_MESSAGE_PRIMARY), state);
}

KEDGE_DECL void session::give_batch(turn& now) {
    phase_ = phase::paused;
    rows some = std::move(*rows_).take();
    rows_.reset();
    now.batch(std::move(some), first_);
}

KEDGE_DECL void session::resume(job& work, bool go_on) noexcept {
    turn now(*this, deliver::later);
    if (first_.get() == &work && phase_ == phase::paused) {
        phase_ = phase::talking;
        try {
            if (!go_on) {
                fail(boost::asio::error::operation_aborted, {});
                stop_statement();
            }
            talk(now);
        } catch (const std::exception&) {
            lost(now, no_memory());
        }
    }
    now.deliver_all();
}

/// All answers are there.
KEDGE_DECL void session::finished(turn& now) {
    if (fence_) {
        phase_ = phase::fenced;
        return;
    }
    job& work = *first_;
    if (std::exchange(repeat_, false) && !work.stopped) {
        work.again = true;
        work.result = {};
        return ask(now);
    }
    if (work.batches && rows_ && rows_->size() != 0 && !discarding_ && !work.result.ec) return give_batch(now);
    if (work.what == task::execute && leaves_.time_limit) session_limit_ = limit_ = -1;
    if (work.what == task::execute && leaves_.prepared) statements_.clear();  // the next reset deallocates them
    if (PQtransactionStatus(wire_.get()) == PQTRANS_IDLE) limit_ = session_limit_;
    if (work.what == task::reset && !work.result.ec) cleaned();
    if (rows_) work.result.result = std::move(*rows_).take();
    rows_.reset();
    end(now);
    next(now);
}

KEDGE_DECL void session::cleaned() noexcept {
    if (traces_.prepared) statements_.clear();
    if (traces_.session) session_limit_ = limit_ = 0;
    traces_ = {};
}

KEDGE_DECL void session::await_socket(bool to_write) {
    const auto ready = [this](bool writable) {
        return [self = shared_from_this(), epoch = epoch_, writable](const error_code& ec) {
            self->on_ready(epoch, writable, ec);
        };
    };
    if (!reading_) wire_.when_readable(ready(false)), reading_ = true;
    if (to_write && !writing_) wire_.when_writable(ready(true)), writing_ = true;
}

KEDGE_DECL void session::on_ready(unsigned epoch, bool writable, const error_code&) {
    turn now(*this, deliver::here);
    if (epoch != epoch_) return;
    (writable ? writing_ : reading_) = false;
    if (phase_ == phase::dialing) {
        try {
            poll(now);
        } catch (const std::exception&) {
            lost(now, no_memory());
        }
    } else if (phase_ == phase::talking) {
        if (!writable && PQconsumeInput(wire_.get()) == 0) lost(now, boost::asio::error::eof);
        else talk(now);
        while (PGnotify* const heard = wire_.is_open() ? PQnotifies(wire_.get()) : nullptr) PQfreemem(heard);
    }
    now.deliver_all();
}

}  // namespace kedge::postgres::detail
