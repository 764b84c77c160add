// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <netdb.h>

namespace kedge {
namespace detail {

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

inline error_code resolver_error(int code) noexcept {
    namespace error = boost::asio::error;
    switch (code) {
    case 0: return {};
    case EAI_AGAIN: return error::host_not_found_try_again;
    case EAI_BADFLAGS: return error::invalid_argument;
    case EAI_FAIL: return error::no_recovery;
    case EAI_FAMILY: return error::address_family_not_supported;
    case EAI_MEMORY: return error::no_memory;
    case EAI_SERVICE: return error::service_not_found;
    case EAI_SOCKTYPE: return error::socket_type_not_supported;
    case EAI_SYSTEM: return {errno, boost::system::system_category()};
    default: return error::host_not_found;
    }
}

/// Blocks for as long as the system's resolver does.
inline error_code resolve_now(const std::string& host, const std::string& service, endpoints& found) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &list)) return resolver_error(code);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &::freeaddrinfo);
    for (const addrinfo* a = list; a; a = a->ai_next) {
        boost::asio::ip::tcp::endpoint e;
        if (a->ai_addrlen > e.capacity()) continue;
        std::memcpy(e.data(), a->ai_addr, a->ai_addrlen);
        e.resize(a->ai_addrlen);
        found.push_back(e);
    }
    return {};
}

/// Without the network and without files: addresses, and `localhost`; services by number.
inline error_code resolve_literal(const std::string& host, const std::string& service, endpoints& found) {
    error_code ec;
    const auto address = boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
    if (ec) return boost::asio::error::host_not_found;
    unsigned short port = 0;
    const auto [end, failure] = std::from_chars(service.data(), service.data() + service.size(), port);
    if (failure != std::errc() || end != service.data() + service.size()) return boost::asio::error::service_not_found;
    found.emplace_back(address, port);
    return {};
}

/// One look-up. Whoever claims it, the answer or a cancellation, posts the completion.
template <class Handler> class name_lookup : public std::enable_shared_from_this<name_lookup<Handler>> {
    using executor = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    using tracked = std::decay_t<typename boost::asio::prefer_result<
        const executor&, boost::asio::execution::outstanding_work_t::tracked_t>::type>;

public:
    name_lookup(Handler&& handler, const boost::asio::any_io_executor& ex)
        : handler_(std::move(handler)),
          work_(boost::asio::prefer(boost::asio::get_associated_executor(handler_, ex),
                                    boost::asio::execution::outstanding_work.tracked)) {}

    /// The slot holds no ownership: it may lie in what the handler owns.
    void listen() {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type_t type) {
            if (type == boost::asio::cancellation_type::none) return;
            if (const auto self = weak.lock()) self->finish(boost::asio::error::operation_aborted, {});
        });
    }

    void finish(error_code ec, endpoints found) {
        if (claimed_.exchange(true, std::memory_order_acq_rel)) return;
        const tracked ex = work_;
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

    std::atomic<bool> claimed_{false};
    Handler handler_;
    tracked work_;
};

struct start_lookup {
    runtime* rt;

    template <class Handler> void operator()(Handler&& handler, std::string host, std::string service) const {
        using plain = std::decay_t<Handler>;
        const auto state =
            std::make_shared<name_lookup<plain>>(plain(std::forward<Handler>(handler)), rt->executor());
        state->listen();
        rt->run_blocking([state, host = std::move(host), service = std::move(service),
                          resolve = rt->is_virtual() ? &resolve_literal : &resolve_now]() mutable {
            endpoints found;
            const error_code ec = state->wanted() ? resolve(host, service, found) : error_code();
            state->finish(ec, std::move(found));
        });
    }
};

}  // namespace detail

template <class Token> auto runtime::async_resolve(std::string host, std::string service, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, detail::endpoints)>(
        detail::start_lookup{this}, token, std::move(host), std::move(service));
}

}  // namespace kedge
