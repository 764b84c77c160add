// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/reuse.hpp>
#include <kedge/postgres/error.hpp>
#include <kedge/postgres/impl/cancel_desk.hpp>
#include <kedge/postgres/impl/statements.hpp>
#include <kedge/postgres/impl/traces.hpp>
#include <kedge/postgres/impl/values.hpp>
#include <kedge/postgres/impl/wire.hpp>
#include <kedge/postgres/url.hpp>
#include <kedge/runtime.hpp>
#include <kedge/sql/batch_delivery.hpp>
#include <kedge/sql/connection_concept.hpp>
#include <kedge/sql/rows_builder.hpp>
#include <kedge/sql/statement_launch.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::postgres::detail {

/// A cancelled statement has to come to its end within this time, else its connection is closed (userver's bound).
inline constexpr nanoseconds cancel_patience = std::chrono::seconds(2);

/// And is asked for again so often: a server that gets the request before the statement ignores it.
inline constexpr nanoseconds cancel_again = std::chrono::milliseconds(50);

/// For one address while there are others to try: a host that drops packets must not use up the time of the one that answers.
inline constexpr nanoseconds address_patience = std::chrono::seconds(2);

/// Opens a transaction in which writing is the application's error and not a server's that is no longer the primary.
inline constexpr char begin_read_only[] = "begin read only";

/// The end of a job, with the server's own words about an error.
struct outcome {
    error_code ec{};
    rows result{};
    std::string state{};    ///< the SQLSTATE
    std::string message{};
};

using kedge::detail::deliver;
using done_function = kedge::detail::statement_end<outcome>;

enum class task : std::uint8_t { open, execute, reset, ping };

class session;

/// Something that a session does.
struct job {
    job(task kind, sql_text sql, params parameters) : what(kind), text(std::move(sql)), values(std::move(parameters)) {}

    using outcome_type = outcome;
    bool is_statement() const noexcept { return what == task::execute; }

    const task what;
    const sql_text text;
    const params values;
    std::shared_ptr<const location> where{};  // of `open`
    time_point deadline = never;              // of the attempt
    std::shared_ptr<kedge::detail::batch_route<session, job>> batches{};  // none: all rows at the end
    done_function done{};                     // under the session's mutex; whoever takes it ends the job for the caller
    std::atomic<bool> stopped = false;        // nobody waits for it any more
    bool again = false;                       // it has been sent twice
    outcome result{};
    std::shared_ptr<job> next{};              // under the session's mutex
};

/// In Asio's memory for operations, not in the handler's: a job that was cancelled outlives its handler.
inline std::shared_ptr<job> make_job(task kind, sql_text text, params values) {
    return std::allocate_shared<job>(boost::asio::recycling_allocator<job>(), kind, std::move(text), std::move(values));
}

/// The sessions of one execution context. When it is destroyed, nobody will call the handlers that wait in a session; they
/// may own the connection that owns the session, so that somebody has to let go.
class session_registry : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;
    explicit session_registry(boost::asio::execution_context& ctx)
        : service(ctx), desk(std::make_shared<cancel_desk>()) {}
    void add(session&);
    void remove(session&) noexcept;

    const std::shared_ptr<cancel_desk> desk;

private:
    void shutdown() override;
    std::mutex mutex_;
    std::vector<session*> sessions_;
};

/// What a session has asked the server for, in order; its answers come in this order.
enum class step : std::uint8_t { settings, planner, clean, deallocate, limit, prepare, execute, sync };

/** What a connection shares with the waits for its socket.
 *
 *  One job at a time, further ones queue. libpq is called under the mutex, and never blocks. All statements go through libpq's
 *  pipeline mode, each in a segment of its own that a Sync ends: so what has to happen before a statement (a time limit, the
 *  end of a prepared one) costs no round trip.
 *
 *  A cancelled job completes for its caller at once and stays until the server has ended the statement *and* is done with the
 *  cancel request, which would hit the next statement otherwise.
 */
