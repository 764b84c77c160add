// SPDX-License-Identifier: BSL-1.0
// What a request costs its client over TLS on loopback: on 20 connections that 64 coroutines share, and on a new one each time.
// The server has a thread of its own, whose time is not counted.

#include <kedge/http/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <support/harness.hpp>
#include <support/loop.hpp>
#include <support/tls_server.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace kedge_bench;
namespace beast_http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr int tasks = 64, connections = 20;

void require(bool good) {
    if (!good) throw std::runtime_error("a request failed");
}

/// Beast as its examples use it, verified, without any limit.
class beast_client {
public:
    explicit beast_client(const tls_server& server) : port_(server.port()), idle_(context.io, connections) {
        tls_.add_certificate_authority(asio::buffer(server.ca()));
        tls_.set_verify_mode(asio::ssl::verify_peer);
        tls_.set_verify_callback(asio::ssl::host_name_verification("localhost"));
        last_ = request_ = {beast_http::verb::get, "/health", 11};
        last_.target("/last");
        for (auto* r : {&request_, &last_}) r->set(beast_http::field::host, "localhost:" + std::to_string(port_));
    }

    /// On one of the connections that are kept; they are opened as they are needed.
    asio::awaitable<void> shared() {
        if (opened_ < connections) {
            ++opened_;
            auto made = std::make_unique<connection>(context.io, tls_);
            co_await open(*made);
            idle_.try_send(error_code(), made.get());
            all_.push_back(std::move(made));
        }
        connection* const held = co_await idle_.async_receive(asio::use_awaitable);
        co_await exchange(*held, request_);
        idle_.try_send(error_code(), held);
    }

    asio::awaitable<void> alone() {
        connection fresh(context.io, tls_);
        co_await open(fresh);
        co_await exchange(fresh, last_);
    }

    busy_context context{1};

private:
    struct connection {
        asio::ssl::stream<tcp::socket> stream;
        boost::beast::flat_buffer buffer{};

        connection(asio::io_context& io, asio::ssl::context& tls) : stream(io, tls) {}
    };

    asio::awaitable<void> open(connection& c) {
        tcp::socket& socket = c.stream.next_layer();
        const tcp::endpoint to(asio::ip::address_v4::loopback(), port_);
        co_await socket.async_connect(to, asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        SSL_set_tlsext_host_name(c.stream.native_handle(), "localhost");
        co_await c.stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    }

    using empty_request = beast_http::request<beast_http::empty_body>;

    asio::awaitable<void> exchange(connection& c, const empty_request& what) {
        co_await beast_http::async_write(c.stream, what, asio::use_awaitable);
        beast_http::response<beast_http::string_body> answer;
        co_await beast_http::async_read(c.stream, c.buffer, answer, asio::use_awaitable);
        require(answer.result_int() == 200);
    }

    std::uint16_t port_;
    asio::ssl::context tls_{asio::ssl::context::tls_client};
    empty_request request_, last_;
    asio::experimental::channel<void(error_code, connection*)> idle_;
    std::vector<std::unique_ptr<connection>> all_;
    int opened_ = 0;
};

class kedge_client {
public:
    kedge_client(const tls_server& server, bool resume) : client_(context.io, options(server, resume)) {
        request_ = {"GET", "/health"};
        last_ = {"GET", "/last"};
    }

    asio::awaitable<void> shared() {
        const auto [answer, phase] = co_await client_.async_request(request_, asio::use_awaitable);
        require(answer.status == 200);
    }

    /// The server wants no more on that connection.
    asio::awaitable<void> alone() {
        const auto [answer, phase] = co_await client_.async_request(last_, asio::use_awaitable);
        require(answer.status == 200);
    }

    busy_context context{1};

private:
    static kedge::http::client_options options(const tls_server& server, bool resume) {
        const std::string url = "https://127.0.0.1:" + std::to_string(server.port());
        kedge::http::client_options o{.url = url, .max_connections = connections};
        o.tls = {.ca_pem = server.ca(), .resume = resume};
        return o;
    }

    kedge::http::client client_;
    kedge::http::request request_, last_;
};

/// `count` coroutines that ask until the crowd as a whole has done it often enough.
template <class Client, class Ask> void ask_by(Client& client, int count, std::uint64_t n, Ask ask) {
    std::uint64_t left = n;
    int running = count;
    struct caller {
        static asio::awaitable<void> run(Client& client, std::uint64_t& left, int& running, Ask ask) {
            while (left > 0) {
                --left;
                co_await (client.*ask)();
            }
            if (--running == 0) client.context.io.stop();
        }
    };
    const auto failed = [](const std::exception_ptr& e) {
        if (e) std::rethrow_exception(e);
    };
    for (int i = 0; i < count; ++i) {
        asio::awaitable<void> calling = caller::run(client, left, running, ask);
        asio::co_spawn(client.context.io, std::move(calling), failed);
    }
    client.context.io.run();
    client.context.io.restart();
}

template <class Client> void add_rows(suite& s, const std::shared_ptr<Client>& client, row shared, row alone) {
    shared.run = [client](int, std::uint64_t n) { ask_by(*client, tasks, n, &Client::shared); };
    alone.run = [client](int, std::uint64_t n) { ask_by(*client, 1, n, &Client::alone); };
    s.add(std::move(shared));
    s.add(std::move(alone));
}

}  // namespace

int main(int argc, char** argv) {
    suite s(argc, argv);
    const tls_server server;
    add_rows(s, std::make_shared<beast_client>(server), {.name = "beast/keepalive/20x64"}, {.name = "beast/connect"});
    add_rows(s, std::make_shared<kedge_client>(server, false),
             {.name = "https/keepalive/20x64", .baseline = "beast/keepalive/20x64", .target_ratio = 1.03},
             {.name = "https/connect", .baseline = "beast/connect"});
    const auto resuming = std::make_shared<kedge_client>(server, true);
    s.add({.name = "https/connect/resumed", .baseline = "beast/connect", .run = [resuming](int, std::uint64_t n) {
               ask_by(*resuming, 1, n, &kedge_client::alone);
           }, .target_ratio = 0.4});
    s.play();
}
