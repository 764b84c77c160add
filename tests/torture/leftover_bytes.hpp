// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "checked.hpp"

#include <kedge/core/reuse.hpp>

#include <memory>
#include <utility>

namespace torture {

/// Like HTTP: what was read only in part cannot be continued, and a server that has time says goodbye, or says too much:
/// whoever reads next would take that for his answer. Nothing can be reset.
struct leftover_bytes {
    struct connection : checked {
        using checked::checked;
        bool fit() const noexcept { return missing == 0; }
        template <class Token> auto async_use(Token&& token) {
            const auto step = [this](int i) {
                if (i == 0 && leftover) return error_code(asio::error::eof);
                missing = 2 - i;
                leftover = fit() && books.one_in(8);
                return error_code();
            };
            return in_steps(*this, 3, step, std::forward<Token>(token));
        }
        int missing = 0;
        bool leftover = false;
    };
    std::shared_ptr<ledger> books;

    std::unique_ptr<connection> create(const asio::any_io_executor& ex) const {
        return std::make_unique<connection>(*books, ex);
    }
    template <class Token> auto async_connect(connection& c, Token&& token) const {
        return in_steps(c, 1, [](int) { return error_code(); }, std::forward<Token>(token));
    }
    static kedge::reuse inspect(const connection& c) noexcept {
        return c.fit() ? kedge::reuse::clean : kedge::reuse::broken;
    }
    bool is_dead(connection& c) const noexcept { return c.touched(), c.leftover; }
    void close(connection& c) const noexcept { c.is_closed(); }
};

}  // namespace torture
