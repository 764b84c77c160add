// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

namespace survival {

/// A server that works on so many requests at a time, and lets as many again wait in line; it refuses the others. It does not
/// see that whoever asked has gone.
class middle_tier {
public:
    using work = std::function<void(ended)>;

    explicit middle_tier(std::size_t places) : places_(places) {}

    void take(work todo, ended done) {
        if (busy_ < places_) return start({std::move(todo), std::move(done)});
        if (line_.size() == places_) return done(boost::asio::error::no_buffer_space);
        line_.push_back({std::move(todo), std::move(done)});
    }

private:
    struct request {
        work todo;
        ended done;
    };

    void start(request r) {
        ++busy_;
        r.todo([this, done = std::move(r.done)](error_code ec) {
            done(ec);
            --busy_;
            if (line_.empty() || busy_ >= places_) return;
            request next = std::move(line_.front());
            line_.pop_front();
            start(std::move(next));
        });
    }

    const std::size_t places_;
    std::size_t busy_ = 0;
    std::deque<request> line_;
};

}  // namespace survival
