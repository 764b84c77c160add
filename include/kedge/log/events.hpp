// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/log/detail/field_list.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/runtime.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::log {

/** An event as a record, by one table for all of kedge (`impl/events.ipp`). Owns the message; what comes from the event
 *  is valid as long as the event is. */
class event_record {
public:
    /// @throws std::bad_alloc
    event_record(const event& what, wall_time when);

    record view() const noexcept;

private:
    wall_time time_;
    level severity_;
    std::string_view logger_;
    std::string message_;
    detail::field_list fields_;
    boost::source_location place_{};
    error_code error_{};
};

/// How serious an event is. Bad news are warnings (an outage an error), good news and single retries below that.
level severity_of(const event& what) noexcept;

/// @throws std::bad_alloc
inline event_record to_record(const event& what, wall_time when = wall_now()) { return event_record(what, when); }

/** A listener that logs: `circuit_breaker{{.name = "prices", .on_event = log::event_recorder{io, sink}}}`.
 *
 *  Nothing is put together when the sink does not want the level. An event for whose text there is no memory is lost.
 *  Copies share the sink. The context must outlive it; blocks as long as the sink does.
 */
class event_recorder {
public:
    /// The time of the records is that of the context, in a simulation the virtual one. A null sink: nothing is logged.
    template <class Context>
    event_recorder(Context& ctx, std::shared_ptr<sink> to)
        : runtime_(&runtime::of(ctx.get_executor())), to_(std::move(to)) {}

    void operator()(const event& what) const noexcept;

private:
    const runtime* runtime_;
    std::shared_ptr<sink> to_;
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/events.ipp>
#endif
