// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/level.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/// What PutLogEvents counts for each event beside its text.
inline constexpr std::size_t event_overhead = 26;
/// `{"timestamp":1761492406000,"message":""},`: what an event takes in a request's body beside its escaped text.
inline constexpr std::size_t event_framing = 41;

/** One event on its way: a header with its text behind it, in one piece of memory, which it may share with others: see
 *  event_chunk.hpp. */
struct log_event {
    log_event* next = nullptr;
    std::int64_t time_ms = 0;  ///< since 1970
    std::uint32_t size = 0;    ///< of the text, which is UTF-8
    std::uint32_t escaped = 0; ///< of the text as it stands in JSON
    log::level severity = log::level::info;
    bool whole = false;        ///< a document: never cut
    std::uint16_t place = 0;   ///< in a chunk: so far from its beginning; 0: in memory of its own
    float share = 1;           ///< of its record on disk; others have the rest if the text was split later
    std::uint64_t sequence = 0;  ///< of its record on disk; 0: it is in memory only

    /// Null without memory. The text is not set.
    static log_event* make(std::size_t size) noexcept {
        if (size > std::numeric_limits<std::uint32_t>::max() / 6) return nullptr;  // what would not fit in `escaped`
        void* const memory = ::operator new(sizeof(log_event) + size, std::nothrow);
        if (!memory) return nullptr;
        log_event* const event = new (memory) log_event;
        event->size = static_cast<std::uint32_t>(size);
        return event;
    }
    static void destroy(log_event* event) noexcept;

    void describe(std::int64_t time, log::level how_bad, bool document, std::size_t in_json) noexcept {
        time_ms = time;
        severity = how_bad;
        whole = document;
        escaped = static_cast<std::uint32_t>(in_json);
    }

    char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
    std::string_view message() const noexcept { return {reinterpret_cast<const char*>(this + 1), size}; }

    std::size_t counted() const noexcept { return size + event_overhead; }
    std::size_t wire() const noexcept { return escaped + event_framing; }
    /// What it really takes: the allocator's own word, and pieces of 16 bytes.
    std::size_t memory() const noexcept { return memory_for(size); }
    static std::size_t memory_for(std::size_t size) noexcept {
        return (sizeof(log_event) + size + sizeof(std::size_t) + 15) / 16 * 16;
    }
};

/** Owns events in a row, and knows what they amount to. */
class event_list {
public:
    event_list() = default;
    event_list(event_list&& other) noexcept { swap(other); }
    event_list& operator=(event_list&& other) noexcept {
        event_list gone(std::move(other));
        swap(gone);
        return *this;
    }
    ~event_list() {
        while (log_event* const event = pop_front()) log_event::destroy(event);
    }

    bool empty() const noexcept { return !first_; }
    std::size_t size() const noexcept { return size_; }
    std::size_t counted() const noexcept { return text_ + size_ * event_overhead; }
    std::size_t wire() const noexcept { return escaped_ + size_ * event_framing; }
    std::size_t memory() const noexcept { return memory_; }
    log_event* front() const noexcept { return first_; }
    log_event* back() const noexcept { return last_; }

    void push_back(log_event& event) noexcept {
        event.next = nullptr;
        (last_ ? last_->next : first_) = &event;
        last_ = &event;
        count(event, 1);
    }

    /// Null if there is none. The caller owns it.
    log_event* pop_front() noexcept {
        log_event* const event = first_;
        if (!event) return nullptr;
        first_ = event->next;
        if (!first_) last_ = nullptr;
        count(*event, std::size_t(-1));
        return event;
    }

    void append(event_list&& more) noexcept {
        if (more.empty()) return;
        (last_ ? last_->next : first_) = more.first_;
        last_ = more.last_;
        size_ += more.size_, text_ += more.text_, escaped_ += more.escaped_, memory_ += more.memory_;
        more.forget();
    }

    /// Takes out the first `n`.
    event_list take_front(std::size_t n) noexcept {
        event_list taken;
        while (n-- > 0 && first_) taken.push_back(*pop_front());
        return taken;
    }

    /// By time; events of the same time keep their order. Threads that write at once are late by little: one pass finds the few
    /// that are, and only these are sorted.
    void sort() noexcept {
        event_list in_order, late;
        while (log_event* const event = pop_front())
            (in_order.empty() || event->time_ms >= in_order.back()->time_ms ? in_order : late).push_back(*event);
        late.sort_runs();
        merge(in_order, late);
    }

    void swap(event_list& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(size_, other.size_);
        std::swap(text_, other.text_);
        std::swap(escaped_, other.escaped_);
        std::swap(memory_, other.memory_);
    }

private:
    /// Merges runs of growing length, so needs no memory.
    void sort_runs() noexcept {
        for (std::size_t run = 1; run < size_; run *= 2) {
            event_list sorted;
            while (!empty()) {
                event_list left = take_front(run), right = take_front(run);
                sorted.merge(left, right);
            }
            swap(sorted);
        }
    }
    /// Appends both, in order. @param left  before those of `right` with the same time
    void merge(event_list& left, event_list& right) noexcept {
        while (!left.empty() && !right.empty())
            push_back(*(right.front()->time_ms < left.front()->time_ms ? right : left).pop_front());
        append(std::move(left));
        append(std::move(right));
    }
    void count(const log_event& event, std::size_t sign) noexcept {
        size_ += sign;
        text_ += sign * event.size;
        escaped_ += sign * event.escaped;
        memory_ += sign * event.memory();
    }
    void forget() noexcept {
        first_ = last_ = nullptr;
        size_ = text_ = escaped_ = memory_ = 0;
    }

    log_event* first_ = nullptr;
    log_event* last_ = nullptr;
    std::size_t size_ = 0, text_ = 0, escaped_ = 0, memory_ = 0;
};

}  // namespace kedge::aws::detail

#include <kedge/aws/detail/event_chunk.hpp>  // how one is destroyed
