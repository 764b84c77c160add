// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <thread>
#include <type_traits>
#include <utility>

namespace torture {

/// A context whose other thread can be the faster one: while it is hasty, what is posted has run there before the post
/// returns. A race that is lost each time.
class hasty_context : public boost::asio::io_context {
public:
    class executor_type {
    public:
        explicit executor_type(hasty_context& context) noexcept : context_(&context) {}

        friend bool operator==(const executor_type&, const executor_type&) noexcept = default;

        boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
        static constexpr auto query(boost::asio::execution::blocking_t) noexcept {
            return boost::asio::execution::blocking.never;
        }

        template <class F> void execute(F&& f) const {
            if (!context_->hasty) return boost::asio::post(static_cast<io_context&>(*context_), std::forward<F>(f));
            std::decay_t<F> function(std::forward<F>(f));
            std::thread([function = std::move(function)]() mutable { std::move(function)(); }).join();
        }

    private:
        hasty_context* context_;
    };

    executor_type get_executor() noexcept { return executor_type(*this); }

    bool hasty = false;
};

}  // namespace torture
