// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace kedge::detail {

template <class Signature> class unique_function;

/** A callable of any type, owned; movable, not copyable. Small ones (three pointers, nothrow movable) live inside. */
template <class R, class... Args> class unique_function<R(Args...)> {
public:
    unique_function() = default;
    unique_function(std::nullptr_t) noexcept {}

    template <class F>
        requires(!std::is_same_v<std::decay_t<F>, unique_function> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    unique_function(F&& f) {
        using function = std::decay_t<F>;
        if constexpr (fits<function>) ::new (static_cast<void*>(memory_)) function(std::forward<F>(f));
        else ::new (static_cast<void*>(memory_)) function*(new function(std::forward<F>(f)));
        verbs_ = &verbs_of<function>;
    }

    unique_function(unique_function&& other) noexcept { take(other); }

    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }

    ~unique_function() { reset(); }

    explicit operator bool() const noexcept { return verbs_ != nullptr; }

    /// Precondition: not empty.
    R operator()(Args... args) { return verbs_->call(memory_, std::forward<Args>(args)...); }

    void reset() noexcept {
        if (const verbs* const v = std::exchange(verbs_, nullptr)) v->destroy(memory_);
    }

private:
    struct verbs {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;  // leaves nothing to destroy at `from`
        void (*destroy)(void*) noexcept;
    };

    static constexpr std::size_t capacity = 3 * sizeof(void*);
    template <class F>
    static constexpr bool fits =
        sizeof(F) <= capacity && alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;

    template <class F> static F& target(void* memory) noexcept {
        if constexpr (fits<F>) return *std::launder(static_cast<F*>(memory));
        else return **std::launder(static_cast<F**>(memory));
    }

    template <class F> static R call(void* memory, Args&&... args) {
        return static_cast<R>(target<F>(memory)(std::forward<Args>(args)...));
    }

    template <class F> static void move(void* from, void* to) noexcept {
        if constexpr (fits<F>) {
            ::new (to) F(std::move(target<F>(from)));
            target<F>(from).~F();
        } else {
            ::new (to) F*(&target<F>(from));
        }
    }

    template <class F> static void destroy(void* memory) noexcept {
        if constexpr (fits<F>) target<F>(memory).~F();
        else delete &target<F>(memory);
    }

    template <class F> static constexpr verbs verbs_of{&call<F>, &move<F>, &destroy<F>};

    void take(unique_function& other) noexcept {
        if (!other.verbs_) return;
        other.verbs_->move(other.memory_, memory_);
        verbs_ = std::exchange(other.verbs_, nullptr);
    }

    alignas(void*) std::byte memory_[capacity];
    const verbs* verbs_ = nullptr;
};

}  // namespace kedge::detail
