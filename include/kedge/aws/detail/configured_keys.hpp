// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_provider.hpp>
#include <kedge/config/settings.hpp>
#include <kedge/detail/post_to.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <mutex>
#include <utility>

namespace kedge::aws::detail {

/// The keys of a configuration that may be loaded again; those of another provider while it has none.
class configured_keys final : public credentials_provider {
public:
    configured_keys(const boost::asio::any_io_executor& ex, std::shared_ptr<credentials_provider> otherwise)
        : executor_(ex), otherwise_(std::move(otherwise)) {}

    void take(const config::aws_options& from) {
        std::shared_ptr<const credentials> keys;
        if (!from.access_key_id.reveal().empty())
            keys = std::make_shared<const credentials>(from.access_key_id.reveal(), from.secret_access_key, from.session_token);
        const std::lock_guard lock(mutex_);
        keys_ = std::move(keys);
    }

    void get(credentials_handler done) override {
        std::shared_ptr<const credentials> keys = current();
        if (!keys) return otherwise_->get(std::move(done));
        kedge::detail::post_to(executor_, [done = std::move(done), keys = std::move(keys)]() mutable {
            done({std::move(keys), {}});
        });
    }

    void refresh(credentials_handler done) override {
        if (!current()) return otherwise_->refresh(std::move(done));
        kedge::detail::post_to(executor_, [done = std::move(done)]() mutable {
            done({nullptr, "the keys are those of the configuration; others come when it is loaded again"});
        });
    }

private:
    std::shared_ptr<const credentials> current() const {
        const std::lock_guard lock(mutex_);
        return keys_;
    }

    const boost::asio::any_io_executor executor_;
    const std::shared_ptr<credentials_provider> otherwise_;
    mutable std::mutex mutex_;
    std::shared_ptr<const credentials> keys_;
};

}  // namespace kedge::aws::detail
