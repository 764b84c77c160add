// SPDX-License-Identifier: BSL-1.0
// What comes to the disk and what leaves it.
#pragma once

#include <kedge/aws/detail/spool.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/detail/write_all.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kedge::aws::detail {

/// A segment goes as a whole, so it is small beside the bound.
inline constexpr std::size_t most_segment_bytes = 8 * 1024 * 1024;

inline constexpr std::string_view segment_suffix = ".spool1";
inline constexpr const char* settled_name = "settled1";
inline constexpr const char* settled_draft = "settled1.new";

inline std::string hex16(std::uint64_t n) {
    char digits[16];
    const auto size = static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, n, 16).ptr - digits);
    return std::string(16 - size, '0').append(digits, size);
}

KEDGE_DECL descriptor::~descriptor() {
    if (file_ >= 0) ::close(file_);
}

KEDGE_DECL spool::spool(spool_options options, overflow when_full, std::uint64_t salt, std::size_t segment_bytes,
                        system_files& files)
    : options_(std::move(options)), when_full_(when_full), salt_(salt),
      segment_bytes_(segment_bytes > 0 ? segment_bytes : std::min(most_segment_bytes, options_.max_bytes / 8)),
      files_(files) {}

KEDGE_DECL spool::~spool() = default;

KEDGE_DECL spool_stored spool::append(event_list& events, bool in_memory, log::level least, time_point now) noexcept {
    spool_stored out;
    const std::lock_guard guard(mutex_);
    if (!is_open_ || now < retry_at_) return out;
    try {
        buffer_.clear();
        seen_.make_room();
        std::uint64_t sequence = next_;
        for (const log_event* e = events.front(); e; e = e->next) append_record(buffer_, salt_, sequence++, *e);
        if (!make_room(buffer_.size(), least, out)) {
            out.status = spool_status::full;
        } else if (has_segment_for(buffer_.size()) && write(events.size())) {
            out.status = spool_status::stored;
        }
    } catch (const std::exception&) {
        errno = ENOMEM;
    }
    if (out.status == spool_status::failed) failed(errno, now);
    if (out.status == spool_status::stored) {
        const std::uint64_t first = next_;
        for (log_event* e = events.front(); e; e = e->next) e->sequence = next_++;
        if (in_memory) seen_.add({first, next_ - 1});
        if (in_memory && reading_.next == first) reading_ = {segments_.back().id, segments_.back().bytes, next_};
        counters_.written += events.size();
        counters_.working = true;
        counters_.error = 0;
    }
    tell();
    return out;
}

KEDGE_DECL bool spool::make_room(std::size_t size, log::level least, spool_stored& out) noexcept {
    const bool reserved = when_full_ == overflow::keep_errors && least < log::level::error;
    const std::uint64_t most = reserved ? options_.max_bytes / 4 * 3 : options_.max_bytes;
    while (bytes_ + size > most)
        if (when_full_ != overflow::drop_oldest || !displace(out.displaced)) return false;
    return true;
}

/// The oldest segment of which nothing is in memory. What is there is not given up.
KEDGE_DECL bool spool::displace(displaced_events& gone) noexcept {
    const auto in_use = [this](std::size_t i) {
        return segments_[i].id == being_read_ || settled_.open_in(range_of(i)) != seen_.open_in(range_of(i));
    };
    std::size_t oldest = 0;
    while (oldest < segments_.size() && in_use(oldest)) ++oldest;
    if (oldest == segments_.size() || is_active(segments_[oldest])) return false;
    const auto found = segments_.begin() + static_cast<std::ptrdiff_t>(oldest);
    const sequence_range range = range_of(oldest);
    const std::uint64_t open = settled_.open_in(range);
    try {
        settled_.make_room();
        seen_.make_room();
    } catch (const std::exception&) {
        return false;
    }
    if (is_kept(*found)) return false;
    if (open > 0) settled_.add(range), seen_.add(range);
    (found->first < first_own_ ? gone.earlier : gone.ours) += open;
    bytes_ -= found->bytes;
    segments_.erase(found);
    return true;
}

/// Removes its file. True: it is still there.
KEDGE_DECL bool spool::is_kept(const segment& one) noexcept {
    return files_.unlinkat(directory_.get(), one.name.c_str()) != 0 && errno != ENOENT;
}

KEDGE_DECL bool spool::has_segment_for(std::size_t size) {
    const bool fits = file_.is_open() && segments_.back().bytes + size <= segment_bytes_;
    if (!fits && !begin_segment()) return false;
    return is_named_ = is_named_ || options_.sync == spool_sync::os || sync_directory();
}

