// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace kedge::testing {

namespace detail {

inline http::request parse_request(std::string_view head) {
    http::request r;
    auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const auto first = line.find(' '), second = line.rfind(' ');
    r.method = std::string(line.substr(0, first));
    r.target = std::string(line.substr(first + 1, second - first - 1));
    while (end != std::string_view::npos) {
        const auto begin = end + 2;
        end = head.find("\r\n", begin);
        const std::string_view field = head.substr(begin, end == std::string_view::npos ? end : end - begin);
        const auto colon = field.find(": ");
        if (colon == std::string_view::npos) break;
        r.headers.push_back({std::string(field.substr(0, colon)), std::string(field.substr(colon + 2))});
    }
    return r;
}

inline std::string header_of(const http::request& r, std::string_view name) {
    for (const http::header& h : r.headers)
        if (http::detail::same_name(h.name, name)) return h.value;
    return {};
}

/// The text after `"name":"`; enough for requests of our own.
inline std::string json_text(const std::string& body, const std::string& name) {
    const auto at = body.find("\"" + name + "\":\"");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return body.substr(begin, body.find('"', begin) - begin);
}

inline std::string text_of(const served& s) {
    if (s.how == served::way::raw || s.how == served::way::raw_and_stay) return s.body;
    std::string out = "HTTP/1.1 " + std::to_string(s.status) + " Scripted\r\nContent-Type: application/json\r\n";
    for (const http::header& h : s.headers) out += h.name + ": " + h.value + "\r\n";
    return out + "Content-Length: " + std::to_string(s.body.size()) + "\r\n\r\n" + s.body;
}

}  // namespace detail

KEDGE_DECL https_server::https_server(certificate_kind kind, bool tls) : identity_(detail::make_identity(kind)), encrypted_(tls) {
    tls_.use_certificate_chain(boost::asio::buffer(identity_.certificate));
    tls_.use_private_key(boost::asio::buffer(identity_.key), boost::asio::ssl::context::pem);
    const tcp::endpoint at(boost::asio::ip::address_v4::loopback(), 0);
    acceptor_.open(at.protocol());
    acceptor_.bind(at);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    boost::asio::co_spawn(io_, accept(*this), boost::asio::detached);
    thread_ = std::thread([this] { io_.run(); });
}

KEDGE_DECL https_server::~https_server() {
    io_.stop();
    thread_.join();
}

KEDGE_DECL std::string https_server::url(const std::string& host) const {
    return (encrypted_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

KEDGE_DECL https_server& https_server::next(served what, int times) {
    const std::lock_guard lock(mutex_);
    script_.insert(script_.end(), static_cast<std::size_t>(times), what);
    return *this;
}

KEDGE_DECL https_server& https_server::always(served what) {
    const std::lock_guard lock(mutex_);
    otherwise_ = std::move(what);
    return *this;
}

KEDGE_DECL https_server& https_server::pattern(std::string_view steps) {
    for (const char c : steps) next({.how = c == 'x' ? served::way::reset_at_once : served::way::answer});
    return *this;
}

KEDGE_DECL https_server& https_server::silent_until(time_point when) {
    const std::lock_guard lock(mutex_);
    silent_until_ = when;
    return *this;
}

KEDGE_DECL int https_server::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}
KEDGE_DECL int https_server::requests() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(heard_.size());
}
KEDGE_DECL int https_server::charges() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(charged_.size());
}
KEDGE_DECL std::vector<http::request> https_server::heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
}

KEDGE_DECL boost::asio::awaitable<void> https_server::accept(https_server& self) {
    for (;;) {
        tcp::socket socket = co_await self.acceptor_.async_accept(boost::asio::use_awaitable);
        {
            const std::lock_guard lock(self.mutex_);
            ++self.connections_;
        }
        boost::asio::awaitable<void> serving = serve_connection(self, std::move(socket));
        boost::asio::co_spawn(self.io_, std::move(serving), boost::asio::detached);
    }
}

