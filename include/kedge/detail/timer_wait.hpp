// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/handler_memory.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/runtime_lock.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/error.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace kedge::detail {

class timer_waits;

using timer_wait_hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>>;

/// A wait without its handler. It is freed on the handler's executor, so a late cancellation still finds it there.
class timer_wait : public timer_node, public timer_wait_hook {
public:
    explicit timer_wait(boost::intrusive_ptr<timer_waits> of) : waits(std::move(of)) {}

    boost::intrusive_ptr<timer_waits> waits;
    error_code result{};
    void (*post)(timer_wait*) = nullptr;              // completes with `result`
    void (*destroy)(timer_wait*) noexcept = nullptr;  // without completing

protected:
    ~timer_wait() = default;
};

/// The waits of one timer. A wait is in the list until it is decided how it ends; the runtime's `cancel` decides.
class timer_waits : public boost::intrusive_ref_counter<timer_waits> {
public:
    explicit timer_waits(runtime& r) noexcept : runtime_(&r) {}

    runtime& clock() const noexcept { return *runtime_; }

    void start(timer_wait& w, time_point due) {
        w.fire = &fired;
        w.abandon = &abandoned;
        std::lock_guard lock(lock_);
        list_.push_back(w);
        runtime_->arm(w, due);
    }

    std::size_t cancel() {
        list ended;
        {
            std::lock_guard lock(lock_);
            for (auto it = list_.begin(); it != list_.end();) {
                timer_wait& w = *it++;
                if (!runtime_->cancel(w)) continue;  // about to fire on another thread
                list_.erase(list_.iterator_to(w));
                ended.push_back(w);
            }
        }
        std::size_t count = 0;
        for (; !ended.empty(); ++count) {
            timer_wait& w = ended.front();
            ended.pop_front();
            abort(w);
        }
        return count;
    }

    void cancel(timer_wait& w) {
        if (!leave_if(w, [&] { return runtime_->cancel(w); })) return;
        abort(w);
    }

private:
    using list = boost::intrusive::list<timer_wait, boost::intrusive::base_hook<timer_wait_hook>>;

    template <class Condition> bool leave_if(timer_wait& w, Condition may) noexcept {
        std::lock_guard lock(lock_);
        if (!w.timer_wait_hook::is_linked() || !may()) return false;
        list_.erase(list_.iterator_to(w));
        return true;
    }

    static void abort(timer_wait& w) {
        w.result = boost::asio::error::operation_aborted;
        w.post(&w);
    }

    static bool leave(timer_wait& w) noexcept {
        return w.waits->leave_if(w, [] { return true; });
    }

    static void fired(timer_node* n) noexcept {
        auto* const w = static_cast<timer_wait*>(n);
        leave(*w);
        w->post(w);
    }

    static void abandoned(timer_node* n) noexcept {
        auto* const w = static_cast<timer_wait*>(n);
        leave(*w);
        w->destroy(w);
    }

    runtime* runtime_;
    spinlock lock_;
    list list_;
};

template <class Handler> class timer_wait_for final : public timer_wait {
    using home = tracked_home<Handler>;

public:
    timer_wait_for(Handler&& handler, const boost::asio::any_io_executor& ex, boost::intrusive_ptr<timer_waits> of)
        : timer_wait(std::move(of)), handler_(std::move(handler)),
          work_(track_home(handler_, ex)), timer_work_(track(ex)) {
        post = &post_completion;
        destroy = &free;
    }

    void listen() {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([this](boost::asio::cancellation_type_t type) {
            if (type != boost::asio::cancellation_type::none) waits->cancel(*this);
        });
    }

private:
    struct deleter {
        void operator()(timer_wait_for* w) const noexcept { free(w); }
    };

    struct completion {
        std::unique_ptr<timer_wait_for, deleter> wait;

        using allocator_type = handler_allocator_t<std::byte, Handler>;
        allocator_type get_allocator() const noexcept { return handler_allocator<std::byte>(wait->handler_); }

        /// On the handler's executor, where cancellation is requested, too.
        void operator()() {
            auto slot = boost::asio::get_associated_cancellation_slot(wait->handler_);
            if (slot.is_connected()) slot.clear();
            const error_code result = wait->result;
            Handler handler(std::move(wait->handler_));
            const auto memory = handler_allocator<timer_wait_for>(handler);
            deallocate_object(memory, wait.release());
            std::move(handler)(result);
        }
    };

    static void post_completion(timer_wait* w) {
        auto* const self = static_cast<timer_wait_for*>(w);
        const home ex = self->work_;
        post_to(ex, completion{std::unique_ptr<timer_wait_for, deleter>(self)});
    }

    static void free(timer_wait* w) noexcept {
        auto* const self = static_cast<timer_wait_for*>(w);
        Handler handler(std::move(self->handler_));  // may own the memory's allocator, the timer, everything
        deallocate_object(handler_allocator<timer_wait_for>(handler), self);
    }

    Handler handler_;
    home work_;
    tracked_executor<boost::asio::any_io_executor> timer_work_;
};

template <class Handler>
void start_timer_wait(Handler&& handler, const boost::asio::any_io_executor& ex,
                      const boost::intrusive_ptr<timer_waits>& waits, time_point due) {
    using plain = std::decay_t<Handler>;
    using wait = timer_wait_for<plain>;
    plain moved(std::forward<Handler>(handler));
    const auto memory = handler_allocator<wait>(moved);
    wait* const w = allocate_object<wait>(memory, std::move(moved), ex, waits);
    const boost::intrusive_ptr<timer_waits> keep = waits;  // the wait may end, and free itself, inside start
    w->listen();
    keep->start(*w, due);
}

}  // namespace kedge::detail
