// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/service_answer.hpp>

#include <cstdint>

namespace kedge::aws::detail {

/** Makes the group and the stream when the service says that one is missing: one request at a time, and nobody is asked
 *  before whether they are there. That somebody else is faster is success. */
class target_creation {
public:
    explicit target_creation(int retention_days) noexcept : retention_days_(retention_days) {}

    bool busy() const noexcept { return busy_; }
    operation next() const noexcept { return next_; }

    void begin(bool group_missing) noexcept {
        if (busy_) return;
        busy_ = true;
        group_is_there_ = group_may_be_ours_ = false;
        conflicts_ = 0;
        next_ = group_missing ? operation::create_group : operation::create_stream;
    }

    enum class progress : std::uint8_t { done, onward, again, group_kept_forever };

    /// @param kind  of the answer to @ref next. `again`: only after a pause
    progress answered(answer_kind kind) noexcept {
        const bool there = kind == answer_kind::accepted || kind == answer_kind::exists;
        switch (next_) {
        case operation::create_stream:
            if (there) return finish();
            if (kind != answer_kind::missing) return progress::again;
            next_ = operation::create_group;
            return group_is_there_ ? progress::again : progress::onward;  // again: not all of the service sees it yet
        case operation::create_group:
            if (kind == answer_kind::accepted || kind == answer_kind::unknown || kind == answer_kind::failed)
                group_may_be_ours_ = true;
            if (!there) return progress::again;
            group_is_there_ = true;
            return go_to(group_may_be_ours_ && retention_days_ > 0 ? operation::put_retention : operation::create_stream);
        default:
            if (may_pass(kind) && ++conflicts_ < most_conflicts) return progress::again;
            go_to(operation::create_stream);  // events matter more than how long they are kept
            return there ? progress::onward : progress::group_kept_forever;
        }
    }

private:
    static constexpr int most_conflicts = 5;

    static bool may_pass(answer_kind kind) noexcept {
        return kind == answer_kind::conflict || kind == answer_kind::throttled || kind == answer_kind::failed ||
               kind == answer_kind::unknown || kind == answer_kind::not_sent;
    }
    progress go_to(operation step) noexcept {
        next_ = step;
        return progress::onward;
    }
    progress finish() noexcept {
        busy_ = false;
        return progress::done;
    }

    int retention_days_;
    int conflicts_ = 0;
    bool busy_ = false, group_is_there_ = false;
    bool group_may_be_ours_ = false;  ///< the answer to its creation may have been lost
    operation next_ = operation::create_stream;
};

}  // namespace kedge::aws::detail
