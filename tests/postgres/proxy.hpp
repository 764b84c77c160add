// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace test {

/** Stands between a client and the server on 127.0.0.1, and does to their connections what networks do.
 *
 *  A thread of its own serves it. Functions take effect before they return, for connections that are there and for those
 *  to come.
 *  @par Thread safety  Safe from any thread.
 */
class fault_proxy {
public:
    enum class fault : std::uint8_t {
        none,
        mute_requests,  ///< what the client sends is taken and kept, as a black hole does; sent on when the fault is gone
        mute_replies,   ///< the same for what the server sends
        mute,           ///< both
        slices,         ///< one byte at a time
        latency,        ///< 200 ms later, each way
        hang_up,        ///< closes when the client has said its first word
    };
    /// How the answer to a statement is lost.
    enum class loss : std::uint8_t {
        before_execution,  ///< the statement never arrives, and the connection is reset
        after_execution,   ///< it arrives and is executed, and the connection is reset
        silence,           ///< it arrives and is executed, and nothing ever comes back
    };

    explicit fault_proxy(std::uint16_t server_port);
    ~fault_proxy();
    fault_proxy(const fault_proxy&) = delete;
    fault_proxy& operator=(const fault_proxy&) = delete;

    std::uint16_t port() const noexcept { return port_; }

    void set(fault);
    /// Of the next statement with this text, in any case, on a connection without TLS; prepared or not.
    void lose_answer_to(const std::string& statement, loss);
    /// Inverts a byte, counted from 0 over all that servers will say from now on.
    void corrupt_reply(std::size_t byte);
    /// RST to both ends of all connections.
    void reset();

    int connections();           ///< accepted so far
    int open();                  ///< of these, not yet closed
    int losses();                ///< answers lost as @ref lose_answer_to wanted
    bool corrupted();            ///< the byte that was to be inverted has come
    std::string requests();      ///< the first megabyte of all that clients said

private:
    using tcp = boost::asio::ip::tcp;
    class link;
    struct orders;

    void accept();
    void on_own_thread(const std::function<void()>&);

    boost::asio::io_context io_{1};
    tcp::acceptor acceptor_{io_};
    tcp::endpoint server_;
    std::uint16_t port_ = 0;
    std::unique_ptr<orders> orders_;
    std::vector<std::weak_ptr<link>> links_;
    std::thread thread_;
};

}  // namespace test
