// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/aws/detail/event_id.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/runtime_lock.hpp>
#include <kedge/log/detail/document.hpp>

#include <algorithm>
#include <exception>

namespace kedge::aws::detail {

KEDGE_DECL delivery_shell::delivery_shell(const boost::asio::any_io_executor& ex, const delivery_rules& rules, log_target target,
                                          std::shared_ptr<log_transport> transport, delivery_hooks hooks,
                                          std::shared_ptr<spool> disk)
    : executor_(ex), rt_(runtime::of(ex)),
      service_(boost::asio::use_service<kedge::detail::pool_service>(boost::asio::query(ex, boost::asio::execution::context))),
      target_(std::move(target)), transport_(std::move(transport)), fallback_(std::move(hooks.fallback)),
      dead_letters_(std::move(hooks.dead_letters)), redact_(std::move(hooks.redact)),
      retention_days_(rules.retention_days), process_id_(rules.process_id),
      spool_(std::move(disk)), core_(rules), timer_(ex) {
    service_.join(*this);
    if (!spool_) return;
    disk_open_ = disk_works_ = spool_->open();
    reopen_at_ = core::saturating_add(rt_.now(), spool_retry);
    core_.expect_earlier(spool_->earlier_left());
}

KEDGE_DECL delivery_shell::~delivery_shell() {
    if (!context_destroyed_) service_.leave(*this);
}

KEDGE_DECL moment delivery_shell::at() const noexcept { return {rt_.now(), milliseconds_of(rt_.wall_now())}; }

/// Lets go of what belongs to the parent.
KEDGE_DECL bool delivery_shell::forsake() const noexcept {
    if (!forsaken_.exchange(true, std::memory_order_relaxed) && spool_) spool_->forsake();
    return true;
}

KEDGE_DECL prepared delivery_shell::form(const log::record& what, log::formatter format, std::string& text,
                                         raw_event& raw) noexcept {
    const std::size_t most = most_event_.load(std::memory_order_relaxed);
    event_id id;
    try {
        format(what, text);
        if (!redact(redact_, text)) return {.how = preparation::unredacted};
        if (process_id_ != 0) {
            id = event_id(process_id_, raw.number = core_.next_number());
            add_id(text, id.text(), raw.whole, most - event_overhead);
        }
    } catch (const std::exception&) {
        return {.how = preparation::no_memory};
    }
    raw.message = text;
    if (process_id_ == 0 && may_be_split(raw, most)) raw.number = core_.next_number();
    raw.id = id.text();
    prepared made = spool_ ? prepare(raw, most) : prepare_for_queue(raw, most);
    raw.id = {};  // it ends here
    return made;
}

KEDGE_DECL void delivery_shell::submit(const log::record& what, log::formatter format, bool documents) noexcept {
    if (is_inherited()) [[unlikely]] return void(lost_in_child_.fetch_add(1, std::memory_order_relaxed));
    raw_event raw{{}, milliseconds_of(what.time), what.severity, documents || log::detail::is_document(what)};
    log::detail::spare_text text;
    prepared ready = form(what, format, *text, raw);
    if (spool_) return store(std::move(ready), raw);
    kedge::detail::lock_awake(lock_);
    const std::lock_guard guard(lock_, std::adopt_lock);
    core_.submit(std::move(ready), raw, context_gone_ ? time_point() : rt_.coarse_now());
    run_in_time();
}

/// After something was put into the queue. `lock_` is held.
KEDGE_DECL void delivery_shell::run_in_time() noexcept {
    if (context_gone_ || armed_ == time_point::min()) return;
    if (core_.due() < armed_) post_run();
}

/// `lock_` is held.
KEDGE_DECL void delivery_shell::post_run() noexcept {
    try {
        kedge::detail::post_to(executor_, [self = shared_from_this()] { self->run(); });
        armed_ = time_point::min();
    } catch (const std::exception&) {  // no memory: the next event tries again
    }
}

KEDGE_DECL void delivery_shell::flush() noexcept {
    if (is_inherited()) return;
    const std::lock_guard guard(lock_);
    core_.flush();
    run_in_time();
}

template <class Decide> void delivery_shell::decide(Decide decide, bool may_read) noexcept {
    delivery_actions todo;
    refusal_counts refusals;
    bool hands_over = false, over = false;
    if (is_inherited()) return;
    {
        const std::lock_guard sending(sending_);
        {
            const std::lock_guard guard(lock_);
            if (context_gone_) return;
            decide(todo);
            tell_of_disk(todo.alarms);
        }
        hands_over = todo.any_refused() || todo.closed;
        if (hands_over) refusals = refusals_.note(todo, rt_.now()), ++handing_over_;
        note_settled(todo.spent);
        work_on_disk(may_read);
        carry_out(todo);
        over = is_over();
    }
    hand_over(todo, refusals);
    if (hands_over) over = handed_over(todo);
    if (over) end();
}

KEDGE_DECL void delivery_shell::run() noexcept {
    decide([this](delivery_actions& todo) {
        armed_ = time_point::min();  // what was armed has come
        core_.tick(at(), todo);
    });
}

KEDGE_DECL void delivery_shell::answered(std::uint32_t serial, log_response response) noexcept {
    decide([&](delivery_actions& todo) {
        if (response.body.capacity() > 0 && bodies_.size() < bodies_.capacity()) bodies_.push_back(std::move(response.body));
        const moment now = at();
        if (const auto& seen = response.clock) core_.clock_seen(seen->date_ms, seen->sent_ms, seen->received_ms, now.steady);
        core_.answered(serial, response.answer, now, rt_.random(), todo);
        most_event_.store(core_.most_event(), std::memory_order_relaxed);
    });
}

/// Nothing will come any more. The disk is to know what was settled, but only until the deadline. `sending_` is held.
KEDGE_DECL bool delivery_shell::is_over() const noexcept {
    const std::lock_guard guard(lock_);
    return core_.is_closed() && (!disk_busy_ || rt_.now() >= core_.deadline()) && handing_over_ == 0;
}

/// `sending_` is held.
KEDGE_DECL void delivery_shell::carry_out(delivery_actions& todo) noexcept {
    for (int i = 0; i < todo.starting; ++i) start(todo.start[static_cast<std::size_t>(i)], todo);
    if (todo.refresh_credentials) {
        try {
            transport_->refresh_credentials([weak = weak_from_this()] {
                const std::shared_ptr<delivery_shell> self = weak.lock();
                if (!self) return;
                self->decide([&](delivery_actions& more) {
                    const moment now = self->at();
                    self->core_.credentials_renewed(now.steady);
                    self->core_.tick(now, more);
                });
            });
        } catch (const std::exception&) {  // asked again at the next refusal
        }
    }
    set_timer();
}

KEDGE_DECL log_request delivery_shell::make_request(const delivery_request& request) {
    log_request out{request.what, {}, request.gzip, request.skew};
    switch (request.what) {
    case operation::put_events:
        if (!bodies_.empty()) {
            out.body = std::move(bodies_.back());
            bodies_.pop_back();
        }
        put_body(target_, *request.events(), out.body);
        break;
    case operation::create_stream: out.body = stream_body(target_); break;
    case operation::create_group: out.body = group_body(target_); break;
    case operation::put_retention: out.body = retention_body(target_, retention_days_); break;
    }
    return out;
}

KEDGE_DECL void delivery_shell::start(const delivery_request& request, delivery_actions& todo) noexcept {
    try {
        bodies_.reserve(most_flights);
        transport_->start(make_request(request),
                          [weak = weak_from_this(), serial = request.serial](log_response response) {
                              if (const std::shared_ptr<delivery_shell> self = weak.lock())
                                  self->answered(serial, std::move(response));
                          });
    } catch (const std::exception&) {  // no memory
        const std::lock_guard guard(lock_);
        core_.not_started(request.serial, rt_.now(), rt_.random(), todo);
    }
}

/// `sending_` is held.
KEDGE_DECL void delivery_shell::set_timer() noexcept {
    time_point due;
    {
        const std::lock_guard guard(lock_);
        due = disk_busy_ ? core_.due() : std::min(core_.due(), read_again_at_);  // else when the job is done
        if (core_.is_closed()) due = disk_busy_ && *disk_work_ ? core_.deadline() : never;
        if (due == armed_ && due != time_point::min()) return;
        armed_ = due;
    }
    try {
        timer_.expires_at(due);
        if (due == never) return;
        timer_.async_wait([self = shared_from_this()](error_code ec) {
            if (!ec) self->run();
        });
    } catch (const std::exception&) {  // no memory: the next event tries again
        const std::lock_guard guard(lock_);
        armed_ = never;
    }
}

KEDGE_DECL void delivery_shell::shut_down(time_point deadline, shutdown_handler done) {
    if (is_inherited()) return done(counters().accounting());
    const std::lock_guard guard(lock_);
    waiting_.push_back(std::move(done));
    if (context_gone_) return;  // nobody could be told: destroyed with us
    if (!core_.is_closed()) core_.close(deadline, rt_.now());
    post_run();
}

KEDGE_DECL void delivery_shell::end() noexcept {
    leave_disk();
    std::vector<shutdown_handler> told;
    delivery_accounting books;
    {
        const std::lock_guard guard(lock_);
        told.swap(waiting_);
        books = core_.counters(rt_.now()).accounting();
    }
    for (shutdown_handler& one : told) one(books);
}

KEDGE_DECL void delivery_shell::abandon() noexcept {
    if (is_inherited()) return;
    const std::lock_guard guard(lock_);
    if (context_gone_ || core_.is_closed()) return;
    const time_point now = rt_.now();
    core_.close(now, now);
    post_run();
}

KEDGE_DECL delivery_counters delivery_shell::counters() const noexcept {
    if (is_inherited()) {
        delivery_counters own;
        own.offered = own.dropped[drop_reason::forked] = lost_in_child_.load(std::memory_order_relaxed);
        return own;
    }
    const std::lock_guard guard(lock_);
    return core_.counters(context_gone_ ? time_point() : rt_.now());
}

/// What is left goes to the fallback; the accounts stay.
KEDGE_DECL void delivery_shell::context_gone() noexcept {
    delivery_actions todo;
    std::vector<shutdown_handler> forgotten;
    if (is_inherited()) {
        if (const std::unique_lock guard(lock_, std::try_to_lock); guard) forgotten.swap(waiting_);
        return;
    }
    {
        const std::lock_guard sending(sending_);  // a transport of elsewhere may have answered: that decision ends first
        const std::lock_guard guard(lock_);
        const moment now = at();
        core_.close(now.steady, now.steady);
        core_.tick(now, todo);
        context_gone_ = true;
        forgotten.swap(waiting_);
    }
    hand_over(todo, {});
    const std::lock_guard sending(sending_);
    settle_now();
}

}  // namespace kedge::aws::detail
