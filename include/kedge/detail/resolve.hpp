// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/resolve_system.hpp>
#include <kedge/detail/resolve_threads.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/error.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace kedge {
namespace detail {

/// One call for a name. Whoever claims it, the answer or a cancellation, posts the completion.
template <class Handler>
class name_lookup final : public lookup_waiter, public std::enable_shared_from_this<name_lookup<Handler>> {
    using home = tracked_home<Handler>;

public:
    name_lookup(Handler&& handler, const boost::asio::any_io_executor& ex, std::weak_ptr<name_lookups> all)
        : all_(std::move(all)), handler_(std::move(handler)),
          work_(track_home(handler_, ex)) {}

    /// The slot holds no ownership: it may lie in what the handler owns.
    void listen() {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type_t type) {
            if (type == boost::asio::cancellation_type::none) return;
            const auto self = weak.lock();
            if (!self) return;
            self->finish(boost::asio::error::operation_aborted, {});
            if (const auto all = self->all_.lock()) all->leave(self.get());
        });
    }

    void finish(error_code ec, endpoints found) override {
        if (claimed_.exchange(true, std::memory_order_acq_rel)) return;
        const home ex = work_;
        boost::asio::post(ex, completion{this->shared_from_this(), ec, std::move(found)});
    }

    bool wanted() const noexcept { return !claimed_.load(std::memory_order_acquire); }

private:
    struct completion {
        std::shared_ptr<name_lookup> lookup;
        error_code ec;
        endpoints found;

        void operator()() {
            auto slot = boost::asio::get_associated_cancellation_slot(lookup->handler_);
            if (slot.is_connected()) slot.clear();
            Handler handler(std::move(lookup->handler_));
            lookup.reset();
            std::move(handler)(ec, std::move(found));
        }
    };

    std::weak_ptr<name_lookups> all_;
    std::atomic<bool> claimed_{false};
    Handler handler_;
    home work_;
};

class start_lookup {
public:
    explicit start_lookup(runtime* on) noexcept : rt_(on) {}

    template <class Handler> void operator()(Handler&& handler, std::string host, std::string service) const {
        using plain = std::decay_t<Handler>;
        const auto all = boost::asio::use_service<lookup_service>(rt_->context()).lookups();
        const auto state = std::make_shared<name_lookup<plain>>(plain(std::forward<Handler>(handler)), rt_->executor(), all);
        state->listen();
        if (rt_->is_virtual()) return in_virtual_time(state, *all, std::move(host), std::move(service));
        endpoints found;  // what is an address needs nobody's help, and waits for no thread
        if (host != "localhost" && !resolve_literal(host, service, found)) return state->finish({}, std::move(found));
        all->ask(std::move(host), std::move(service), state);
    }

private:
    template <class State>
    void in_virtual_time(const State& state, name_lookups& all, std::string host, std::string service) const {
        rt_->run_blocking([state, host = std::move(host), service = std::move(service), look_up = all.scripted()]() mutable {
            endpoints found;
            error_code ec;
            if (state->wanted()) ec = look_up ? look_up(host, service, found) : resolve_literal(host, service, found);
            state->finish(ec, std::move(found));
        });
    }

    runtime* rt_;
};

}  // namespace detail

template <class Token> auto runtime::async_resolve(std::string host, std::string service, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, detail::endpoints)>(
        detail::start_lookup(this), token, std::move(host), std::move(service));
}

/** What the look-ups of the context of `ex` do. A name that hangs shows as `running` for as long as the system's resolver
 *  takes to give up; eight of them at a time, and others are `queued`. @par Thread safety  Safe from any thread. */
template <class Executor> lookup_snapshot lookups(const Executor& ex) {
    boost::asio::execution_context& context = boost::asio::query(ex, boost::asio::execution::context);
    return boost::asio::use_service<detail::lookup_service>(context).lookups()->snapshot();
}

}  // namespace kedge
