// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/log_event.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif

namespace kedge::aws::detail {

/** A piece of memory with many small events in it, which goes when the last of them does: on any thread, in any order.
 *
 *  An event of its own allocation is made on a thread that writes and freed on the one that delivers. That costs both of them the
 *  allocator's lock and its bookkeeping, two thirds of a `write`.
 */
class event_chunk {
public:
    /// Null without memory.
    static event_chunk* make(std::size_t bytes) noexcept {
        void* const memory = ::operator new(bytes, std::nothrow);
        return memory ? new (memory) event_chunk : nullptr;
    }
    static event_chunk* of(log_event& carved) noexcept {
        return reinterpret_cast<event_chunk*>(reinterpret_cast<char*>(&carved) - carved.place);
    }

    void release(std::uint32_t owners) noexcept {
        if (owners_.fetch_sub(owners, std::memory_order_acq_rel) == owners) ::operator delete(this);
    }

    /// Of one that is being filled: the events in it need not be counted one by one.
    static constexpr std::uint32_t many = 1U << 30;

private:
    event_chunk() = default;

    std::atomic<std::uint32_t> owners_{many};
};

/** Makes events, small ones in chunks.
 *
 *  What @ref log_event::memory says of a chunk's events is all of it but for 3 % while they are all there. The one that is open,
 *  and those of which some events are gone, take more than is counted: at most a chunk for each end of a batch, a 64th of the
 *  limit. A larger chunk would save little, and is made under the queue's lock.
 *
 *  @par Thread safety  None; what it made may be destroyed by any thread.
 */
class event_carver {
public:
    /// @param most  how much memory all events may take
    explicit event_carver(std::size_t most) noexcept : chunk_bytes_(std::clamp<std::size_t>(most / 64, 1024, 8 * 1024)) {}
    event_carver(const event_carver&) = delete;
    event_carver& operator=(const event_carver&) = delete;
    ~event_carver() { close(); }

    /// As @ref log_event::make.
    log_event* make(std::size_t size) noexcept {
        const std::size_t bytes = (sizeof(log_event) + size + alignof(log_event) - 1) / alignof(log_event) * alignof(log_event);
        if (bytes > chunk_bytes_ / 16) return log_event::make(size);  // or the unused end of a chunk would be much of it
        if (!open_ || used_ + bytes > chunk_bytes_) {
            close();
            open_ = event_chunk::make(chunk_bytes_);
            if (!open_) return nullptr;
            used_ = first;
        }
        log_event* const event = new (reinterpret_cast<char*>(open_) + used_) log_event;
        event->size = static_cast<std::uint32_t>(size);
        event->place = static_cast<std::uint16_t>(used_);
        used_ += bytes;
        ++made_;
        return event;
    }

private:
    void close() noexcept {
        if (open_) open_->release(event_chunk::many - std::exchange(made_, 0));
        open_ = nullptr;
    }

    static constexpr std::size_t first = (sizeof(event_chunk) + alignof(log_event) - 1) / alignof(log_event) * alignof(log_event);

    const std::size_t chunk_bytes_;
    event_chunk* open_ = nullptr;
    std::size_t used_ = 0;
    std::uint32_t made_ = 0;  ///< in the open one
};

inline void log_event::destroy(log_event* event) noexcept {
    if (event->place == 0) return ::operator delete(event);
    event_chunk* const home = event_chunk::of(*event);
#ifdef ASAN_POISON_MEMORY_REGION
    ASAN_POISON_MEMORY_REGION(event, sizeof *event + event->size);  // who looks at it now is found out, as if it had been freed
#endif
    home->release(1);
}

}  // namespace kedge::aws::detail
