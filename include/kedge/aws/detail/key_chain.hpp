// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_source.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::aws::detail {

/** Sources in order. The first that is set up counts, and no other one from then on: a file that is being written must not
 *  make the process somebody else for a while. */
class key_chain final : public key_source {
public:
    using sources = std::vector<std::unique_ptr<key_source>>;

    explicit key_chain(sources all) : all_(std::move(all)), answered_(all_.size()) {}

    std::string_view name() const noexcept override { return "chain"; }
    void look(found_handler done) override;

    /// The name of the source that had keys; empty before.
    std::string_view answered() const noexcept {
        const std::size_t i = answered_;
        return i < all_.size() ? all_[i]->name() : std::string_view();
    }

private:
    void look_at(std::size_t i, std::string reasons, found_handler done);
    void seen(std::size_t i, std::string reasons, found_keys what, found_handler done);

    const sources all_;
    std::atomic<std::size_t> answered_;
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/key_chain.ipp>
#endif
