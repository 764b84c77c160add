// SPDX-License-Identifier: BSL-1.0
// What is found on the disk, and what is read back.
#pragma once

#include <kedge/aws/detail/json_text.hpp>
#include <kedge/aws/detail/spool.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kedge::aws::detail {

/// A record fits into it, whatever its size.
inline constexpr std::size_t read_window = 2 * 1024 * 1024;

/// Less if the file ends; negative on an error.
inline ssize_t read_at(system_files& files, const descriptor& file, char* to, std::size_t size, std::uint64_t offset) noexcept {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t got = files.pread(file.get(), to + done, size - done, offset + done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return got;
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
}

/// A segment that cannot be read for half a minute is given up: those behind it are worth more. The sink asks once a second.
inline constexpr int most_read_attempts = 30;

/// What a lack of descriptors or memory is to blame for comes another time.
inline bool passes(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOMEM; }

/// `FIRST-SALT.spool1`.
inline bool parse_segment_name(std::string_view name, std::uint64_t& first, std::uint64_t& salt) noexcept {
    const auto number = [](std::string_view digits, std::uint64_t& to) {
        return std::from_chars(digits.data(), digits.data() + digits.size(), to, 16).ptr == digits.data() + digits.size();
    };
    return name.size() == 33 + segment_suffix.size() && name.ends_with(segment_suffix) && name[16] == '-' &&
           number(name.substr(0, 16), first) && number(name.substr(17, 16), salt);
}

KEDGE_DECL bool spool::is_open() const noexcept {
    const std::lock_guard guard(mutex_);
    return is_open_;
}

KEDGE_DECL bool spool::open() noexcept {
    const std::lock_guard guard(mutex_);
    if (is_open_) return true;
    errno = 0;
    try {
        is_open_ = open_files();
    } catch (const std::exception&) {
        errno = ENOMEM;
    }
    if (is_open_) {
        counters_.working = true;
        counters_.error = 0;
    } else {
        failed(errno, time_point::min());
        segments_.clear();
        lock_ = {};
        directory_ = {};
        bytes_ = 0;
    }
    tell();
    return is_open_;
}

KEDGE_DECL bool spool::open_files() {
    if (files_.mkdir(options_.directory.c_str()) != 0 && errno != EEXIST) return false;
    directory_ = descriptor(files_.openat(AT_FDCWD, options_.directory.c_str(), O_RDONLY | O_DIRECTORY));
    if (!directory_.is_open() || (options_.sync == spool_sync::each && !sync_parent())) return false;
    lock_ = descriptor(files_.openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW));
    if (!lock_.is_open() || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) return false;
    counters_.set_aside = 0;
    if (!list_segments() || !load_settled()) return false;
    next_ = settled_.high() + 1;
    if (!segments_.empty()) next_ = std::max({next_, segments_.back().first + 1, last_in(segments_.back()) + 1});
    first_own_ = next_;
    return true;
}

/// The directory itself may be new. Who may not read the one around it cannot have made it.
KEDGE_DECL bool spool::sync_parent() noexcept {
    const descriptor parent(files_.openat(directory_.get(), "..", O_RDONLY | O_DIRECTORY));
    return parent.is_open() ? files_.fsync(parent.get()) == 0 : errno == EACCES;
}

