// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/delivery_counters.hpp>
#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/aws/log_transport.hpp>
#include <kedge/aws/overflow.hpp>
#include <kedge/aws/spool_options.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/python_format.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace kedge::aws {

struct cloudwatch_options {
    std::string group{};   ///< 1 to 512 of `.-_/#A-Za-z0-9`, not beginning with `aws/`
    std::string stream{};  ///< 1 to 512 bytes without `:` and `*`

    log::level least = log::level::info;
    log::formatter format = log::python_format;
    /// Each event is one JSON document: too large ones are replaced, not cut. Without it only `formatted` ones and `json_format`.
    bool documents = false;

    std::size_t max_bytes = 8 * 1024 * 1024;  ///< real memory of events that wait or are on their way; 64 KiB or more
    std::size_t max_events = 50'000;
    overflow when_full = overflow::drop_newest;
    nanoseconds linger = std::chrono::seconds(1);  ///< how long an event may wait for company, 0 or more; an error 150 ms
    int max_in_flight = 1;                         ///< requests at once, 1 to 8; with 1 fresh events arrive in order

    bool create = true;         ///< the group and the stream, when they are missing
    int retention_days = 0;     ///< of a group that is created; one of the service's numbers; 0: for ever
    bool clamp_too_new = true;  ///< a time more than two hours ahead becomes the present; false: the event is rejected
    bool gzip = false;          ///< as the service's own agent does; given up when it is not understood

    /// Each event gets an id, the same if it is sent again: ` mid=PROCESS-NUMBER` at its end, or `"event_id"` in a JSON object.
    bool number_events = false;

    /// Takes secrets out of the text of each event, as the formatter made it, before it is kept in memory or on disk; null: none.
    /// Called by each `write` on its thread, by several at once. An event for which it throws is dropped: `unredacted`.
    std::function<void(std::string&)> redact{};

    spool_options spool{};      ///< keeps events on disk until they are settled; without a directory in memory only

    /// Hears of outages and refusals, and gets what is left at the end of a shutdown. Not this sink.
    std::shared_ptr<log::sink> fallback{};

    /// Gets each event that is refused for good, whole, with the fields `reason` and, if the service said something, `said`.
    /// Called by the threads of the context, without a lock. Not this sink.
    std::shared_ptr<log::sink> dead_letters{};
};

namespace detail {

/// Brings the accounting to where the handler runs.
template <class Handler> class shutdown_completion {
    using home = kedge::detail::tracked_home<Handler>;

public:
    shutdown_completion(Handler handler, const boost::asio::any_io_executor& otherwise)
        : work_(kedge::detail::track_home(handler, otherwise)), handler_(std::move(handler)) {}

    void operator()(delivery_accounting books) {
        const home ex = work_;
        kedge::detail::post_to(ex, [self = std::move(*this), books]() mutable {
            [[maybe_unused]] const home work = std::move(self.work_);
            Handler handler(std::move(self.handler_));
            std::move(handler)(books);
        });
    }

private:
    home work_;
    Handler handler_;
};

struct start_shutdown {
    std::shared_ptr<delivery_shell> shell;

    template <class Handler> void operator()(Handler&& handler, time_point deadline) const {
        using plain = std::decay_t<Handler>;
        shell->shut_down(deadline, shutdown_completion<plain>(plain(std::forward<Handler>(handler)), shell->executor()));
    }
};

std::shared_ptr<delivery_shell> make_shell(const boost::asio::any_io_executor&, const cloudwatch_options&,
                                           std::shared_ptr<log_transport>);

}  // namespace detail

/** A sink whose records go to one stream of CloudWatch Logs, in batches, behind a bounded queue.
 *
 *  `write` puts the record in the queue and never waits for the network. What becomes of it is in
 *  docs/reference/cloudwatch.md; `delivery` tells it in numbers.
 *
 *  With a spool `write` also writes it to a file first, **synchronously** as @ref log::file_sink does: it blocks as long as the
 *  file system does. What is not settled then outlives the process, and the next sink with this directory delivers it.
 *
 *  @par Executors  The delivery runs on the executor given; while something is pending it keeps that context running.
 *  @par Lifetimes  The destructor does not wait: what is pending goes to the fallback, or stays in the spool, whose directory is
 *  free when the context has run what was posted. When the context goes away first, it does so then. The context must outlive
 *  calls of @ref async_shutdown.
 *  @par Thread safety  Safe from any thread.
 */
class cloudwatch_sink final : public log::sink {
public:
    /// With a spool it reads up to 8 MiB of it. One that cannot be used is no error: `spool` and the fallback tell of it.
    /// @throws std::invalid_argument names the option, its value and what is accepted
    /// @throws boost::system::system_error with `number_events`, if the kernel has no random numbers
    cloudwatch_sink(const boost::asio::any_io_executor& ex, cloudwatch_options options, std::shared_ptr<log_transport> transport)
        : options_(std::move(options)), shell_(detail::make_shell(ex, options_, std::move(transport))) {}
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    cloudwatch_sink(C& ctx, cloudwatch_options options, std::shared_ptr<log_transport> transport)
        : cloudwatch_sink(boost::asio::any_io_executor(ctx.get_executor()), std::move(options), std::move(transport)) {}
    ~cloudwatch_sink() override { shell_->abandon(); }
    cloudwatch_sink(const cloudwatch_sink&) = delete;
    cloudwatch_sink& operator=(const cloudwatch_sink&) = delete;

    bool should_log(log::level severity) const noexcept override { return severity >= options_.least; }
    void write(const log::record& what) noexcept override { shell_->submit(what, options_.format, documents_); }
    /// What is queued goes at once, without waiting for company.
    void flush() noexcept override { shell_->flush(); }
    log::sink_counters counters() const noexcept override;

    const cloudwatch_options& options() const noexcept { return options_; }

    /// Everything that is known of the delivery, of one moment.
    delivery_counters delivery() const noexcept { return shell_->counters(); }
    /// Of the spool; nothing of it waits for the disk. All 0 without one.
    spool_counters spool() const noexcept { return shell_->spooled(); }

    /** Takes nothing more, sends what there is, and ends when all is settled or at `deadline`; what is left then goes to the
     *  fallback, or stays in the spool. Called again, it ends with the same accounting; an earlier deadline counts.
     *
     *  @par Completion signature  `void(delivery_accounting)`
     *  @par Executors  The handler is posted to its associated executor, by default that of the sink.
     *  @par Per-operation cancellation  none: an earlier deadline ends it
     */
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(delivery_accounting)>(detail::start_shutdown{shell_}, token, deadline);
    }

private:
    const cloudwatch_options options_;
    const bool documents_ = options_.documents || options_.format == log::json_format;
    const std::shared_ptr<detail::delivery_shell> shell_;
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/cloudwatch_sink.ipp>
#endif
