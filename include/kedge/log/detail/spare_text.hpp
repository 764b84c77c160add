// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace kedge::log::detail {

/** An empty text with the memory of one that this thread had before.
 *
 *  While one is in use another begins without memory, as does one on a thread whose objects are being destroyed.
 */
class spare_text {
public:
    spare_text() : text_(std::exchange(busy_, true) ? own_ : kept().text) {}
    ~spare_text() {
        if (&text_ == &own_) return;
        if (text_.capacity() > most_kept) std::string().swap(text_);
        text_.clear();
        busy_ = false;
    }
    spare_text(const spare_text&) = delete;
    spare_text& operator=(const spare_text&) = delete;

    std::string& operator*() noexcept { return text_; }

private:
    struct keeper {
        std::string text{};
        ~keeper() { busy_ = true; }
    };
    static keeper& kept() {
        static thread_local keeper one;
        return one;
    }

    /// More is rare, and would be kept by each thread.
    static constexpr std::size_t most_kept = 16 * 1024;
    static inline constinit thread_local bool busy_ = false;

    std::string own_;
    std::string& text_;
};

}  // namespace kedge::log::detail
