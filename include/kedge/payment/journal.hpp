// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>
#include <kedge/http/message.hpp>
#include <kedge/payment/error.hpp>
#include <kedge/payment/idempotency_key.hpp>
#include <kedge/payment/money.hpp>
#include <kedge/payment/outcome.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kedge::detail {
class payment_core;
}

namespace kedge::payment {

using http::wall_time;

enum class action : std::uint8_t { charge, refund };

constexpr const char* to_string(action a) noexcept { return a == action::charge ? "charge" : "refund"; }

/// A payment that is about to be sent, without anything secret.
struct intent {
    idempotency_key key;
    std::string fingerprint;      ///< SHA-256, in hexadecimal, of what will be sent
    std::optional<money> amount;  ///< unset: a refund of all that is left
    std::string reference{};
    wall_time made{};
    wall_time sent_until{};  ///< no byte of it leaves after that
    payment::action action = payment::action::charge;
};

/// How a payment ended, as far as is known.
struct settlement {
    idempotency_key key;
    payment::outcome outcome = payment::outcome::unknown;
    std::string provider_id{};
};

/// What a journal knew of a key before.
struct standing {
    bool seen = false;                                      ///< false: the key is new
    payment::outcome outcome = payment::outcome::not_sent;  ///< `unknown` while it was never settled
    std::string provider_id{};
    std::optional<wall_time> made{};  ///< of the first intent with this key: the provider may know it since then
};

/// All that a journal knows of a key.
struct entry {
    intent what;
    payment::outcome outcome = payment::outcome::unknown;
    std::string provider_id{};
};

/** Remembers payments, so that after a crash it is known which may have been sent.
 *
 *  One key is worked with by one call at a time, for all clients that share the object. Two processes over one store have to
 *  see to that themselves: while one sends a key, the other must neither send it nor reconcile it.
 *
 *  An intent is *open* from @ref begin until it is settled with anything but `pending` or `unknown`.
 *
 *  All functions with a handler call it exactly once, on any thread, also from inside. Throwing counts as a failure; a second
 *  answer, or an exception after the answer, is ignored. A journal that never answers keeps its call, and the key, for ever.
 *  @par Lifetimes  A handler that is kept is called or destroyed before the client's context is destroyed.
 *  @par Thread safety  All members may be called from any thread at any time.
 */
class journal {
public:
    using begin_handler = kedge::detail::unique_function<void(error_code, standing)>;
    using settle_handler = kedge::detail::unique_function<void(error_code)>;
    using find_handler = kedge::detail::unique_function<void(error_code, std::optional<entry>)>;

    virtual ~journal() = default;

    /** Records the intent; nothing is sent before the handler said so, and nothing at all if it says an error.
     *  `errc::key_conflict`: the key is known with another fingerprint.
     *
     *  For a key that is known, `intent::made` of the first time stays, unless what it named was not sent; of
     *  `intent::sent_until` the latest counts. */
    virtual void begin(const intent& what, begin_handler handler) = 0;

    /// Records how it ended, once: what succeeded or was declined stays so. If that fails, the intent stays open, which is safe.
    virtual void settle(const settlement& how, settle_handler handler) = 0;

    /// What to ask the provider about after a start, oldest first.
    virtual std::vector<intent> open_intents() const = 0;

    /// What is known of a key, for who asks the provider about it. As it is here it looks through @ref open_intents, so that
    /// it knows no settled ones and takes as long as there are open ones.
    virtual void find(const idempotency_key& key, find_handler handler) const;

private:
    friend class kedge::detail::payment_core;

    std::mutex keys_mutex_;
    std::set<std::string> keys_;  // of calls under way, whichever client of this journal they belong to
};

/** Remembers payments in memory only: **they do not survive the end of the process**, so after a crash nobody knows which
 *  were sent. For tests, and for services that keep key and order durably themselves before they charge.
 *
 *  Open intents are kept without limit, settled ones up to the given number, oldest out first.
 */
class memory_journal final : public journal {
public:
    /// @param settled_kept  how many settled payments still answer for their key
    explicit memory_journal(std::size_t settled_kept = 10'000);
    ~memory_journal() override;

    void begin(const intent& what, begin_handler handler) override;
    void settle(const settlement& how, settle_handler handler) override;
    std::vector<intent> open_intents() const override;
    void find(const idempotency_key& key, find_handler handler) const override;

private:
    struct kept {
        entry known;
        std::size_t number = 0;
        bool open = true;
    };
    standing begin_locked(const intent& what, error_code& ec);

    mutable std::mutex mutex_;
    std::map<std::string, kept, std::less<>> entries_;
    std::deque<std::string> settled_;
    std::size_t settled_kept_, next_ = 0;
};

}  // namespace kedge::payment

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/journal.ipp>
#endif
