// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/log_event.hpp>
#include <kedge/aws/detail/settled_ranges.hpp>
#include <kedge/aws/detail/spool_record.hpp>
#include <kedge/aws/detail/system_files.hpp>
#include <kedge/aws/overflow.hpp>
#include <kedge/aws/spool_options.hpp>
#include <kedge/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::aws::detail {

/// A disk that refused is asked again after this time; until then events wait in memory only.
inline constexpr nanoseconds spool_retry = std::chrono::seconds(30);

/// Owns an open file.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int file) noexcept : file_(file) {}
    descriptor(descriptor&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        descriptor gone(std::move(other));
        std::swap(file_, gone.file_);
        return *this;
    }
    ~descriptor();

    int get() const noexcept { return file_; }
    bool is_open() const noexcept { return file_ >= 0; }
    void release() noexcept { file_ = -1; }

private:
    int file_ = -1;
};

enum class spool_status : std::uint8_t { stored, full, failed };

/// Events whose segment was removed to make room, and which nobody had read.
struct displaced_events {
    std::uint64_t ours = 0, earlier = 0;  ///< of this process, and of those before
};

struct spool_stored {
    spool_status status = spool_status::failed;
    displaced_events displaced{};
};

/// How much may be read.
struct spool_room {
    std::size_t bytes = 0, events = 0;  ///< of memory
    std::size_t overhead = 0;           ///< more bytes for each event
    bool any_first = false;             ///< the first may be larger
};

/// What came back from the disk.
struct spool_batch {
    event_list events{};
    bool ours = false;           ///< this process wrote them
    bool moved = false;          ///< something was done; false: no more, or no room, memory or descriptor for it
    bool crowded = false;        ///< the next event needs more room
    std::uint64_t lost = 0;      ///< of this process, and not to be read
    bool earlier_left = false;   ///< there may be more of the processes before
};

/** Events on disk until they are settled, in the order in which they came. Knows nothing of their delivery.
 *
 *  A directory of segments, `FIRST-SALT.spool1` by the first sequence number in it, which hold records one behind the other and
 *  are only appended to; and `settled1`, which names the sequence numbers that are done with. A process never appends to a
 *  segment of another one. The version stands in the names, so no file needs a head that could be torn; files of other names
 *  are left alone.
 *
 *  Whatever lies there, @ref open succeeds if the directory can be written and is not in use. No function throws; each one takes
 *  the time of the disk.
 *  @par Thread safety  safe; @ref read by one thread at a time
 */
class spool {
public:
    /// @param salt   a random number
    /// @param files  outlive it
    spool(spool_options options, overflow when_full, std::uint64_t salt, std::size_t segment_bytes = 0,
          system_files& files = real_files());
    ~spool();
    spool(const spool&) = delete;
    spool& operator=(const spool&) = delete;

    /// Reads names and the newest segment, not all. False: it is in use, or the disk refuses; may be tried again.
    bool open() noexcept;
    bool is_open() const noexcept;

    /** Writes events, and gives them their numbers. All or none.
     *  @param in_memory  they are known to be there, so @ref read need not bring them
     *  @param least      none of them is less serious
     */
    spool_stored append(event_list& events, bool in_memory, log::level least, time_point now) noexcept;

    /// The next events that are not in memory. None does not mean that there are no more.
    spool_batch read(const spool_room& room) noexcept;
    /// Whether there may be events of processes before that were not read.
    bool earlier_left() const noexcept;

    /// These are done with. Says so on the disk, and removes segments that nobody needs after that.
    void settle(std::span<const sequence_range> done) noexcept;

    spool_counters counters() const noexcept;

    /// In a child of the process: closes what it inherited, so that the lock ends with the parent. The last call.
    void forsake() noexcept;

private:
    struct segment {
        std::uint64_t id = 0;  ///< in order, by this object
        std::uint64_t first = 0, salt = 0;
        std::uint64_t bytes = 0;
        std::string name;
    };
    enum class taken : std::uint8_t { go_on, last, no };
    /// How far @ref read is.
    struct reading {
        std::uint64_t id = 0, offset = 0;
        std::uint64_t next = 1;  ///< sequence
        bool astray = false;
        std::uint64_t corrupt = 0;  ///< places since this was last asked

        void advance(std::uint64_t start, record_scan& scan) noexcept {
            offset = start + scan.at();
            next = scan.next_sequence();
            astray = scan.astray();
            corrupt += scan.take_corrupt();
        }
    };

    bool open_files();
    bool load_settled();
    bool list_segments();
    std::uint64_t last_in(const segment& where);
    template <class Take> bool walk(const segment& where, reading& at, Take take);
    std::size_t next_to_read() const noexcept;
    bool is_earlier_left() const noexcept;
    void read_events(const segment& where, reading& at, const spool_room& room, const settled_ranges& seen, spool_batch& to,
                     std::vector<sequence_range>& gaps);
    void finish_reading(reading& at, std::uint64_t from, const std::vector<sequence_range>& gaps, spool_batch& out) noexcept;
    bool make_room(std::size_t size, log::level least, spool_stored& out) noexcept;
    bool displace(displaced_events& gone) noexcept;
    bool has_segment_for(std::size_t size);
    bool begin_segment();
    bool write(std::uint64_t events) noexcept;
    bool write_all(const descriptor& file, std::string_view text) noexcept;
    bool sync_directory() noexcept { return files_.fsync(directory_.get()) == 0; }
    bool sync_parent() noexcept;
    bool is_kept(const segment& one) noexcept;
    void failed(int error, time_point now) noexcept;
    bool save(const std::string& settled, bool synced) noexcept;
    sequence_range range_of(std::size_t segment) const noexcept;
    bool needs_no_reading(std::size_t segment) const noexcept;
    bool is_read(const segment& one) const noexcept {
        return one.id < reading_.id || (one.id == reading_.id && reading_.offset >= one.bytes);
    }
    bool is_active(const segment& one) const noexcept { return file_.is_open() && &one == &segments_.back(); }
    void tell() noexcept;

    const spool_options options_;
    const overflow when_full_;
    const std::uint64_t salt_;
    const std::size_t segment_bytes_;
    system_files& files_;

    mutable std::mutex mutex_;  ///< not held while something is read
    descriptor directory_, lock_, file_;  ///< `file_`: the segment that is written
    std::deque<segment> segments_;
    settled_ranges settled_, seen_;  ///< `seen_`: settled or in memory, so not to be read; all before `reading_.next` is
    std::string buffer_;
    reading reading_;
    std::uint64_t being_read_ = 0;  ///< a segment, while its file is
    int read_attempts_ = 0;         ///< in vain
    std::uint64_t next_ = 1, next_id_ = 1, first_own_ = 1;
    std::uint64_t bytes_ = 0;
    time_point retry_at_ = time_point::min();
    bool is_open_ = false;
    bool is_named_ = true;  ///< the disk knows the name of the segment that is written
    spool_counters counters_;

    std::mutex settling_;

    mutable std::mutex told_mutex_;
    spool_counters told_;  ///< of `counters_`, for who must not wait for the disk
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/spool.ipp>
#include <kedge/aws/detail/impl/spool_recovery.ipp>
#endif
