// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/http/message.hpp>

namespace kedge::payment {

using http::header;
using http::request;
using http::response;
using http::send_phase;

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

}  // namespace kedge::payment
