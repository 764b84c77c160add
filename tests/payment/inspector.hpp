// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "openapi.hpp"

#include <kedge/payment/exchange.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

namespace payment_test {

inline openapi described_in(const char* path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return openapi(text.str());
}

/// Between client and provider: checks what goes and what comes.
struct inspector final : kedge::payment::exchange {
    inspector(const openapi& by, std::shared_ptr<kedge::payment::exchange> b) : api(by), behind(std::move(b)) {}

    void start(const kedge::payment::request& what, const kedge::attempt& of, kedge::payment::exchange_handler handler) override {
        for (const std::string& one : api.check(what)) wrong.push_back("request: " + one);
        const auto ex = handler.get_executor();
        const auto slot = handler.get_cancellation_slot();
        auto look = [this, what, handler = std::move(handler)](kedge::error_code ec, kedge::payment::response r,
                                                               kedge::payment::send_phase phase) mutable {
            ++answers;
            if (!ec)
                for (const std::string& one : api.check(what, r)) wrong.push_back("answer: " + one);
            handler(ec, std::move(r), phase);
        };
        behind->start(what, of, kedge::payment::exchange_handler(boost::asio::bind_cancellation_slot(slot, std::move(look)), ex));
    }

    const openapi& api;
    std::shared_ptr<kedge::payment::exchange> behind;
    complaints wrong{};
    int answers = 0;
};

}  // namespace payment_test
