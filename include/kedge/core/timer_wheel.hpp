// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace kedge {

namespace core {
class timer_list;
class timer_wheel;
class timer_set;
}  // namespace core

namespace detail {
class timer_service;
}

using timer_hook = boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>,
                                                   boost::intrusive::optimize_size<true>>;

/** An entry in a runtime's timers, embedded in whatever waits.
 *
 *  The owner keeps it alive and in place until `runtime::cancel` returned true or a callback was called.
 */
class timer_node : public timer_hook {
public:
    timer_node() = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

    /// Called once, outside all locks, on a thread of the context. Posts what belongs to the user: what it does
    /// inline delays other timers, and an exception ends the program.
    void (*fire)(timer_node*) noexcept = nullptr;

    /// For a node that alone keeps its owner alive (nothing else will ever free it): called instead of `fire` when the
    /// context shuts down; the owner destroys itself without a completion. Null: the node stays armed and a later
    /// `cancel` returns true.
    void (*abandon)(timer_node*) noexcept = nullptr;

private:
    friend class core::timer_list;
    friend class core::timer_wheel;
    friend class core::timer_set;
    friend class detail::timer_service;

    timer_node* next_ = nullptr;
    timer_node** link_ = nullptr;  // whoever points here; null when in no list
    std::int64_t due_ = 0;         // a tick in a wheel, nanoseconds in a set
    unsigned place_ = 0;           // which of a service's collections; stable while armed
};

namespace core {

inline constexpr std::int64_t no_tick = std::numeric_limits<std::int64_t>::max();

/// Intrusive list whose members leave without knowing which list they are in. Last in, first out.
class timer_list {
public:
    timer_list() = default;
    timer_list(const timer_list&) = delete;
    timer_list& operator=(const timer_list&) = delete;

    timer_node* front() const noexcept { return head_; }

    void push(timer_node& n) noexcept {
        n.next_ = head_;
        n.link_ = &head_;
        if (head_) head_->link_ = &n.next_;
        head_ = &n;
    }

    static void remove(timer_node& n) noexcept {
        *n.link_ = n.next_;
        if (n.next_) n.next_->link_ = n.link_;
        n.link_ = nullptr;
    }

    timer_node* pop() noexcept {
        timer_node* const n = head_;
        if (n) remove(*n);
        return n;
    }

    static timer_node* after(const timer_node& n) noexcept { return n.next_; }

private:
    timer_node* head_ = nullptr;
};

/** One hierarchical timer wheel: five levels of 64 slots, so 64, 4096, … 2^30 ticks ahead; what lies farther waits in
 *  the last level and is placed again. Time is a tick number in the arguments. Not thread-safe.
 *
 *  `arm` and `cancel` are O(1). `advance` visits occupied slots only, so it may jump over any number of ticks.
 */
class timer_wheel {
public:
    static constexpr int levels = 5, slot_bits = 6, slots = 1 << slot_bits;
    static constexpr std::int64_t span = std::int64_t{1} << (levels * slot_bits);

    /// `due` and `now` are ticks; what is due already comes with the next tick that is advanced to.
    void arm(timer_node& n, std::int64_t due, std::int64_t now) noexcept {
        if (armed_++ == 0) next_ = std::max(next_, now);  // nothing is linked: the wheel may jump
        n.due_ = due;
        place(n);
    }

    /// False if it is not armed (any more): it was popped or cancelled.
    bool cancel(timer_node& n) noexcept {
        if (!n.link_) return false;
        timer_list::remove(n);
        --armed_;
        return true;
    }

    /// Makes everything due at or before `tick` available to @ref pop_due.
    void advance(std::int64_t tick) noexcept {
        while (armed_ != 0) {
            const std::int64_t event = next_event();
            if (event > tick) break;
            next_ = event;
            turn();
            ++next_;
        }
        next_ = std::max(next_, tick + 1);
    }

    /// Until it is popped, a due node can still be cancelled.
    timer_node* pop_due() noexcept { return pop(due_); }

    /// Nothing becomes due before this tick; @ref no_tick when nothing is placed. Not necessarily a tick of an expiry.
    std::int64_t next_event() noexcept {
        std::int64_t earliest = no_tick;
        for (int level = 0; level < levels; ++level) earliest = std::min(earliest, next_event(level));
        return earliest;
    }

    std::size_t armed() const noexcept { return armed_; }
    bool has_due() const noexcept { return due_.front() != nullptr; }

    /// Collects the nodes that want to be abandoned; they stay cancellable until @ref pop_abandoned.
    void abandon_all() noexcept {
        const auto sort_out = [this](timer_list& list) {
            for (timer_node* n = list.front(); n;) {
                timer_node* const next = timer_list::after(*n);
                if (n->abandon) {
                    timer_list::remove(*n);
                    abandoned_.push(*n);
                }
                n = next;
            }
        };
        for (auto& level : slots_)
            for (auto& slot : level) sort_out(slot);
        sort_out(due_);
    }

    timer_node* pop_abandoned() noexcept { return pop(abandoned_); }

private:
    static std::int64_t shift_of(int level) noexcept { return level * slot_bits; }
    static std::size_t slot_of(std::int64_t tick, int level) noexcept {
        return static_cast<std::size_t>(tick >> shift_of(level)) & (slots - 1);
    }

