// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server that answers every request alike, but for `/last`, after which it wants to close. Over TLS on loopback, as fast as
// Asio can; on a thread of its own.

#include <kedge/testing/detail/certificates.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <support/harness.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace kedge_bench {

class tls_server {
public:
    using tcp = boost::asio::ip::tcp;

    tls_server() {
        tls_.use_certificate_chain(boost::asio::buffer(identity_.certificate));
        tls_.use_private_key(boost::asio::buffer(identity_.key), boost::asio::ssl::context::pem);
        boost::asio::co_spawn(io_, accept(), boost::asio::detached);
        thread_ = std::thread([this] {
            pin(1);
            io_.run();
        });
    }
    ~tls_server() {
        io_.stop();
        thread_.join();
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    const std::string& ca() const noexcept { return identity_.ca; }

private:
    static constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
                                      last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

    boost::asio::awaitable<void> accept() {
        for (;;) {
            tcp::socket socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            boost::asio::awaitable<void> serving = serve(std::move(socket));
            boost::asio::co_spawn(io_, std::move(serving), boost::asio::detached);
        }
    }

    boost::asio::awaitable<void> serve(tcp::socket socket) {
        try {
            socket.set_option(tcp::no_delay(true));
            boost::asio::ssl::stream<tcp::socket&> stream(socket, tls_);
            co_await stream.async_handshake(boost::asio::ssl::stream_base::server, boost::asio::use_awaitable);
            for (std::string input;;) {
                auto buffer = boost::asio::dynamic_buffer(input);
                const auto size = co_await boost::asio::async_read_until(stream, buffer, "\r\n\r\n", boost::asio::use_awaitable);
                const auto bytes = boost::asio::buffer(input.starts_with("GET /last") ? last : answer);
                input.erase(0, size);
                co_await boost::asio::async_write(stream, bytes, boost::asio::use_awaitable);
            }
        } catch (const std::exception&) {  // the client went
        }
    }

    kedge::testing::detail::identity identity_ =
        kedge::testing::detail::make_identity(kedge::testing::certificate_kind::good);
    boost::asio::io_context io_{1};
    boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
    tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    std::thread thread_;
};

}  // namespace kedge_bench
