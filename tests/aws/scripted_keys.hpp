// SPDX-License-Identifier: BSL-1.0
#pragma once
// A source of keys that brings what it is told, and somebody who asks for them, in the simulation.
#include "../support/catch.hpp"

#include <kedge/aws/detail/key_cache_shell.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace kedge_test {

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

inline credentials keys_called(const std::string& id) { return {id, std::string("secret"), std::string("token")}; }

/// Keys that end so long after now.
inline found_keys lasting(const std::string& id, nanoseconds life, http::wall_time now) {
    found_keys out = found(keys_called(id));
    out.expires = now + std::chrono::duration_cast<http::wall_time::duration>(life);
    return out;
}

class scripted_source final : public key_source {
public:
    explicit scripted_source(testing::simulation& ctx) : ctx_(ctx) {}

    std::string_view name() const noexcept override { return "script"; }
    void look(found_handler done) override {
        looks.push_back(ctx_.elapsed());
        if (is_silent) return void(held.push_back(std::move(done)));
        async_sleep(ctx_, latency, [this, done = std::move(done)](error_code) mutable { done(next()); });
    }

    std::function<found_keys()> next = [] { return found(keys_called("AKIA")); };
    std::vector<nanoseconds> looks;
    std::vector<found_handler> held;
    nanoseconds latency = 20ms;
    bool is_silent = false;

private:
    testing::simulation& ctx_;
};

/// What became of one question.
struct told {
    int times = 0;
    std::string id, reason;  ///< one of them
};

/// Has memory for so many functions only; negative: for all.
struct scarce_executor {
    boost::asio::any_io_executor inner;
    int* left;

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
        return boost::asio::query(inner, boost::asio::execution::context);
    }
    scarce_executor require(boost::asio::execution::blocking_t::never_t never) const {
        return {boost::asio::require(inner, never), left};
    }
    template <class F> void execute(F&& f) const {
        if (*left == 0) throw std::bad_alloc();
        if (*left > 0) --*left;
        inner.execute(std::forward<F>(f));
    }
    bool operator==(const scarce_executor&) const noexcept = default;
};

struct asker {
    testing::simulation ctx;
    scripted_source* source;
    std::shared_ptr<key_cache_shell> shell;
    int memory = -1;  ///< for so many functions that are posted; negative: for all

    explicit asker(std::uint64_t seed = 1) : ctx(seed, http::wall_time(std::chrono::hours(500'000))) {
        auto made = std::make_unique<scripted_source>(ctx);
        source = made.get();
        shell = std::make_shared<key_cache_shell>(scarce_executor{ctx.get_executor(), &memory}, std::move(made));
    }

    ~asker() {
        if (shell) source->held.clear();  // each keeps the shell
    }

    http::wall_time wall() { return runtime::of(ctx.get_executor()).wall_now(); }
    int looks() const { return static_cast<int>(source->looks.size()); }

    static credentials_handler into(const std::shared_ptr<told>& out) {
        return [out](credentials_answer a) {
            ++out->times;
            if (a.keys) out->id = a.keys->access_key_id();
            out->reason = a.reason;
        };
    }
    std::shared_ptr<told> get() {
        auto out = std::make_shared<told>();
        shell->get(into(out));
        return out;
    }
    std::shared_ptr<told> refresh() {
        auto out = std::make_shared<told>();
        shell->refresh(into(out));
        return out;
    }
    /// Asks and runs until all is quiet.
    told got() {
        const auto out = get();
        ctx.run();
        return *out;
    }
    told refreshed() {
        const auto out = refresh();
        ctx.run();
        return *out;
    }
};

}  // namespace kedge_test
