// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

// Intrusive lists for whatever waits its turn. Nothing here allocates; the elements belong to somebody else.

namespace kedge::core {

/// Base of an element; it stands in at most one queue or chain at a time.
template <class T> struct queue_hook {
    T* before = nullptr;
    T* after = nullptr;
};

/** First in, first out; anybody may leave from the middle. Every operation is O(1).
 *
 *  Copying copies the ends only: a test that saves and restores a whole world in place may do that, nobody else.
 */
template <class T> class waiter_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }
    T* front() const noexcept { return first_; }
    T* back() const noexcept { return last_; }
    static T* next(const T& element) noexcept { return element.after; }

    void push_back(T& element) noexcept {
        element.before = last_;
        element.after = nullptr;
        (last_ ? last_->after : first_) = &element;
        last_ = &element;
        ++size_;
    }

    /// For stacks: the idle connections of a pool are used from the front and age towards the back.
    void push_front(T& element) noexcept {
        element.before = nullptr;
        element.after = first_;
        (first_ ? first_->before : last_) = &element;
        first_ = &element;
        ++size_;
    }

    void remove(T& element) noexcept {
        (element.before ? element.before->after : first_) = element.after;
        (element.after ? element.after->before : last_) = element.before;
        element.before = element.after = nullptr;
        --size_;
    }

    /// Null if there is none.
    T* pop_front() noexcept {
        T* const element = first_;
        if (element) remove(*element);
        return element;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
    std::size_t size_ = 0;
};

/** What a decision leaves to be done, in order: any number of elements without an allocation. Take one out before
 *  acting on it, since acting may put it elsewhere or end its life.
 */
template <class T> class action_chain {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    T* front() const noexcept { return first_; }

    void push(T& element) noexcept {
        element.after = nullptr;
        (last_ ? last_->after : first_) = &element;
        last_ = &element;
    }

    T* pop() noexcept {
        T* const element = first_;
        if (!element) return nullptr;
        first_ = element->after;
        if (!first_) last_ = nullptr;
        element->after = nullptr;
        return element;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

}  // namespace kedge::core
