// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/runtime.hpp>
#include <kedge/sql/batch_delivery.hpp>
#include <kedge/sql/connection_concept.hpp>
#include <kedge/sql/statement_launch.hpp>
#include <kedge/sqlite/url.hpp>

#include <boost/asio/execution_context.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace kedge::sqlite::detail {

/// How long a statement waits for another connection's lock before it fails with `errc::busy` (Python's sqlite3 and
/// Rails wait as long).
inline constexpr nanoseconds busy_wait = std::chrono::seconds(5);

/// Opens a transaction in which @ref handles refuses to write; a constant to be recognised by.
inline constexpr char begin_read_only[] = "begin deferred /* read only */";

/// The end of a job, with SQLite's own words about an error.
struct outcome {
    error_code ec{};
    rows result{};
    std::string message{};
    bool unfinished = false;            ///< a batch, and the statement goes on
    std::shared_ptr<void> batches{};    ///< of the job: destroyed where the handler is
};

using done_function = kedge::detail::statement_end<outcome>;

enum class task : std::uint8_t { open, execute, reset };

class session;

/// Something that a session does on a blocking thread.
struct job : timer_node {
    job(task kind, sql_text sql, params parameters, location place, bool pieces = false)
        : what(kind), text(std::move(sql)), values(std::move(parameters)), where(std::move(place)), in_batches(pieces) {}

    using outcome_type = outcome;
    bool is_statement() const noexcept { return what == task::execute; }

    const task what;
    const sql_text text;
    const params values;
    const location where;                // of `open`
    const bool in_batches;
    bool begun = false;                  // a batch was given away: the statement cannot begin anew
    std::shared_ptr<kedge::detail::batch_route<session, job>> batches{};  // under the session's mutex
    std::atomic<bool> stopped = false;      // read by the blocking thread between the steps of SQLite's machine
    done_function done{};                // under the session's mutex; whoever takes it ends the job for the caller
    time_point give_up = never;          // when waiting for a lock ends
    int waits = 0;
    session* owner = nullptr;            // of the timer
    std::shared_ptr<job> next{};         // under the session's mutex
};

/// The sessions of one execution context. When it is destroyed, nobody will call the handlers that wait in a session; they
/// may own the connection that owns the session, so that somebody has to let go.
class session_registry : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;
    explicit session_registry(boost::asio::execution_context& ctx) : service(ctx) {}
    void add(session&);
    void remove(session&) noexcept;

private:
    void shutdown() override;
    std::mutex mutex_;
    std::vector<session*> sessions_;
};

class handles;  // the sqlite3* and its prepared statements

enum class session_state : std::uint8_t { clean, dirty, broken };

/** What a connection shares with the blocking threads that work for it.
 *
 *  At most one job runs at a time, further ones queue. A cancelled job completes for its caller at once and stays until
 *  SQLite has noticed; until then the session is dirty. A lock that another connection holds is waited for on a timer, not
 *  on a blocking thread: the few threads might all wait for a lock whose holder needs one of them to commit. For the same reason
 *  a statement whose caller handles a batch of rows occupies none: it is paused, and resumed on any of them.
 */
class session : public std::enable_shared_from_this<session> {
public:
    session(runtime& rt, boost::asio::execution_context& ctx);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void submit(const std::shared_ptr<job>&);
    void cancel(job&) noexcept;
    /// The batch has been handled.
    void resume(job&, bool go_on) noexcept;
    void close() noexcept;
    void forget_handlers() noexcept;
    session_state state() const noexcept;

private:
    static void on_timer(timer_node*) noexcept;
    static int on_progress(void* self) noexcept;
    static void abort_all(std::shared_ptr<job> chain, const error_code&) noexcept;

    void start();
    std::shared_ptr<job> start_or_drop() noexcept;
    void run() noexcept;
    void interrupt() noexcept;
    void cancel_statements() noexcept;
    bool wait_for_lock(job&);
    bool give_batch(job&, rows&);
    void end(job&, outcome) noexcept;
    outcome perform(job&);

    runtime& runtime_;
    session_registry& registry_;
    mutable std::mutex mutex_;
    std::shared_ptr<job> first_;         // the current job; changes only while no thread works on it
    job* last_ = nullptr;
    std::unique_ptr<handles> handles_;   // used by the current job's thread, else under the mutex
    std::shared_ptr<session> waiting_;   // keeps this alive while the timer is armed
    bool on_thread_ = false;
    bool paused_ = false;                // the caller handles a batch: neither on a thread nor on the timer
    bool closed_ = false;
    bool broken_ = false;
};

template <bool WithRows> using launcher = kedge::detail::statement_launcher<WithRows, session, job>;

}  // namespace kedge::sqlite::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sqlite/impl/session.ipp>
#endif
