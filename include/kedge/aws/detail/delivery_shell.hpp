// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/aws/detail/put_body.hpp>
#include <kedge/aws/detail/redaction.hpp>
#include <kedge/aws/detail/refusal_notes.hpp>
#include <kedge/aws/detail/settlements.hpp>
#include <kedge/aws/detail/spool.hpp>
#include <kedge/aws/log_transport.hpp>
#include <kedge/detail/forks.hpp>
#include <kedge/detail/pool_service.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/detail/unique_function.hpp>
#include <kedge/log/detail/spare_text.hpp>
#include <kedge/log/python_format.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kedge::aws::detail {

/// What a program has to do with a delivery; each may be null.
struct delivery_hooks {
    std::shared_ptr<log::sink> fallback{}, dead_letters{};
    redaction redact{};
};

using shutdown_handler = kedge::detail::unique_function<void(delivery_accounting)>;

/** Gives the core of a delivery a lock, a timer and a transport.
 *
 *  Two locks: `lock_` guards the core and is all that a writer takes; `sending_` is held from a decision until its requests
 *  are under way, since the events of a request may only change after its body was made. `sending_` is taken first.
 *
 *  With a spool a writer holds a third one, `writing_`, from before its event is written until it is queued, so that both have
 *  one order. It is taken before `lock_`, and never by who sends: what is read from the disk, and told to it, is one job at a
 *  time on a blocking thread.
 *
 *  In a child of `fork` every call asks @ref is_inherited first, and takes no lock: somebody may hold it who is not there.
 */
class delivery_shell final : public std::enable_shared_from_this<delivery_shell>, public kedge::detail::context_follower {
public:
    delivery_shell(const boost::asio::any_io_executor& ex, const delivery_rules& rules, log_target target,
                   std::shared_ptr<log_transport> transport, delivery_hooks hooks, std::shared_ptr<spool> disk);
    ~delivery_shell();
    /// Sends what a process before left, if anything.
    void begin() noexcept;

    void submit(const log::record& what, log::formatter format, bool documents) noexcept;
    void flush() noexcept;
    /// The handler is called on any thread, never inside.
    void shut_down(time_point deadline, shutdown_handler done);
    /// Nobody will ask for the end: what is not delivered goes to the fallback.
    void abandon() noexcept;

    delivery_counters counters() const noexcept;
    spool_counters spooled() const noexcept { return spool_ && !is_inherited() ? spool_->counters() : spool_counters(); }
    const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

private:
    void context_gone() noexcept override;
    void context_destroyed() noexcept override { context_destroyed_ = true; }

    bool is_inherited() const noexcept { return !home_.is_here() && forsake(); }
    bool forsake() const noexcept;
    prepared form(const log::record& what, log::formatter format, std::string& text, raw_event& raw) noexcept;
    moment at() const noexcept;
    void run_in_time() noexcept;
    void post_run() noexcept;
    template <class Decide> void decide(Decide decide, bool may_read = true) noexcept;
    void run() noexcept;
    void answered(std::uint32_t serial, log_response response) noexcept;
    void carry_out(delivery_actions& todo) noexcept;
    void start(const delivery_request& request, delivery_actions& todo) noexcept;
    log_request make_request(const delivery_request& request);
    void set_timer() noexcept;
    bool is_over() const noexcept;
    void end() noexcept;
    void leave_disk() noexcept;

    void hand_over(const delivery_actions& todo, const refusal_counts& refusals) noexcept;
    void tell_alarm(const alarm_list::one& alarm) noexcept;
    void tell_refused(const delivery_actions& todo, const refusal_counts& refusals) noexcept;
    bool handed_over(const delivery_actions& todo) noexcept;

    struct disk_job;
    void store(prepared what, const raw_event& raw) noexcept;
    template <class Events> void note_settled(const Events& done) noexcept;
    void work_on_disk(bool may_read) noexcept;
    disk_job next_disk_job(bool may_read);
    void start_disk_job(disk_job job);
    void disk_done(disk_job& job) noexcept;
    void tell_of_disk(alarm_list& alarms) noexcept;
    void settle_now() noexcept;

    boost::asio::any_io_executor executor_;
    runtime& rt_;
    kedge::detail::pool_service& service_;
    const log_target target_;
    const std::shared_ptr<log_transport> transport_;
    const std::shared_ptr<log::sink> fallback_, dead_letters_;
    const redaction redact_;
    const int retention_days_;
    const std::uint64_t process_id_;  ///< of the events' ids; 0: they have none

    const std::shared_ptr<spool> spool_;  ///< null: none
    std::mutex writing_;

    mutable std::mutex lock_;
    delivery core_;
    bool disk_works_ = true, disk_told_ = true;
    std::vector<shutdown_handler> waiting_;
    time_point armed_ = never;  ///< when the timer or a posted run comes
    bool context_gone_ = false;

    std::mutex sending_;
    timer timer_;
    std::vector<std::string> bodies_;  ///< memory to use again
    settlements settled_;              ///< not told to the disk yet
    refusal_notes refusals_;
    int handing_over_ = 0;             ///< threads that give events to the fallback or the dead letters
    bool disk_open_ = false, disk_busy_ = false;
    using disk_work = std::optional<kedge::detail::tracked_executor<boost::asio::any_io_executor>>;
    std::shared_ptr<disk_work> disk_work_;  ///< of the job on the disk, which holds it too; emptied when nobody waits for that
    time_point reopen_at_ = time_point::min(), read_again_at_ = never;

    const kedge::detail::birthplace home_{};
    mutable std::atomic<bool> forsaken_{false};
    std::atomic<std::uint64_t> lost_in_child_{0};

    std::atomic<std::size_t> most_event_{most_event_bytes};
    std::atomic<bool> context_destroyed_{false};
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/delivery_disk.ipp>
#include <kedge/aws/detail/impl/delivery_shell.ipp>
#include <kedge/aws/detail/impl/delivery_telling.ipp>
#endif
