// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/any_core.hpp>
#include <kedge/database/operations.hpp>
#include <kedge/database/options.hpp>
#include <kedge/database/transaction_operation.hpp>
#include <kedge/database/upkeep.hpp>
#include <kedge/detail/context_of_executor.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/log/detail/hourly_reminder.hpp>
#include <kedge/pipeline.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace kedge::detail {

template <class Connection> struct judge_by_connection {
    template <class... Ts> verdict operator()(const error_code& ec, const Ts&...) const noexcept {
        // What the application throws says nothing of the database.
        if (ec == errc::operation_threw) return {kind::neutral, replay::never};
        return Connection::classify(ec);
    }
};

/// What a client's handles and its running calls share. Its end ends what @ref run started.
template <class Connection>
class database_core final : public any_database_core, public std::enable_shared_from_this<database_core<Connection>> {
public:
    database_core(context_of_executor ctx, const database_options& o)
        : any_database_core(ctx.executor), sink(o.sink), rt(runtime::of(executor)),
          breaker({.name = o.name, .consecutive_failures = o.breaker_threshold, .on_event = o.on_event}),
          pool(ctx,
               {.name = o.name, .max = o.max_connections, .acquire_timeout = o.acquire_timeout,
                .connect_timeout = o.connect_timeout, .on_event = o.on_event},
               typename Connection::connector_type(o.url)),
          pipe(executor, classify_by<judge_by_connection<Connection>>{},
               total_timeout{o.total_timeout},
               retry({.max_retries = o.bypass ? 0 : o.max_retries, .on_event = o.on_event}, budget),
               breaker,
               timeout{o.query_timeout}),
          health(executor,
                 {.name = o.name, .interval = o.health_interval,
                  .timeout = std::min(o.connect_timeout, nanoseconds::max() - ping_timeout) + ping_timeout,
                  .on_event = o.on_event},
                 ping_operation<Connection>(pool), breaker),
          bypassed(rt, o.sink, "kedge.database", o.bypass ? "Calls of " + o.name + " bypass retries and breaker" : "") {
        if (o.bypass) breaker.mode(breaker_mode::metrics_only);
        breaker.probe_lease(o.query_timeout);
    }
    ~database_core() override { health.stop(); }

    void query(statement what, const call& c, const attempt& outer, rows_completion handler) override {
        bypassed.remind();
        auto report = [self = this->shared_from_this(), c, taken = what.batches](rows_completion&& next, error_code ec,
                                                                                  rows result) {
            const bool threw = taken && taken->thrown();  // the application's own affair: no record
            if (threw && c.report) c.report->thrown = taken->thrown();
            if (!threw) self->failed(ec, c);
            std::move(next)(ec, std::move(result));
        };
        then_handler<rows_completion, decltype(report)> reporting(std::move(handler), std::move(report));
        if (const error_code bad = check_statement(what.text, what.values)) return refuse(bad, c, std::move(reporting));
        attempt_handler<decltype(reporting)> inside(std::move(reporting), outer);
        pipe.async_call(query_operation<Connection>(pool, std::move(what)), c, std::move(inside));
    }

    void transact(std::shared_ptr<transaction_body> body, const transaction_options& options, const call& c,
                  const attempt& outer, transaction_completion handler) override {
        bypassed.remind();
        auto report = [self = this->shared_from_this(), c](transaction_completion&& next, std::exception_ptr thrown) {
            std::move(next)(self->failed(std::move(thrown), c));
        };
        then_handler<transaction_completion, decltype(report)> reporting(std::move(handler), std::move(report));
        attempt_handler<decltype(reporting)> inside(std::move(reporting), outer);
        pipe.async_call(transaction_operation<Connection>(pool, std::move(body), options), c, std::move(inside));
    }

    void run(plain_completion handler) override {
        auto upkeep = [this](auto&& token) { pool.async_run(std::move(token)); };
        auto checks = [this](auto&& token) { health.async_run(std::move(token)); };
        std::make_shared<joint_run>(std::move(handler))->start(upkeep, checks);
    }

    void shutdown(time_point deadline, plain_completion handler) override {
        health.stop();
        pool.async_shutdown(deadline, std::move(handler));
    }

    database_snapshot snapshot() const override {
        return {pool.snapshot(), breaker.snapshot(), budget.snapshot(), health.snapshot()};
    }

    /// One record for each failed call; a caller who gave up knows it himself.
    void failed(const error_code& ec, const call& c) const noexcept {
        if (!ec || !sink || ec == boost::asio::error::operation_aborted) return;
        log::database_error(*sink, {.error = ec, .report = c.report, .place = c.place, .time = rt.wall_now()});
    }

    /// The same for a transaction. @return the exception for the caller: the application's own is unpacked, not recorded
    std::exception_ptr failed(std::exception_ptr thrown, const call& c) const noexcept {
        if (!thrown) return thrown;
        try {
            std::rethrow_exception(thrown);
        } catch (const application_exception& e) {
            return e.own;
        } catch (const boost::system::system_error& e) {
            failed(e.code(), c);
        } catch (...) {
        }
        return thrown;
    }

    const std::shared_ptr<log::sink> sink;
    runtime& rt;
    circuit_breaker breaker;
    retry_budget budget;
    connection_pool<Connection> pool;
    pipeline<boost::asio::any_io_executor, classify_by<judge_by_connection<Connection>>, total_timeout, retry,
             circuit_breaker, timeout>
        pipe;
    health_monitor<boost::asio::any_io_executor, ping_operation<Connection>> health;
    log::detail::hourly_reminder bypassed;

private:
    template <class Handler> void refuse(const error_code& bad, const call& c, Handler handler) {
        if (c.report) *c.report = call_report{.result = bad};
        const auto ex = boost::asio::get_associated_executor(handler, executor);
        boost::asio::post(ex, [next = std::move(handler), bad]() mutable { next(bad, rows()); });
    }
};

template <class Connection>
std::shared_ptr<any_database_core> make_database_core(boost::asio::any_io_executor ex, const database_options& options) {
    static_assert(database_connection<Connection>);
    return std::make_shared<database_core<Connection>>(context_of_executor{std::move(ex)}, options);
}

}  // namespace kedge::detail
