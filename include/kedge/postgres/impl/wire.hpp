// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <optional>
#include <string>
#include <utility>

#include <libpq-fe.h>

namespace kedge::postgres::detail {

/** libpq's connection and the readiness of its socket. libpq does all reading and writing; Asio only says when.
 *
 *  The descriptor is Asio's view of a socket that libpq owns: it is released before libpq closes the socket, and again
 *  whenever libpq has another one, as it may after each step of connecting.
 *
 *  For one thread at a time.
 */
class wire {
public:
    explicit wire(boost::asio::any_io_executor ex) : executor_(std::move(ex)) {}
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;
    ~wire() { close(); }

    PGconn* get() const noexcept { return conn_; }
    bool is_open() const noexcept { return conn_ != nullptr; }

    /// Takes ownership.
    void open(PGconn* made) noexcept {
        close();
        conn_ = made;
    }

    void close() noexcept {
        let_go();
        if (conn_ != nullptr) PQfinish(std::exchange(conn_, nullptr));
    }

    /// Watches the socket that libpq has now.
    void watch() {
        let_go();
        if (const int socket = PQsocket(conn_); socket >= 0) descriptor_.emplace(executor_, socket);
    }

    /// To be called before libpq may close the socket: afterwards its number may be somebody else's.
    void let_go() noexcept {
        if (!descriptor_) return;
        descriptor_->release();  // its waits end with operation_aborted
        descriptor_.reset();
    }

    bool has_socket() const noexcept { return descriptor_.has_value(); }

    template <class F> void when_readable(F f) {
        descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read, std::move(f));
    }
    template <class F> void when_writable(F f) {
        descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_write, std::move(f));
    }

private:
    const boost::asio::any_io_executor executor_;
    PGconn* conn_ = nullptr;
    std::optional<boost::asio::posix::stream_descriptor> descriptor_;
};

}  // namespace kedge::postgres::detail
