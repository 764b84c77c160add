// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "calls.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What an application throws by itself.
struct change_of_mind : std::runtime_error {
    change_of_mind() : std::runtime_error("changed my mind") {}
};

/// What runs between BEGIN and COMMIT, without its type, so that a unit compiles one transaction only.
using body = std::function<boost::asio::awaitable<void>(kedge::transaction&)>;

/// One transaction and what came of it.
struct transacted : asked {
    bool changed_mind = false;
};
using transacted_ptr = std::shared_ptr<transacted>;

inline transacted_ptr start_transaction(client& db, body work, kedge::transaction_options options = {}, kedge::call c = {}) {
    const auto call = std::make_shared<transacted>();
    c.report = &call->report;
    auto handler = boost::asio::bind_cancellation_slot(call->stop.slot(), [call](std::exception_ptr thrown) {
        error_code ec;
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& e) {
            ec = e.code();
        } catch (const change_of_mind&) {
            call->changed_mind = true;
        }
        call->finish(ec);
    });
    db.async_transaction(std::move(work), options, c, std::move(handler));
    return call;
}

inline transacted_ptr transact(boost::asio::io_context& io, client& db, body work, kedge::transaction_options options = {},
                               kedge::call c = {}) {
    const transacted_ptr call = start_transaction(db, std::move(work), options, c);
    finish(io, call);
    return call;
}

/// A body that executes these statements.
inline body statements(std::vector<std::string> texts, int* runs = nullptr) {
    return [texts = std::move(texts), runs](kedge::transaction& tx) -> boost::asio::awaitable<void> {
        if (runs) ++*runs;
        for (const std::string& text : texts)
            (void)co_await tx.async_query(kedge::dynamic_sql(text), kedge::params(), boost::asio::use_awaitable);
    };
}

}  // namespace test
