// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/reuse.hpp>
#include <kedge/detail/unique_function.hpp>
#include <kedge/http/impl/request_text.hpp>
#include <kedge/http/impl/response_reader.hpp>
#include <kedge/http/impl/tls_context.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kedge::http::detail {

/// Where the connections of one client lead to, and how far they get.
struct destination {
    using address_rule = std::function<bool(const boost::asio::ip::address&)>;

    destination(url u, std::shared_ptr<tls_context> context, nanoseconds connect_timeout, address_rule rule)
        : to(std::move(u)), tls(std::move(context)), limit(connect_timeout), allows(std::move(rule)) {}

    const url to;
    const std::shared_ptr<tls_context> tls;  ///< null: plain text
    const nanoseconds limit;                 ///< for name, TCP and TLS together; the pool stops what takes longer
    const address_rule allows;               ///< null: all
    std::atomic<send_phase> dialing{send_phase::none}, failed{send_phase::none};  ///< of the latest attempts
};

/** One HTTP/1.1 connection that is kept alive. One step at a time; @ref hang_up ends the one under way, from any thread.
 *  Otherwise not thread-safe. */
class connection {
public:
    connection(const boost::asio::any_io_executor& ex, std::shared_ptr<destination> to)
        : to_(std::move(to)), executor_(ex), runtime_(runtime::of(ex)), socket_(ex) {}

    const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

    /// Opens on `on`; `done` is called there.
    void open(const boost::asio::any_io_executor& on, boost::asio::cancellation_slot slot,
              kedge::detail::unique_function<void(error_code)> done);

    /// Writes all of a request, whose body may stand elsewhere; `done(error_code, std::size_t)`.
    template <class Done> void write(const std::string& text, std::string_view body, Done done) {
        idle_ = false;
        const std::array<boost::asio::const_buffer, 2> all{boost::asio::buffer(text), boost::asio::buffer(body)};
        if (stream_) boost::asio::async_write(*stream_, all, std::move(done));
        else boost::asio::async_write(socket_, all, std::move(done));
    }
    /// Reads some of its answer, for @ref take.
    template <class Done> void read(Done done) {
        if (stream_) stream_->async_read_some(boost::asio::buffer(buffer_), std::move(done));
        else socket_.async_read_some(boost::asio::buffer(buffer_), std::move(done));
    }
    /// What was read, or why nothing was.
    void take(std::size_t count, error_code& ec, response_reader&, send_phase&);

    reuse state() const noexcept { return idle_ ? reuse::clean : reuse::broken; }
    /// The server closed, speaks unasked, or is about to close. Before the first answer TLS 1.3 sends session tickets, which
    /// are no harm.
    bool is_dead() noexcept;
    bool is_fresh() const noexcept { return !used_; }
    /// Nothing comes or goes any more. It closes nothing and so may interrupt a step; the connection is broken.
    void hang_up() noexcept;
    void close() noexcept;

private:
    using tcp = boost::asio::ip::tcp;

    static boost::asio::awaitable<void> open_by(connection&, error_code&);
    boost::asio::awaitable<error_code> connect(time_point end);
    boost::asio::awaitable<error_code> connect_to(const tcp::endpoint& address, time_point until);
    void reached(send_phase phase) noexcept { to_->dialing.store(phase, std::memory_order_relaxed); }
    boost::asio::awaitable<error_code> shake_hands();
    bool has_leftovers() noexcept;
    void note_keep_alive(const response& answer) noexcept;

    std::shared_ptr<destination> to_;
    boost::asio::any_io_executor executor_;
    runtime& runtime_;
    tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<tcp::socket&>> stream_;
    std::array<char, 8192> buffer_;
    time_point retire_at_ = time_point::max();  // when the server said it would close
    bool idle_ = false, used_ = false;
};

/// What @ref connection_pool asks for.
class connector {
public:
    explicit connector(std::shared_ptr<destination> to) : to_(std::move(to)) {}

    std::unique_ptr<connection> create(const boost::asio::any_io_executor& ex) const {
        return std::make_unique<connection>(ex, to_);
    }

    template <class Token> auto async_connect(connection& c, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [&c](auto handler) {
                const auto slot = boost::asio::get_associated_cancellation_slot(handler);
                const boost::asio::any_io_executor on = boost::asio::get_associated_executor(handler, c.executor());
                c.open(on, slot, [h = std::move(handler)](error_code ec) mutable { std::move(h)(ec); });
            },
            token);
    }

    void close(connection& c) const noexcept { c.close(); }
    static reuse inspect(const connection& c) noexcept { return c.state(); }
    bool is_dead(connection& c) const noexcept { return c.is_dead(); }

private:
    std::shared_ptr<destination> to_;
};

}  // namespace kedge::http::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/connection.ipp>
#endif
