// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/reuse.hpp>
#include <kedge/detail/operation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

// How a pool opens, resets, checks and closes its connections; the connector's type is forgotten here.

namespace kedge::detail {

class pool_task;
void pool_task_ended(pool_task&, const error_code&) noexcept;

/// Each connection is opened on a strand of its own: cancelling at the connect timeout must not race with its steps.
using pool_strand = boost::asio::strand<boost::asio::any_io_executor>;

/// The handler of everything that the pool itself starts. It reports exactly once, also when it is only destroyed.
class pool_task_done {
public:
    using executor_type = pool_strand;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    pool_task_done(std::shared_ptr<pool_task> task, pool_strand on, boost::asio::cancellation_slot slot)
        : task_(std::move(task)), executor_(std::move(on)), slot_(slot) {}
    pool_task_done(pool_task_done&&) = default;
    pool_task_done& operator=(pool_task_done&&) = delete;
    ~pool_task_done() {
        if (task_) (*this)(boost::asio::error::operation_aborted);
    }

    executor_type get_executor() const noexcept { return executor_; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

    void operator()(const error_code& ec) noexcept {
        const auto task = std::move(task_);
        if (task) pool_task_ended(*task, ec);
    }

private:
    std::shared_ptr<pool_task> task_;
    pool_strand executor_;
    boost::asio::cancellation_slot slot_;
};

/// For operations that end in `void(error_code, T)`.
template <class T> struct pool_task_value {
    pool_task_done done;
    void** into;

    void operator()(error_code ec, T made) {
        if (!ec) *into = new T(std::move(made));
        done(ec);
    }
};

/// For coroutines.
struct pool_task_thrown {
    pool_task_done done;

    void operator()(std::exception_ptr thrown) {
        done(outcome<void(std::exception_ptr)>{std::move(thrown), {}}.code());
    }
};

/// The other end is gone; a timeout or a refusal says less.
inline bool is_lost_connection(const error_code& ec) noexcept {
    namespace net = boost::asio::error;
    return ec == net::eof || ec == net::connection_reset || ec == net::connection_aborted || ec == net::broken_pipe;
}

class pool_connector {
public:
    virtual ~pool_connector() = default;

    /// Leaves a connection in `into` when it reports success, and may before.
    virtual void dial(void*& into, const boost::asio::any_io_executor& io, pool_task_done done) = 0;
    virtual void reset(void* connection, pool_task_done done) = 0;
    /// Whether a connection at rest lives; that it is asked also keeps it alive.
    virtual void check(void* connection, pool_task_done done) = 0;
    /// Closes and destroys.
    virtual void close(void* connection) noexcept = 0;
    virtual bool is_dead(void*) noexcept { return false; }

    reuse (*inspect)(const void*) noexcept = nullptr;         ///< null: what is not recycled is discarded
    bool (*condemns)(const error_code&) noexcept = nullptr;  ///< the server said that it leaves all its clients
    bool can_reset = false;
    bool can_peek = false;
    bool can_check = false;
};

template <class Connector, class T>
concept connector_of = requires(Connector& c, T& t, const boost::asio::any_io_executor& ex) {
    { c.create(ex) } -> std::same_as<std::unique_ptr<T>>;
    { c.close(t) } noexcept;
};

template <class T, class Connector> class pool_connector_for final : public pool_connector {
    static constexpr bool full = connector_of<Connector, T>;

public:
    explicit pool_connector_for(Connector c) : connector_(std::move(c)) {
        if constexpr (requires(const T& t) { { Connector::inspect(t) } noexcept -> std::same_as<reuse>; })
            inspect = [](const void* t) noexcept { return Connector::inspect(*static_cast<const T*>(t)); };
        if constexpr (requires(const error_code& ec) { { Connector::condemns(ec) } noexcept -> std::same_as<bool>; })
            condemns = &Connector::condemns;
        can_reset = resets<>;
        can_peek = peeks<>;
        can_check = checks<>;
    }

    void dial(void*& into, const boost::asio::any_io_executor& io, pool_task_done done) override {
        if constexpr (full) {
            into = connector_.create(io).release();
            connector_.async_connect(*static_cast<T*>(into), std::move(done));
        } else if constexpr (boost::asio::is_async_operation<Connector&>::value) {
            connector_(pool_task_value<T>{std::move(done), &into});
        } else {
            const auto on = done.get_executor();
            boost::asio::co_spawn(on, dial_by(connector_, into), pool_task_thrown{std::move(done)});
        }
    }

    void reset(void* connection, pool_task_done done) override {
        if constexpr (resets<>) connector_.async_reset(*static_cast<T*>(connection), std::move(done));
        else (void)connection, done(boost::asio::error::operation_not_supported);
    }

    void check(void* connection, pool_task_done done) override {
        if constexpr (checks<>) connector_.async_ping(*static_cast<T*>(connection), std::move(done));
        else (void)connection, done(boost::asio::error::operation_not_supported);
    }

    void close(void* connection) noexcept override {
        const std::unique_ptr<T> owned(static_cast<T*>(connection));
        if constexpr (full) connector_.close(*owned);
    }

    bool is_dead(void* connection) noexcept override {
        if constexpr (peeks<>) return connector_.is_dead(*static_cast<T*>(connection));
        else return (void)connection, false;
    }

private:
    template <class C = Connector>
    static constexpr bool resets = requires(C& c, T& t, pool_task_done d) { c.async_reset(t, std::move(d)); };
    template <class C = Connector>
    static constexpr bool checks = requires(C& c, T& t, pool_task_done d) { c.async_ping(t, std::move(d)); };
    template <class C = Connector>
    static constexpr bool peeks = requires(C& c, T& t) { { c.is_dead(t) } noexcept -> std::same_as<bool>; };

    static boost::asio::awaitable<void> dial_by(Connector& connect, void*& into) {
        T made = co_await connect();
        into = new T(std::move(made));
    }

    Connector connector_;
};

}  // namespace kedge::detail

/// @cond  what wraps a handler shows its executor and its cancellation slot
template <template <class, class> class Associator, class T, class Default>
struct boost::asio::associator<Associator, kedge::detail::pool_task_value<T>, Default> {
    using type = typename Associator<kedge::detail::pool_task_done, Default>::type;
    static type get(const kedge::detail::pool_task_value<T>& h, const Default& d = Default()) noexcept {
        return Associator<kedge::detail::pool_task_done, Default>::get(h.done, d);
    }
};
template <template <class, class> class Associator, class Default>
struct boost::asio::associator<Associator, kedge::detail::pool_task_thrown, Default> {
    using type = typename Associator<kedge::detail::pool_task_done, Default>::type;
    static type get(const kedge::detail::pool_task_thrown& h, const Default& d = Default()) noexcept {
        return Associator<kedge::detail::pool_task_done, Default>::get(h.done, d);
    }
};
/// @endcond