    timer_node* pop(timer_list& from) noexcept {
        timer_node* const n = from.pop();
        if (n) --armed_;
        return n;
    }

    void place(timer_node& n) noexcept {
        const std::int64_t ahead = std::clamp<std::int64_t>(n.due_ - next_, 0, span - 1);
        const int level = (std::bit_width(static_cast<std::uint64_t>(ahead) | 1) - 1) / slot_bits;
        const std::size_t slot = slot_of(next_ + ahead, level);
        slots_[static_cast<std::size_t>(level)][slot].push(n);
        occupied_[static_cast<std::size_t>(level)] |= std::uint64_t{1} << slot;
    }

    /// When the first occupied slot of a level is looked at. The bits are hints, set here and cleared lazily.
    std::int64_t next_event(int level) noexcept {
        const auto at = static_cast<std::size_t>(level);
        const std::int64_t shift = shift_of(level);
        const std::int64_t first = (next_ + (std::int64_t{1} << shift) - 1) >> shift;
        while (const std::uint64_t bits = occupied_[at]) {
            const int ahead = std::countr_zero(std::rotr(bits, static_cast<int>(first & (slots - 1))));
            const auto slot = static_cast<std::size_t>(first + ahead) & (slots - 1);
            if (slots_[at][slot].front()) return (first + ahead) << shift;
            occupied_[at] &= ~(std::uint64_t{1} << slot);
        }
        return no_tick;
    }

    /// What the current tick holds: slots of the higher levels move down, the slot of the lowest is due.
    void turn() noexcept {
        for (int level = levels - 1; level > 0; --level) {
            if ((next_ & ((std::int64_t{1} << shift_of(level)) - 1)) == 0) move_down(level);
        }
        while (timer_node* const n = slots_[0][slot_of(next_, 0)].pop()) due_.push(*n);
    }

    void move_down(int level) noexcept {
        auto& slot = slots_[static_cast<std::size_t>(level)][slot_of(next_, level)];
        timer_list moving;  // a node that is still too far away goes back into the slot it came from
        while (timer_node* const n = slot.pop()) moving.push(*n);
        while (timer_node* const n = moving.pop()) place(*n);
    }

    std::array<std::array<timer_list, slots>, levels> slots_{};
    std::array<std::uint64_t, levels> occupied_{};
    timer_list due_, abandoned_;
    std::int64_t next_ = 0;  // the first tick that was not looked at
    std::size_t armed_ = 0;
};

/** Timers in exact order, for the near future and for virtual time; equal times in the order of their arming.
 *  Same verbs as the wheel, times in nanoseconds. Not thread-safe. `arm` is O(log n), `cancel` too.
 */
class timer_set {
public:
    timer_set() = default;
    ~timer_set() { tree_.clear(); }

    void arm(timer_node& n, std::int64_t due) noexcept {
        n.due_ = due;
        tree_.insert(n);
        ++armed_;
    }

    bool cancel(timer_node& n) noexcept {
        if (n.is_linked()) tree_.erase(tree_.iterator_to(n));
        else if (n.link_) timer_list::remove(n);
        else return false;
        --armed_;
        return true;
    }

    void advance(std::int64_t now) noexcept {
        if (tree_.empty() || tree_.begin()->due_ > now) return;
        timer_list backwards;
        while (timer_node* const n = due_.pop()) backwards.push(*n);
        while (!tree_.empty() && tree_.begin()->due_ <= now) {
            timer_node& n = *tree_.begin();
            tree_.erase(tree_.begin());
            backwards.push(n);
        }
        while (timer_node* const n = backwards.pop()) due_.push(*n);
    }

    timer_node* pop_due() noexcept { return pop(due_); }

    /// The earliest that is not due; @ref no_tick if there is none.
    std::int64_t next_event() const noexcept { return tree_.empty() ? no_tick : tree_.begin()->due_; }

    std::size_t armed() const noexcept { return armed_; }
    bool has_due() const noexcept { return due_.front() != nullptr; }

    void abandon_all() noexcept {
        for (auto it = tree_.begin(); it != tree_.end();) {
            timer_node& n = *it++;
            if (!n.abandon) continue;
            tree_.erase(tree_.iterator_to(n));
            abandoned_.push(n);
        }
        for (timer_node* n = due_.front(); n;) {
            timer_node* const next = timer_list::after(*n);
            if (n->abandon) {
                timer_list::remove(*n);
                abandoned_.push(*n);
            }
            n = next;
        }
    }

    timer_node* pop_abandoned() noexcept { return pop(abandoned_); }

private:
    struct earlier {
        bool operator()(const timer_node& a, const timer_node& b) const noexcept { return a.due_ < b.due_; }
    };

    timer_node* pop(timer_list& from) noexcept {
        timer_node* const n = from.pop();
        if (n) --armed_;
        return n;
    }

    boost::intrusive::multiset<timer_node, boost::intrusive::base_hook<timer_hook>, boost::intrusive::compare<earlier>,
                               boost::intrusive::constant_time_size<false>>
        tree_;
    timer_list due_, abandoned_;
    std::size_t armed_ = 0;
};

}  // namespace core
}  // namespace kedge