/// False on an error: what was not listed would be taken for lost, and its numbers would be used again.
KEDGE_DECL bool spool::list_segments() {
    descriptor copy(files_.openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(copy.is_open() ? ::fdopendir(copy.get()) : nullptr, ::closedir);
    if (!listing) return false;
    copy.release();
    for (errno = 0; const dirent* const entry = ::readdir(listing.get()); errno = 0) {
        segment one{.name = entry->d_name};
        struct stat about{};
        if (parse_segment_name(one.name, one.first, one.salt)) {
            if (files_.fstatat(directory_.get(), entry->d_name, about) != 0) return false;
            one.bytes = static_cast<std::uint64_t>(about.st_size);
            if (!S_ISREG(about.st_mode)) ++counters_.set_aside;
            else if (one.bytes > 0) segments_.push_back(std::move(one));
            else files_.unlinkat(directory_.get(), entry->d_name);  // begun, and no more
        } else if (one.name != "." && one.name != ".." && one.name != "lock" && one.name != settled_name &&
                   one.name != settled_draft) {
            ++counters_.set_aside;
        }
    }
    if (errno != 0) return false;
    std::sort(segments_.begin(), segments_.end(),
              [](const segment& a, const segment& b) { return std::tie(a.first, a.name) < std::tie(b.first, b.name); });
    for (segment& one : segments_) {
        one.id = next_id_++;
        bytes_ += one.bytes;
    }
    return true;
}

/// Without it everything that is there comes again. One that cannot be read is removed: a process behind this one might read it,
/// and find the numbers settled that this one uses again. False: it cannot be told.
KEDGE_DECL bool spool::load_settled() {
    std::string text(settled_ranges::most_bytes + 1, '\0');
    const descriptor file(files_.openat(directory_.get(), settled_name, O_RDONLY | O_NOFOLLOW));
    const ssize_t size = file.is_open() ? read_at(files_, file, text.data(), text.size(), 0) : -(errno != ENOENT);
    const bool removed = size < 0 && !passes(errno) && files_.unlinkat(directory_.get(), settled_name) == 0;
    if (size < 0 && !removed && errno != EISDIR) return false;
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const std::optional<settled_ranges> found = settled_ranges::from(text);
    counters_.corrupt += file.is_open() && !found;
    seen_ = settled_ = found.value_or(settled_ranges());
    reading_ = {0, 0, settled_.low() + 1};
    if (!found && !segments_.empty()) reading_.next = segments_.front().first;
    return true;
}

/// The highest sequence number in a segment; one that is surely higher if it cannot be read.
KEDGE_DECL std::uint64_t spool::last_in(const segment& where) {
    reading at{where.id, 0, where.first};
    if (walk(where, at, [](const spool_record&) { return taken::go_on; })) return at.next - 1;
    return where.first + where.bytes / record_header;
}

/// Calls `take` with each record from `at` on, as long as it takes them. False: the file cannot be read.
template <class Take> bool spool::walk(const segment& where, reading& at, Take take) {
    const descriptor file(files_.openat(directory_.get(), where.name.c_str(), O_RDONLY | O_NOFOLLOW));
    if (!file.is_open()) return false;
    std::string window(static_cast<std::size_t>(std::min<std::uint64_t>(read_window, where.bytes - at.offset)), '\0');
    while (at.offset < where.bytes) {
        const std::uint64_t start = at.offset, left = where.bytes - start;
        const std::size_t asked = std::min<std::size_t>(window.size(), left);
        const ssize_t size = read_at(files_, file, window.data(), asked, start);
        if (size == 0) errno = ENODATA;  // somebody shortened it
        if (size <= 0) return false;
        const std::string_view bytes(window.data(), static_cast<std::size_t>(size));
        record_scan scan(bytes, asked < left && bytes.size() == asked, where.salt, at.next, at.astray);
        while (const std::optional<spool_record> record = scan.next()) {
            const taken how = take(*record);  // may throw: then it is as if it had not been read
            if (how != taken::no) at.advance(start, scan);
            if (how != taken::go_on) return true;
        }
        at.advance(start, scan);
    }
    return true;
}

/// Which segment; one that is not there if there is nothing. `mutex_` is held.
KEDGE_DECL std::size_t spool::next_to_read() const noexcept {
    std::size_t i = 0;
    while (i < segments_.size() && needs_no_reading(i)) ++i;
    return i;
}

KEDGE_DECL spool_batch spool::read(const spool_room& room) noexcept {
    spool_batch out;
    std::vector<sequence_range> gaps;
    segment where;
    std::uint64_t from = 0, end = 0;
    reading at;
    settled_ranges seen;
    try {
        {
            const std::lock_guard guard(mutex_);
            at = reading_;
            const std::size_t next = next_to_read();
            if (!is_open_ || next == segments_.size()) return out;
            seen = seen_;
            where = segments_[next];
            from = at.next;
            end = range_of(next).last + 1;
            if (at.id != where.id) {
                if (where.first > at.next) gaps.push_back({at.next, where.first - 1});
                at = {where.id, 0, where.first};
                from = std::min(from, where.first);
                out.moved = true;
            }
            being_read_ = where.id;
        }
        out.ours = where.first >= first_own_;
        read_events(where, at, room, seen, out, gaps);
        if (at.offset >= where.bytes && end > at.next) gaps.push_back({std::exchange(at.next, end), end - 1});
    } catch (const std::exception&) {  // no memory; what was read counts
    }
    finish_reading(at, from, gaps, out);
    return out;
}

inline log_event& event_of(const spool_record& record) {
    log_event* const event = log_event::make(record.text.size());
    if (!event) throw std::bad_alloc();
    std::copy(record.text.begin(), record.text.end(), event->text());
    event->time_ms = record.time_ms;
    event->severity = record.severity;
    event->whole = record.whole;
    event->escaped = static_cast<std::uint32_t>(measure(record.text).escaped);
    event->sequence = record.sequence;
    return *event;
}

KEDGE_DECL void spool::read_events(const segment& where, reading& at, const spool_room& room, const settled_ranges& seen,
                                   spool_batch& to, std::vector<sequence_range>& gaps) {
    std::size_t used = 0;
    const bool readable = walk(where, at, [&](const spool_record& record) {
        const bool is_seen = seen.contains(record.sequence);
        const std::size_t needed = log_event::memory_for(record.text.size()) + room.overhead;
        const bool fits = used + needed <= room.bytes && to.events.size() < room.events;
        to.crowded = !is_seen && !fits && to.events.empty() && !room.any_first;
        if (!is_seen && !fits && !(to.events.empty() && room.any_first)) return taken::no;
        if (record.sequence > at.next) gaps.push_back({at.next, record.sequence - 1});
        if (is_seen) return taken::go_on;
        to.events.push_back(event_of(record));
        used += needed;
        return taken::go_on;
    });
    const bool gone = !readable && (errno == ENOENT || errno == ENODATA);
    read_attempts_ = readable ? 0 : read_attempts_ + !passes(errno);
    if (!gone && read_attempts_ < most_read_attempts) return;
    read_attempts_ = 0;
    ++at.corrupt, at.offset = where.bytes;
}

/// What lies between what was read is lost, unless it was settled.
KEDGE_DECL void spool::finish_reading(reading& at, std::uint64_t from, const std::vector<sequence_range>& gaps,
                                      spool_batch& out) noexcept {
    const std::lock_guard guard(mutex_);
    being_read_ = 0;
    try {
        seen_.make_room();
    } catch (const std::exception&) {  // as if nothing had been read
        out = {};
        out.earlier_left = is_earlier_left();
        return;
    }
    counters_.corrupt += std::exchange(at.corrupt, 0);
    for (const sequence_range& gap : gaps) {
        const std::uint64_t open = seen_.open_in(gap);
        counters_.lost += open;
        if (gap.first >= first_own_) out.lost += open;
        try {
            if (open > 0) settled_.add(gap);
        } catch (const std::exception&) {  // the segment stays until the next start
        }
    }
    if (at.next > from) seen_.add({from, at.next - 1});
    out.moved = out.moved || at.offset > reading_.offset;
    reading_ = at;
    out.earlier_left = is_earlier_left();
    tell();
}

KEDGE_DECL bool spool::is_earlier_left() const noexcept {
    const std::size_t next = next_to_read();
    return next < segments_.size() && segments_[next].first < first_own_;
}

KEDGE_DECL bool spool::earlier_left() const noexcept {
    const std::lock_guard guard(mutex_);
    return is_open_ && is_earlier_left();
}

}  // namespace kedge::aws::detail
