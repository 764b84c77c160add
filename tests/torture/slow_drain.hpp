// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "checked.hpp"

#include <kedge/core/reuse.hpp>

#include <memory>
#include <utility>

namespace torture {

/// Like libpq: an answer comes in rows, and after a cancelled query the server still sends them: the next to come would
/// read what is not his. Before the connection is lent again it is read empty, one await for each row.
struct slow_drain {
    struct connection : checked {
        using checked::checked;
        bool fit() const noexcept { return unread == 0; }
        template <class Token> auto async_use(Token&& token) {
            const auto step = [this](int i) { return unread = i == 0 ? 3 : unread - 1, error_code(); };
            return in_steps(*this, 4, step, std::forward<Token>(token));
        }
        int unread = 0;
    };
    std::shared_ptr<ledger> books;

    std::unique_ptr<connection> create(const asio::any_io_executor& ex) const {
        return std::make_unique<connection>(*books, ex);
    }
    template <class Token> auto async_connect(connection& c, Token&& token) const {
        const auto step = [&c](int i) { return i == 1 && c.books.one_in(16) ? asio::error::connection_refused : error_code(); };
        return in_steps(c, 2, step, std::forward<Token>(token));
    }
    template <class Token> auto async_reset(connection& c, Token&& token) const {
        const auto step = [&c](int i) { return c.unread -= i > 0, error_code(); };  // the first asks the server to stop
        return in_steps(c, 1 + c.unread, step, std::forward<Token>(token));
    }
    template <class Token> auto async_ping(connection& c, Token&& token) const {
        return in_steps(c, 1, [](int) { return error_code(); }, std::forward<Token>(token));
    }
    static kedge::reuse inspect(const connection& c) noexcept {
        return c.fit() ? kedge::reuse::clean : kedge::reuse::needs_reset;
    }
    void close(connection& c) const noexcept { c.is_closed(); }
};

}  // namespace torture
