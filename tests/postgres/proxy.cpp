// SPDX-License-Identifier: BSL-1.0
#include "proxy.hpp"

#include "statements.hpp"

#include <kedge/timer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <utility>

namespace asio = boost::asio;
using boost::system::error_code;

namespace test {

struct fault_proxy::orders {
    fault current = fault::none;
    std::string statement{};  // whose answer is to be lost, if there is any
    loss how = loss::silence;
    std::optional<std::size_t> corrupt{};  // so many more bytes of replies, then one that is inverted
    std::string requests{};
    int connections = 0, losses = 0;
};

/// Two sockets, and what flows between them.
class fault_proxy::link : public std::enable_shared_from_this<link> {
public:
    link(tcp::socket client, asio::io_context& io, orders& given)
        : orders_(given), client_(std::move(client)), server_(io), requests_{client_, server_, kedge::timer(io), true},
          replies_{server_, client_, kedge::timer(io), false} {
        client_.set_option(tcp::no_delay(true));
    }

    void start(const tcp::endpoint& server) {
        server_.async_connect(server, [self = shared_from_this()](error_code ec) {
            if (ec) return self->close();
            self->server_.set_option(tcp::no_delay(true));
            self->read(self->requests_);
            self->read(self->replies_);
        });
    }

    bool open() const { return client_.is_open(); }

    void close() {
        error_code ignored;
        client_.close(ignored);
        server_.close(ignored);
    }

    void reset() {
        error_code ignored;
        for (tcp::socket* s : {&client_, &server_}) s->set_option(asio::socket_base::linger(true, 0), ignored);
        close();
    }

    /// What was held back may go on now.
    void resume() {
        for (flow* f : {&requests_, &replies_}) {
            if (f->over) ended(*f);
            else if (std::exchange(f->held, false)) pass(*f);
        }
    }

private:
    struct flow {
        tcp::socket& from;
        tcp::socket& to;
        kedge::timer later;
        bool is_request;
        std::array<char, 64 * 1024> data{};
        std::size_t size = 0;
        bool held = false, over = false;
    };

    void read(flow& f) {
        f.from.async_read_some(asio::buffer(f.data), [self = shared_from_this(), &f](error_code ec, std::size_t n) {
            if (ec == asio::error::operation_aborted) return;
            f.size = n;
            if (ec) self->ended(f);
            else if (f.is_request) self->asked(f);
            else self->answered(f);
        });
    }

    /// A black hole does not tell that the other side is gone, either.
    void ended(flow& f) {
        f.over = true;
        if (!muted(f)) close();
    }

    void asked(flow& f) {
        const std::string_view bytes(f.data.data(), f.size);
        if (orders_.requests.size() < (1U << 20U)) orders_.requests += bytes;
        if (orders_.current == fault::hang_up) return close();
        if (!lost_ && statements_.executes(bytes, orders_.statement)) {
            statement_ = std::exchange(orders_.statement, {});
            lost_ = orders_.how;
            if (*lost_ == loss::before_execution) return lose();
        }
        pass(f);
    }

    void answered(flow& f) {
        if (lost_) return after_loss(f);
        if (orders_.corrupt) {
            if (*orders_.corrupt < f.size) {
                f.data[*orders_.corrupt] = static_cast<char>(~f.data[*orders_.corrupt]);
                orders_.corrupt.reset();
            } else {
                *orders_.corrupt -= f.size;
            }
        }
        pass(f);
    }

    /// Nothing of the answer gets through; the connection is reset when it is complete: executed.
    void after_loss(flow& f) {
        swallowed_.append(f.data.data(), f.size);
        if (!answer_complete(swallowed_, statement_)) return read(f);
        if (*lost_ == loss::after_execution) return lose();
        ++orders_.losses;
    }

    void lose() {
        ++orders_.losses;
        reset();
    }

    bool muted(const flow& f) const {
        return orders_.current == fault::mute ||
               orders_.current == (f.is_request ? fault::mute_requests : fault::mute_replies);
    }

    void pass(flow& f) {
        if (muted(f)) {
            f.held = true;
        } else if (orders_.current == fault::latency) {
            f.later.expires_after(std::chrono::milliseconds(200));
            f.later.async_wait([self = shared_from_this(), &f](error_code) { self->write(f, 0, f.size); });
        } else {
            write(f, 0, orders_.current == fault::slices ? 1 : f.size);
        }
    }

    void write(flow& f, std::size_t from, std::size_t count) {
        asio::async_write(f.to, asio::buffer(f.data.data() + from, count),
                          [self = shared_from_this(), &f, next = from + count](error_code ec, std::size_t) {
                              if (ec) self->close();
                              else if (next < f.size) self->write(f, next, 1);
                              else self->read(f);
                          });
    }

    orders& orders_;
    tcp::socket client_, server_;
    flow requests_, replies_;
    statement_reader statements_;
    std::optional<loss> lost_;
    std::string statement_, swallowed_;
};

fault_proxy::fault_proxy(std::uint16_t server_port)
    : server_(asio::ip::address_v4::loopback(), server_port), orders_(std::make_unique<orders>()) {
    acceptor_.open(tcp::v4());
    acceptor_.bind({asio::ip::address_v4::loopback(), 0});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { io_.run(); });
}

fault_proxy::~fault_proxy() {
    io_.stop();
    thread_.join();
}

void fault_proxy::accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket client) {
        if (ec) return;
        ++orders_->connections;
        std::erase_if(links_, [](const auto& one) { return one.expired(); });
        const auto made = std::make_shared<link>(std::move(client), io_, *orders_);
        links_.push_back(made);
        made->start(server_);
        accept();
    });
}

void fault_proxy::on_own_thread(const std::function<void()>& task) {
    std::packaged_task<void()> run(task);
    asio::post(io_, [&run] { run(); });
    run.get_future().get();
}

void fault_proxy::set(fault f) {
    on_own_thread([&] {
        orders_->current = f;
        for (const auto& one : links_)
            if (const auto alive = one.lock()) alive->resume();
    });
}

void fault_proxy::lose_answer_to(const std::string& statement, loss how) {
    on_own_thread([&] { orders_->statement = statement, orders_->how = how; });
}

void fault_proxy::corrupt_reply(std::size_t byte) {
    on_own_thread([&] { orders_->corrupt = byte; });
}

void fault_proxy::reset() {
    on_own_thread([&] {
        for (const auto& one : links_)
            if (const auto alive = one.lock()) alive->reset();
    });
}

int fault_proxy::connections() {
    int n = 0;
    on_own_thread([&] { n = orders_->connections; });
    return n;
}

int fault_proxy::open() {
    int n = 0;
    on_own_thread([&] {
        for (const auto& one : links_)
            if (const auto alive = one.lock()) n += alive->open();
    });
    return n;
}

int fault_proxy::losses() {
    int n = 0;
    on_own_thread([&] { n = orders_->losses; });
    return n;
}

bool fault_proxy::corrupted() {
    bool done = false;
    on_own_thread([&] { done = !orders_->corrupt.has_value(); });
    return done;
}

std::string fault_proxy::requests() {
    std::string all;
    on_own_thread([&] { all = orders_->requests; });
    return all;
}

}  // namespace test
