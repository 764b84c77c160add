// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../customers.hpp"

#include <kedge/http/client.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>

namespace incident::real {

/// A payment service on loopback that does what a scenario says, with a certificate made at its start; and the way to it.
class service {
public:
    explicit service(asio::io_context& io);

    kedge::testing::https_server& server() noexcept { return server_; }

    /// For a payment client.
    std::shared_ptr<kedge::payment::exchange> exchange() const;

    /// One request without policies, as the shop sent it before it had kedge: given up after 5000 ms, and that is all.
    asio::awaitable<kedge::error_code> charge_plainly(int number);

private:
    kedge::testing::https_server server_;
    kedge::http::client http_;
};

}  // namespace incident::real