class session : public std::enable_shared_from_this<session> {
public:
    session(const boost::asio::any_io_executor& ex, runtime& rt, boost::asio::execution_context& ctx);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void submit(std::shared_ptr<job>);
    void cancel(job&) noexcept;
    /// The batch has been handled.
    void resume(job&, bool go_on) noexcept;
    void cancel_sent() noexcept;
    void close() noexcept;
    void forget_handlers() noexcept;
    reuse state() const noexcept;
    bool is_dead() noexcept;

private:
    class turn;
    struct alarm;
    enum class phase : std::uint8_t {
        resting,
        looking_up,
        dialing,
        talking,
        paused,  // the caller handles a batch of rows; nothing is read meanwhile
        fenced,  // the statement has ended, the cancel request not yet
    };
    enum class progress : std::uint8_t { waiting, done, out_of_step };

    // session.ipp
    void cancel_statements() noexcept;
    void next(turn&) noexcept;
    void begin(turn&);
    void end(turn&, error_code = {}) noexcept;
    void lost(turn&, const error_code& otherwise) noexcept;
    void drop_wire() noexcept;
    void arm(nanoseconds after);
    void disarm() noexcept;
    void on_alarm(const alarm&) noexcept;
    static void on_notice(void* self, const PGresult*) noexcept;
    void stop_statement();
    void ask_to_cancel(bool orphan);

    // dialing.ipp
    void dial(turn&);
    void dial_server(turn&);
    void dial_address(turn&);
    void looked_up(unsigned epoch, const error_code&, std::vector<std::string> found);
    void dial_failed(turn&, const error_code&, std::string message);
    void poll(turn&);
    void connected(turn&);
    bool settings_fit() const noexcept;
    bool send_settings();
    bool send_planner();

    // talking.ipp
    void ask(turn&);
    bool send(step, const char* text, const params& = {});
    bool send_job();
    bool send_reset();
    bool send_statement();
    bool send_deallocations();
    bool send_limit();
    bool sync();
    void talk(turn&) noexcept;
    progress hear();
    void one_row_at_a_time() noexcept;
    bool take(const PGresult*);
    void begin_rows(const PGresult*);
    void take_rows(const PGresult*);
    void take_end(const PGresult*);
    void take_error(const PGresult*);
    void fail(const error_code&, std::string message, std::string state = {});
    bool forgets_statement(const error_code&, std::string_view function) const noexcept;
    bool batch_full() const noexcept;
    void give_batch(turn&);
    void finished(turn&);
    void cleaned() noexcept;
    void await_socket(bool to_write);
    void on_ready(unsigned epoch, bool writable, const error_code&);

    const boost::asio::any_io_executor executor_;
    runtime& runtime_;
    session_registry& registry_;
    mutable std::mutex mutex_;
    wire wire_;
    std::shared_ptr<job> first_;  // the current job
    job* last_ = nullptr;
    phase phase_ = phase::resting;
    bool fence_ = false;          // a cancel request is on its way
    time_point give_up_ = never;  // when the statement has to have ended
    unsigned epoch_ = 0;          // of the socket: what waited for an older one is late
    bool reading_ = false, writing_ = false;
    bool closed_ = false, broken_ = false;
    int goodbye_ = 0;             // why the server ends the session, as a code of category()
    alarm* alarm_ = nullptr;      // the armed one; it owns itself, and keeps this alive
    boost::asio::cancellation_signal stop_lookup_;

    std::shared_ptr<const location> where_;
    std::size_t server_ = 0, address_ = 0;
    std::vector<std::string> addresses_;

    std::vector<step> script_;
    std::size_t at_ = 0;
    bound_values bound_;
    std::optional<rows_builder> rows_;
    statements::entry* statement_ = nullptr;
    statements statements_;
    bool fresh_ = false;          // nothing was executed in it
    traces traces_, leaves_;      // since the last reset; of the current statement
    bool was_inside_ = false;     // a transaction was open before it
    std::int64_t session_limit_ = 0, limit_ = 0;  // statement_timeout in ms; 0: the server's own; -1: not known
    bool answered_ = false;       // the statement had ended before the connection did
    bool discarding_ = false;     // nobody wants the rows that still come
    bool repeat_ = false;         // with a new plan
};

template <bool WithRows> using launcher = kedge::detail::statement_launcher<WithRows, session, job>;

}  // namespace kedge::postgres::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/postgres/impl/session.ipp>
#endif