KEDGE_DECL boost::asio::awaitable<void> https_server::serve_connection(https_server& self, tcp::socket socket) {
    try {
        if (!self.encrypted_) {
            co_await serve(self, socket, socket);
            co_return;
        }
        boost::asio::ssl::stream<tcp::socket&> stream(socket, self.tls_);
        co_await stream.async_handshake(boost::asio::ssl::stream_base::server, boost::asio::use_awaitable);
        co_await serve(self, stream, socket);
    } catch (const std::exception&) {  // the client went away
    }
}

template <class Stream>
boost::asio::awaitable<void> https_server::serve(https_server& self, Stream& stream, tcp::socket& raw) {
    using way = served::way;
    std::string input;
    for (;;) {
        auto buffer = boost::asio::dynamic_buffer(input);
        const std::size_t head = co_await boost::asio::async_read_until(stream, buffer, "\r\n\r\n", boost::asio::use_awaitable);
        http::request r = detail::parse_request(std::string_view(input).substr(0, head));
        input.erase(0, head);
        const std::string length = detail::header_of(r, "content-length");
        const std::size_t size = length.empty() ? 0 : std::stoul(length);
        if (input.size() < size) {
            const auto missing = boost::asio::transfer_exactly(size - input.size());
            co_await boost::asio::async_read(stream, buffer, missing, boost::asio::use_awaitable);
        }
        r.body = input.substr(0, size);
        input.erase(0, size);
        const served todo = self.decide(r);
        if (todo.delay > nanoseconds(0)) co_await async_sleep(self.io_, todo.delay, boost::asio::use_awaitable);
        if (todo.how == way::reset || todo.how == way::reset_at_once) {
            raw.set_option(boost::asio::socket_base::linger(true, 0));
            raw.close();
            co_return;
        }
        if (todo.how == way::silence) continue;
        const std::string text = detail::text_of(todo);
        co_await boost::asio::async_write(stream, boost::asio::buffer(text), boost::asio::use_awaitable);
        if (todo.how == way::raw) co_return;
    }
}

KEDGE_DECL served https_server::decide(const http::request& r) {
    using way = served::way;
    const std::lock_guard lock(mutex_);
    heard_.push_back(r);
    served todo = otherwise_;
    if (!script_.empty()) {
        todo = std::move(script_.front());
        script_.pop_front();
    }
    todo.delay = std::max(todo.delay, silent_until_ - now());
    if (todo.how == way::answer || todo.how == way::silence || todo.how == way::reset) execute(r);
    if (todo.how != way::answer) return todo;
    served answer = provide(r);
    answer.delay = todo.delay;
    return answer;
}

KEDGE_DECL void https_server::execute(const http::request& r) {
    const std::string key = detail::header_of(r, "idempotency-key");
    if (r.method != "POST" || r.target != "/v1/charges" || key.empty()) return;
    const std::string id = "ch_" + std::to_string(charged_.size() + 1);
    charged_.try_emplace(key, "{\"id\":\"" + id + "\",\"status\":\"succeeded\",\"amount\":\"" +
                                  detail::json_text(r.body, "amount") + "\",\"currency\":\"" +
                                  detail::json_text(r.body, "currency") + "\",\"idempotency_key\":\"" + key + "\"}");
}

KEDGE_DECL served https_server::provide(const http::request& r) {
    constexpr std::string_view by_key = "/v1/charges?idempotency_key=";
    std::string key = detail::header_of(r, "idempotency-key");
    if (r.target.starts_with(by_key)) key = r.target.substr(by_key.size());
    if (const auto found = charged_.find(key); found != charged_.end())
        return {served::way::reply, 200, {}, found->second, {}};
    if (r.target == "/health") return {served::way::reply, 200, {}, "{\"status\":\"ok\"}", {}};
    return {served::way::reply, 404, {}, "{\"error\":{\"code\":\"not_found\",\"message\":\"no such charge\"}}", {}};
}

}  // namespace kedge::testing
