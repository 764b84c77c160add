// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace kedge_test {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

inline constexpr auto refused = asio::error::connection_refused;

/// What one attempt does: takes `after`, then ends with `result`.
struct scripted_step {
    std::chrono::nanoseconds after{0};
    error_code result{};
    bool deaf = false;  ///< does not listen to cancellation
};

/// An operation `void(error_code, int)` that plays a script, one step an attempt; the last step repeats. The value is
/// the number of the attempt.
class scripted_operation {
public:
    template <class Executor>
    scripted_operation(const Executor& ex, std::vector<scripted_step> steps)
        : shared_(std::make_shared<shared>(asio::any_io_executor(ex), std::move(steps))) {}

    int attempts() const { return shared_->attempts; }
    int running() const { return shared_->running; }

    template <class Token> auto operator()(Token&& token) {
        return asio::async_compose<Token, void(error_code, int)>(play{shared_}, token, shared_->executor);
    }

private:
    struct shared {
        shared(asio::any_io_executor ex, std::vector<scripted_step> s) : executor(std::move(ex)), steps(std::move(s)) {}
        asio::any_io_executor executor;
        std::vector<scripted_step> steps;
        int attempts = 0, running = 0;
    };

    struct play {
        std::shared_ptr<shared> script;
        std::unique_ptr<kedge::timer> timer{};
        int number = 0;

        template <class Self> void operator()(Self& self) {
            number = ++script->attempts;
            ++script->running;
            timer = std::make_unique<kedge::timer>(script->executor);
            self.reset_cancellation_state(asio::enable_total_cancellation());
            timer->expires_after(step().after);
            kedge::timer& t = *timer;
            if (step().deaf) t.async_wait(asio::bind_cancellation_slot(asio::cancellation_slot(), std::move(self)));
            else t.async_wait(std::move(self));
        }
        template <class Self> void operator()(Self& self, error_code ec) {
            --script->running;
            timer.reset();
            self.complete(ec ? ec : step().result, number);
        }
        const scripted_step& step() const {
            const auto last = script->steps.size() - 1;
            return script->steps[std::min<std::size_t>(static_cast<std::size_t>(number - 1), last)];
        }
    };

    std::shared_ptr<shared> shared_;
};

}  // namespace kedge_test
