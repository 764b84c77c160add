// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/detail/resolve.hpp>
#include <kedge/http/impl/addresses.hpp>
#include <kedge/http/impl/connection.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/ssl.h>

#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace kedge::http::detail {

namespace asio = boost::asio;

/// The completion of @ref connection::open: the error lies beside the coroutine, since only cancellation throws.
struct opening_done {
    std::unique_ptr<error_code> ec;
    kedge::detail::unique_function<void(error_code)> done;

    void operator()(const std::exception_ptr& thrown) { done(thrown ? error_code(asio::error::operation_aborted) : *ec); }
};

KEDGE_DECL void connection::open(const asio::any_io_executor& on, asio::cancellation_slot slot,
                                 kedge::detail::unique_function<void(error_code)> done) {
    auto ec = std::make_unique<error_code>();
    asio::awaitable<void> opening = open_by(*this, *ec);
    opening_done finish{std::move(ec), std::move(done)};
    asio::co_spawn(on, std::move(opening), asio::bind_cancellation_slot(slot, std::move(finish)));
}

/// However a dial ends, by a throw too: how far it got.
struct failure_note {
    destination& of;

    ~failure_note() { of.failed.store(of.dialing.load(std::memory_order_relaxed), std::memory_order_relaxed); }
};

KEDGE_DECL asio::awaitable<void> connection::open_by(connection& self, error_code& ec) {
    const failure_note note{*self.to_};
    self.reached(send_phase::none);
    ec = co_await self.connect(core::saturating_add(self.runtime_.now(), self.to_->limit));
    if (!ec && self.to_->tls) ec = co_await self.shake_hands();
    self.idle_ = !ec;
    if (!ec) self.reached(send_phase::none);  // nothing is being dialled any more
}

KEDGE_DECL asio::awaitable<error_code> connection::connect(time_point end) {
    error_code ec;
    auto found = co_await runtime_.async_resolve(to_->to.host, std::to_string(to_->to.port),
                                                 asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return ec;
    reached(send_phase::resolved);
    ec = asio::error::host_not_found;
    if (to_->allows && std::erase_if(found, [&](const tcp::endpoint& e) { return !to_->allows(e.address()); }) > 0)
        ec = errc::address_not_allowed;
    const auto addresses = addresses_to_try(found);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        ec = co_await connect_to(addresses[i], end_of_share(runtime_.now(), end, addresses.size() - i));
        if (!ec || ec == asio::error::operation_aborted) break;
    }
    if (ec) co_return ec;
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    reached(send_phase::connected);
    co_return error_code();
}

class said_at_end {
public:
    explicit said_at_end(bool& flag) noexcept : flag_(flag) {}
    said_at_end(const said_at_end&) = delete;
    ~said_at_end() { flag_ = true; }

private:
    bool& flag_;
};

KEDGE_DECL asio::awaitable<error_code> connection::connect_to(const tcp::endpoint& address, time_point until) {
    const auto over = std::make_shared<bool>(false);
    const said_at_end ended(*over);  // also by a throw: the timer may have fired, and be told in a moment
    timer limit(co_await asio::this_coro::executor);
    limit.expires_at(until);
    limit.async_wait([this, over](error_code ec) {
        if (!ec && !std::exchange(*over, true)) close();
    });
    close();
    error_code ec;
    co_await socket_.async_connect(address, asio::redirect_error(asio::use_awaitable, ec));
    co_return *over ? error_code(asio::error::timed_out) : ec;
}

KEDGE_DECL asio::awaitable<error_code> connection::shake_hands() {
    tls_context& tls = *to_->tls;
    stream_.emplace(socket_, tls.get());
    SSL* const ssl = stream_->native_handle();
    SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);  // Asio sets it: 33 KiB taken and freed again for each request
    error_code ec = expect_host(ssl, to_->to);
    if (ec) co_return ec;
    tls.resume(ssl, runtime_.wall_now());
    co_await stream_->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
    if (ec && ec != asio::error::operation_aborted && SSL_get_verify_result(ssl) != X509_V_OK) ec = errc::not_verified;
    if (!ec && !is_verified(ssl)) ec = errc::not_verified;
    // A session whose certificate has expired says nothing about the one that the next dial, without a session, is shown.
    if (ec == errc::not_verified && SSL_session_reused(ssl)) ec = asio::error::connection_aborted;
    if (ec == asio::ssl::error::stream_truncated) ec = asio::error::eof;
    if (ec) tls.drop_session();
    else reached(send_phase::tls_done);
    co_return ec;
}

KEDGE_DECL void connection::take(std::size_t count, error_code& ec, response_reader& reader, send_phase& phase) {
    if (ec && reader.began()) ec = errc::truncated;  // every answer says how long it is
    else if (ec == asio::ssl::error::stream_truncated) ec = asio::error::eof;
    if (ec) return;
    phase = send_phase::response_head;
    const bool leftovers = reader.feed({buffer_.data(), count}, ec) < count;
    if (ec || !reader.done()) return;
    phase = send_phase::response_done;
    used_ = true;
    note_keep_alive(reader.get());
    idle_ = reader.keep_alive() && !leftovers && !has_leftovers();
}

/// Bytes that nobody asked for would be taken for the next answer. Those that are here already; @ref is_dead finds the others.
KEDGE_DECL bool connection::has_leftovers() noexcept {
    if (!stream_) return false;
    SSL* const ssl = stream_->native_handle();
    return SSL_pending(ssl) > 0 || BIO_ctrl_pending(SSL_get_rbio(ssl)) > 0;
}

/// `Keep-Alive: timeout=5`: within that second the server closes, perhaps while a request is on its way.
KEDGE_DECL void connection::note_keep_alive(const response& answer) noexcept {
    constexpr std::string_view name = "timeout=";
    const std::string_view field = answer["keep-alive"];
    const auto at = field.find(name);
    unsigned seconds = 0;
    if (at == field.npos) return;
    const char* const begin = field.data() + at + name.size();
    if (std::from_chars(begin, field.data() + field.size(), seconds).ec != std::errc()) return;
    retire_at_ = runtime_.now() + std::chrono::seconds(seconds) - std::chrono::seconds(1);
}

KEDGE_DECL bool connection::is_dead() noexcept {
    if (runtime_.now() >= retire_at_) return true;
    char byte;
    const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return got == 0 || used_ || !stream_;
}

KEDGE_DECL void connection::hang_up() noexcept { ::shutdown(socket_.native_handle(), SHUT_RDWR); }

KEDGE_DECL void connection::close() noexcept {
    error_code ignored;
    idle_ = false;
    socket_.close(ignored);
}

}  // namespace kedge::http::detail
