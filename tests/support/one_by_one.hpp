// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "byte_channel.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include <sys/socket.h>

namespace kedge_test {

/** The frame of a server on loopback: it serves one connection after the other, on a thread of its own.
 *
 *  The last member of a server: its end breaks the connection that is being served, and waits for the thread.
 *  @par Thread safety  Safe from any thread. */
class one_by_one {
public:
    using tcp = boost::asio::ip::tcp;
    /// Gets a blocking socket, and is done with it when it returns.
    using service = std::function<void(tcp::socket&)>;

    explicit one_by_one(service each, const char* address = "127.0.0.1")
        : acceptor_(io_, tcp::endpoint(boost::asio::ip::make_address(address), 0)),
          thread_([this, each = std::move(each)] { serve(each); }) {}
    ~one_by_one() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
            if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);
        }
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    one_by_one(const one_by_one&) = delete;
    one_by_one& operator=(const one_by_one&) = delete;

    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
    /// Accepted so far.
    int connections() const {
        const std::lock_guard lock(mutex_);
        return begun_;
    }
    /// Until so many connections have ended here, and their clients can know.
    void wait_for_ends(int many) const {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ended_ >= many; });
    }

    /// For a service: until its client says something, which nobody has touched until this returns.
    void wait_for_bytes_on(int socket) {
        waits_on_ = socket;
        wait_for_bytes(socket);
        waits_on_ = -1;
    }
    /// Whether it waits for clients who have said nothing.
    bool quiet() const {
        const int socket = waits_on_;
        return socket >= 0 && !has_unread(socket) && !has_unread(listening_);
    }

private:
    void serve(const service& each) {
        for (;;) {
            boost::system::error_code ec;
            tcp::socket socket(io_);
            wait_for_bytes_on(listening_);
            acceptor_.accept(socket, ec);
            if (ec || !begin(socket.native_handle())) return;
            each(socket);
            leave();
            socket.close(ec);
            end();
        }
    }
    bool begin(int socket) {
        const std::lock_guard lock(mutex_);
        if (stopped_) return false;
        ++begun_;
        serving_ = socket;
        return true;
    }
    /// Before it is closed: the number may be another socket's then.
    void leave() {
        const std::lock_guard lock(mutex_);
        serving_ = -1;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        ++ended_;
        changed_.notify_all();
    }

    boost::asio::io_context io_;
    tcp::acceptor acceptor_;
    const int listening_ = acceptor_.native_handle();
    std::atomic<int> waits_on_{-1};
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    int begun_ = 0, ended_ = 0, serving_ = -1;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace kedge_test
