// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <type_traits>
#include <utility>

// One block from the handler's allocator. Where the user gave none, Asio's recycling one: the default of
// `associated_allocator` is `std::allocator`, which would cost a malloc for each call.

namespace kedge::detail {

template <class T, class Handler> auto allocator_for(const Handler& handler) {
    using associated = boost::asio::associated_allocator_t<Handler>;
    if constexpr (std::is_same_v<associated, std::allocator<void>>) {
        return boost::asio::recycling_allocator<T>();
    } else {
        using rebound = typename std::allocator_traits<associated>::template rebind_alloc<T>;
        return rebound(boost::asio::get_associated_allocator(handler));
    }
}

/// Makes a T from `handler` (which is moved from) and `args`, in memory that belongs to `handler`.
template <class T, class Handler, class... Args> T* allocate_for(Handler& handler, Args&&... args) {
    auto allocator = allocator_for<T>(handler);
    T* const memory = allocator.allocate(1);
    try {
        return ::new (static_cast<void*>(memory)) T(std::move(handler), std::forward<Args>(args)...);
    } catch (...) {
        allocator.deallocate(memory, 1);
        throw;
    }
}

/// Destroys what @ref allocate_for made; `handler` has been moved out of it.
template <class T, class Handler> void deallocate_for(const Handler& handler, T* object) {
    auto allocator = allocator_for<T>(handler);
    object->~T();
    allocator.deallocate(object, 1);
}

}  // namespace kedge::detail
