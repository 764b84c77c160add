// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/runtime_clock.hpp>

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace kedge::testing::detail {

/// Makes a simulation's clock the one of this thread, until it ends; scopes may end in any order.
class virtual_clock_scope {
public:
    explicit virtual_clock_scope(const time_point& clock) noexcept
        : clock_(&clock), below_(top()), before_(kedge::detail::virtual_clock) {
        kedge::detail::virtual_clock = clock_;
        top() = this;
    }

    virtual_clock_scope(const virtual_clock_scope&) = delete;
    virtual_clock_scope& operator=(const virtual_clock_scope&) = delete;

    ~virtual_clock_scope() {
        if (top() == this) {
            top() = below_;
            kedge::detail::virtual_clock = before_;
            return;
        }
        for (virtual_clock_scope* s = top(); s; s = s->below_) {
            if (s->below_ != this) continue;
            s->below_ = below_;
            s->before_ = before_;
            return;
        }
    }

private:
    static virtual_clock_scope*& top() noexcept {
        static constinit thread_local virtual_clock_scope* innermost = nullptr;
        return innermost;
    }

    const time_point* clock_;
    virtual_clock_scope* below_;
    const time_point* before_;
};

/// What is ready to run in a simulation. Memory of steps is used again: a step costs no `malloc` of its own.
class simulated_steps {
public:
    simulated_steps() = default;
    simulated_steps(const simulated_steps&) = delete;
    simulated_steps& operator=(const simulated_steps&) = delete;

    ~simulated_steps() {
        clear();
        for (free_block*& list : free_)
            while (list) ::operator delete(std::exchange(list, list->next));
    }

    std::size_t size() const noexcept { return ready_.size(); }
    bool running() const noexcept { return running_ != 0; }

    template <class F> void push(F&& f) {
        using function = std::decay_t<F>;
        static_assert(alignof(function) <= alignof(std::max_align_t));
        ready_.reserve(ready_.size() + 1 > ready_.capacity() ? 2 * ready_.size() + 16 : ready_.capacity());
        void* const memory = allocate(sizeof(step_of<function>));
        try {
            ready_.push_back(::new (memory) step_of<function>(std::forward<F>(f)));
        } catch (...) {
            deallocate(memory, sizeof(step_of<function>));
            throw;
        }
    }

    /// The last takes the place of the chosen one. Its memory is free before it runs.
    void run(std::size_t chosen) {
        step* const s = ready_[chosen];
        ready_[chosen] = ready_.back();
        ready_.pop_back();
        struct inside {
            int& depth;
            explicit inside(int& d) noexcept : depth(d) { ++depth; }
            ~inside() { --depth; }
        } mark(running_);
        s->finish(*this, s, true);
    }

    void clear() noexcept {
        while (!ready_.empty()) {
            step* const s = ready_.back();
            ready_.pop_back();
            s->finish(*this, s, false);
        }
    }

private:
    struct step {
        void (*finish)(simulated_steps&, step*, bool run);
    };

    template <class F> struct step_of : step {
        template <class G> explicit step_of(G&& g) : step{&finish_it}, function(std::forward<G>(g)) {}

        static void finish_it(simulated_steps& steps, step* s, bool run) {
            auto* const self = static_cast<step_of*>(s);
            F function(std::move(self->function));
            self->~step_of();
            steps.deallocate(self, sizeof(step_of));
            if (run) std::move(function)();
        }

        F function;
    };

    struct free_block {
        free_block* next;
    };

    static constexpr std::size_t granule = 64, classes = 16;
    static constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / granule; }

    void* allocate(std::size_t size) {
        const std::size_t c = class_of(size);
        if (c >= classes) return ::operator new(size);
        if (free_block* const b = free_[c]) {
            free_[c] = b->next;
            return b;
        }
        return ::operator new((c + 1) * granule);
    }

    void deallocate(void* p, std::size_t size) noexcept {
        const std::size_t c = class_of(size);
        if (c >= classes) return ::operator delete(p);
        free_[c] = ::new (p) free_block{free_[c]};
    }

    std::vector<step*> ready_;
    std::array<free_block*, classes> free_{};
    int running_ = 0;
};

}  // namespace kedge::testing::detail
