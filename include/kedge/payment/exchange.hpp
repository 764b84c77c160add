// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/detail/handlers.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::payment {

/// How far an attempt got. Only below `partial` is it certain that the other side did nothing.
enum class send_phase : std::uint8_t {
    none,           ///< not even the name was looked up
    resolved,       ///< the address is known
    connected,      ///< TCP is up
    tls_done,       ///< the peer is verified; no byte of the application was written yet
    partial,        ///< some bytes of the request were handed over
    complete,       ///< all of them
    response_head,  ///< an answer began
    response_done,  ///< the answer is complete and well formed
};

struct header {
    std::string name, value;
};

/// A request as a provider words it. Holds secrets: it is never printed or logged.
struct request {
    std::string method, target;
    std::vector<header> headers{};
    std::string body{};
};

struct response {
    int status = 0;
    std::vector<header> headers{};
    std::string body{};

    /// Of the first header called so, in whatever case; empty if there is none.
    std::string_view operator[](std::string_view name) const noexcept;
};

/// A move-only function with an executor (`get_executor()`) and a cancellation slot (`get_cancellation_slot()`).
using exchange_handler = kedge::detail::any_handler<void(error_code, response, send_phase)>;

/** The one seam below the payment logic: carries one request to the provider and brings one answer back.
 *
 *  kedge's own one is HTTP over verified TLS; `testing::scripted_exchange` serves the simulation; implement it to go
 *  through something else.
 *
 *  Duties: call the handler exactly once, by its associated executor, never inside @ref start; after terminal
 *  cancellation (the handler's slot) end within one turn; never repeat a request by itself; follow no redirect; report a
 *  phase that is never too low. `send_phase::response_done` means a complete, well-formed answer.
 *  @par Thread safety  `start` may be called from any thread.
 */
class exchange {
public:
    virtual ~exchange() = default;

    /// @param what lives until the handler was called; @param of  the deadline, and which attempt this is
    virtual void start(const request& what, const attempt& of, exchange_handler handler) = 0;
};

inline std::string_view response::operator[](std::string_view name) const noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (const header& h : headers) {
        bool same = h.name.size() == name.size();
        for (std::size_t i = 0; same && i < name.size(); ++i) same = lower(h.name[i]) == lower(name[i]);
        if (same) return h.value;
    }
    return {};
}

}  // namespace kedge::payment
