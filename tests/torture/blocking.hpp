// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "checked.hpp"

#include <kedge/core/reuse.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace torture {

/// Like SQLite: a worker thread does the work, statement by statement. Whoever wants it to stop can only ask, and waits.
struct blocking {
    struct connection : checked {
        using checked::checked;
        bool fit() const noexcept { return !in_transaction; }
        template <class Token> auto async_use(Token&& token) { return on_worker(3, true, std::forward<Token>(token)); }
        template <class Token> auto on_worker(int count, bool uses, Token&& token) {
            return asio::async_compose<Token, void(error_code)>(
                [this, count, uses, begun = false](auto& self) mutable {
                    auto slot = asio::get_associated_cancellation_slot(self);
                    if (!std::exchange(begun, true)) {
                        interrupted = false;
                        if (uses && slot.is_connected()) slot.assign([this](asio::cancellation_type) { interrupted = true; });
                    }
                    if (count-- == 0 || interrupted) return stop_listening(slot), self.complete(ended());
                    kedge::runtime::of(executor).run_blocking([this, uses, last = count == 0, s = std::move(self)]() mutable {
                        touched();
                        in_transaction = uses && (!last || interrupted);
                        asio::post(std::move(s));
                    });
                }, token, executor);
        }
        static void stop_listening(asio::cancellation_slot slot) { if (slot.is_connected()) slot.clear(); }
        error_code ended() const { return interrupted ? asio::error::operation_aborted : error_code(); }
        std::atomic<bool> interrupted{false};
        bool in_transaction = false;
    };
    std::shared_ptr<ledger> books;

    std::unique_ptr<connection> create(const asio::any_io_executor& e) const { return std::make_unique<connection>(*books, e); }
    template <class Token> auto async_connect(connection& c, Token&& t) { return c.on_worker(1, false, std::forward<Token>(t)); }
    template <class Token> auto async_reset(connection& c, Token&& t) { return c.on_worker(1, false, std::forward<Token>(t)); }
    static kedge::reuse inspect(const connection& c) noexcept {
        return c.fit() ? kedge::reuse::clean : kedge::reuse::needs_reset;
    }
    void close(connection& c) const noexcept { c.is_closed(); }
};

}  // namespace torture
