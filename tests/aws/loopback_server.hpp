// SPDX-License-Identifier: BSL-1.0
#pragma once
// A server on this machine that speaks plain HTTP, as those do that give keys to containers and instances.

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace kedge_test {

inline std::string http_answer(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Serves one connection after the other, on a thread of its own.
class loopback_server {
public:
    /// Gets the head of a request with its body, if that came at once; returns what is written, or nothing: it hangs up.
    using script = std::function<std::string(const std::string& request)>;

    explicit loopback_server(script each) : script_(std::move(each)), thread_([this] { serve(); }) {}
    ~loopback_server() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
            if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);
        }
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    loopback_server(const loopback_server&) = delete;
    loopback_server& operator=(const loopback_server&) = delete;

    std::string url(const std::string& host = "127.0.0.1") const {
        return "http://" + host + ":" + std::to_string(acceptor_.local_endpoint().port());
    }
    std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    int connections() const {
        const std::lock_guard lock(mutex_);
        return connections_;
    }

private:
    using tcp = boost::asio::ip::tcp;

    void serve() {
        for (;;) {
            boost::system::error_code ec;
            tcp::socket socket(io_);
            acceptor_.accept(socket, ec);
            if (ec || !begin(socket.native_handle())) return;
            std::string text;
            while (boost::asio::read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", ec) > 0) {
                note(text);
                const std::string answer = script_(std::exchange(text, {}));
                if (answer.empty()) break;
                boost::asio::write(socket, boost::asio::buffer(answer), ec);
            }
            const std::lock_guard lock(mutex_);
            serving_ = -1;
        }
    }
    bool begin(int socket) {
        const std::lock_guard lock(mutex_);
        ++connections_;
        serving_ = socket;
        return !stopped_;
    }
    void note(const std::string& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }

    const script script_;
    boost::asio::io_context io_;
    tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    int connections_ = 0, serving_ = -1;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace kedge_test
