// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <type_traits>

namespace kedge::detail {

template <class Allocator> struct recycled {
    using type = Allocator;
    static const type& from(const Allocator& a) noexcept { return a; }
};

/// Asio's own operations do the same: `std::allocator` as associated allocator means that nobody chose one.
template <class T> struct recycled<std::allocator<T>> {
    using type = boost::asio::recycling_allocator<T>;
    static type from(const std::allocator<T>&) noexcept { return type(); }
};

/// The allocator for the state of an operation, rebound to `T`.
template <class T, class Handler>
using handler_allocator_t = typename std::allocator_traits<
    typename recycled<boost::asio::associated_allocator_t<Handler>>::type>::template rebind_alloc<T>;

template <class T, class Handler> handler_allocator_t<T, Handler> handler_allocator(const Handler& handler) noexcept {
    using associated = boost::asio::associated_allocator_t<Handler>;
    return handler_allocator_t<T, Handler>(recycled<associated>::from(boost::asio::get_associated_allocator(handler)));
}

/// Makes a `T` in the memory of a handler that may itself be moved into the `T`.
template <class T, class Allocator, class... Args> T* allocate_object(Allocator allocator, Args&&... args) {
    using traits = std::allocator_traits<Allocator>;
    static_assert(std::is_same_v<typename traits::value_type, T>);
    struct memory {
        Allocator& allocator;
        typename traits::pointer block;
        ~memory() {
            if (block) traits::deallocate(allocator, block, 1);
        }
    };
    memory m{allocator, traits::allocate(allocator, 1)};
    T* const made = ::new (static_cast<void*>(std::to_address(m.block))) T(std::forward<Args>(args)...);
    m.block = nullptr;
    return made;
}

template <class T, class Allocator> void deallocate_object(Allocator allocator, T* object) noexcept {
    object->~T();
    std::allocator_traits<Allocator>::deallocate(
        allocator, std::pointer_traits<typename std::allocator_traits<Allocator>::pointer>::pointer_to(*object), 1);
}

}  // namespace kedge::detail
