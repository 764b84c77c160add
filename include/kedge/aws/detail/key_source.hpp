// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials.hpp>
#include <kedge/detail/unique_function.hpp>
#include <kedge/http/message.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/// What a look at a source of keys brought.
struct found_keys {
    enum class outcome : std::uint8_t {
        absent,  ///< the source is not set up here: the next one counts
        failed,  ///< it is, so no other one may stand in for it: that would be another identity
        keys,
    };

    outcome how = outcome::absent;
    std::string reason{};  ///< why there are none; never a value
    std::shared_ptr<const credentials> keys{};
    std::optional<http::wall_time> expires{};
    bool may_change = false;  ///< they have no end, but others may come in their place
};

inline found_keys absent(std::string reason) { return {found_keys::outcome::absent, std::move(reason)}; }
inline found_keys failed(std::string reason) { return {found_keys::outcome::failed, std::move(reason)}; }
inline found_keys found(credentials keys) {
    return {found_keys::outcome::keys, {}, std::make_shared<const credentials>(std::move(keys))};
}

/// What `make` returns; what it throws is a reason.
template <class Make> found_keys found_by(Make make) {
    try {
        return make();
    } catch (const std::exception& e) {
        return failed(e.what());
    }
}

using found_handler = kedge::detail::unique_function<void(found_keys)>;

/// One place where keys may be.
class key_source {
public:
    virtual ~key_source() = default;

    /// As it stands in reasons.
    virtual std::string_view name() const noexcept = 0;

    /// Looks anew. Calls `done` exactly once, on any thread, perhaps inside. One look at a time; the source lives until then.
    virtual void look(found_handler done) = 0;
};

}  // namespace kedge::aws::detail