KEDGE_DECL bool spool::begin_segment() {
    segment fresh{next_id_, next_, salt_, 0, hex16(next_) + '-' + hex16(salt_) + std::string(segment_suffix)};
    file_ = {};
    segments_.push_back(std::move(fresh));
    constexpr int how = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW;
    file_ = descriptor(files_.openat(directory_.get(), segments_.back().name.c_str(), how));
    if (!file_.is_open()) {
        segments_.pop_back();
        return false;
    }
    ++next_id_;
    is_named_ = false;
    return true;
}

/// What is in the buffer. On an error nothing of it stays, or its numbers are not used again.
KEDGE_DECL bool spool::write(std::uint64_t events) noexcept {
    segment& active = segments_.back();
    errno = 0;
    if (write_all(file_, buffer_) && (options_.sync == spool_sync::os || files_.fdatasync(file_.get()) == 0)) {
        active.bytes += buffer_.size();
        bytes_ += buffer_.size();
        return true;
    }
    const int error = errno ? errno : EIO;
    if (files_.ftruncate(file_.get(), active.bytes) != 0) {
        file_ = {};
        try {
            settled_.add({next_, next_ + events - 1});
            seen_.add({next_, next_ + events - 1});
        } catch (const std::exception&) {  // it will look as if they were lost
        }
        if (reading_.next == next_) reading_.next += events;
        next_ += events;
    }
    errno = error;
    return false;
}

KEDGE_DECL bool spool::write_all(const descriptor& file, std::string_view text) noexcept {
    const auto write = [this](int to, const char* from, std::size_t size) { return files_.write(to, from, size); };
    return log::detail::write_all_by(write, file.get(), text);
}

KEDGE_DECL void spool::failed(int error, time_point now) noexcept {
    ++counters_.failures;
    counters_.working = false;
    counters_.error = error;
    retry_at_ = core::saturating_add(now, spool_retry);
}

/// The sequence numbers that a segment may hold.
KEDGE_DECL sequence_range spool::range_of(std::size_t segment) const noexcept {
    return {segments_[segment].first, (segment + 1 < segments_.size() ? segments_[segment + 1].first : next_) - 1};
}

/// What this process wrote to memory as well is skipped. Others may have left what their names do not tell: that is read.
KEDGE_DECL bool spool::needs_no_reading(std::size_t segment) const noexcept {
    return is_read(segments_[segment]) || (segments_[segment].first >= first_own_ && seen_.open_in(range_of(segment)) == 0);
}

KEDGE_DECL void spool::settle(std::span<const sequence_range> done) noexcept {
    const std::lock_guard settling(settling_);
    std::string text;
    std::vector<segment> spent;
    try {
        const std::lock_guard guard(mutex_);
        for (const sequence_range& one : done) settled_.add(one), seen_.add(one);
        if (!is_open_) return;
        for (std::size_t i = 0; i < segments_.size(); ++i) {
            const segment& one = segments_[i];
            if (!is_active(one) && one.id != being_read_ && needs_no_reading(i) && settled_.open_in(range_of(i)) == 0)
                spent.push_back(one);
        }
        text = settled_.bytes();
    } catch (const std::exception&) {  // no memory: with the next ones
        return;
    }
    // A segment may only go when the disk knows that nobody needs it.
    const bool saved = save(text, !spent.empty() || options_.sync == spool_sync::each);
    const int error = errno;
    if (saved) std::erase_if(spent, [this](const segment& one) { return is_kept(one); });
    const std::lock_guard guard(mutex_);
    if (!saved) {
        spent.clear();
        ++counters_.failures;
        counters_.error = error;
    }
    for (const segment& one : spent) {
        const auto found = std::find_if(segments_.begin(), segments_.end(), [&](const segment& s) { return s.id == one.id; });
        if (found == segments_.end()) continue;  // displaced meanwhile
        bytes_ -= found->bytes;
        segments_.erase(found);
    }
    tell();
}

KEDGE_DECL bool spool::save(const std::string& settled, bool synced) noexcept {
    const int directory = directory_.get();
    const descriptor draft(files_.openat(directory, settled_draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
    return draft.is_open() && write_all(draft, settled) && (!synced || files_.fdatasync(draft.get()) == 0) &&
           files_.renameat(directory, settled_draft, settled_name) == 0 && (!synced || sync_directory());
}

/// Takes no lock: a thread may hold it that the child has not. The lock on the file is the parent's until the last copy of its
/// descriptor is closed.
KEDGE_DECL void spool::forsake() noexcept {
    file_ = {};
    lock_ = {};
    directory_ = {};
}

KEDGE_DECL spool_counters spool::counters() const noexcept {
    const std::lock_guard guard(told_mutex_);
    return told_;
}

/// `mutex_` is held.
KEDGE_DECL void spool::tell() noexcept {
    counters_.bytes = bytes_;
    counters_.segments = segments_.size();
    const std::lock_guard guard(told_mutex_);
    told_ = counters_;
}

}  // namespace kedge::aws::detail
