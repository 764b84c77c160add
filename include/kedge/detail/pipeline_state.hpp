// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/call_frame.hpp>
#include <kedge/detail/operation.hpp>
#include <kedge/detail/stages.hpp>
#include <kedge/idempotent.hpp>
#include <kedge/runtime.hpp>
#include <kedge/threading.hpp>
#include <kedge/verdict.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace kedge::detail {

template <class T> inline constexpr bool is_classifier = false;
template <class F> inline constexpr bool is_classifier<classify_by<F>> = true;
template <class T> inline constexpr bool is_modifier = is_classifier<T> || std::is_same_v<T, threading::one_thread>;
template <class T> concept built_in = requires { stage_of<T>::repeats; };

template <std::size_t From, std::size_t To, class Tuple> auto slice(Tuple& all) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<std::tuple_element_t<From + I, Tuple>...>(std::move(std::get<From + I>(all))...);
    }(std::make_index_sequence<To - From>{});
}
template <std::size_t From, std::size_t To, class Tuple>
using slice_t = decltype(slice<From, To>(std::declval<Tuple&>()));

template <class... Ps> consteval std::size_t count_modifiers() {
    std::size_t n = 0;
    (void)((is_modifier<Ps> && ++n) && ...);
    return n;
}

/// Index of the first policy that is the user's own.
template <class... Ps> consteval std::size_t first_foreign() {
    std::size_t n = 0;
    (void)(((is_modifier<Ps> || built_in<Ps>) && ++n) && ...);
    return n;
}

template <class Tuple> struct stages_for;
template <class... Ps> struct stages_for<std::tuple<Ps...>> {
    using type = std::tuple<stage_of<Ps>...>;
    static constexpr bool repeats = (stage_of<Ps>::repeats || ... || false);
    static constexpr bool timed = (stage_of<Ps>::timed || ... || false);
};

template <class... Ps> struct modifiers_of {
    static constexpr bool one_thread = (std::is_same_v<Ps, threading::one_thread> || ...);

    static auto classifier(std::tuple<Ps...>& all) {
        constexpr bool own[] = {is_classifier<Ps>..., false};
        constexpr std::size_t at = [&] { std::size_t n = 0; while (n < sizeof...(Ps) && !own[n]) ++n; return n; }();
        if constexpr (at < sizeof...(Ps)) return std::get<at>(all).judge;
        else return no_classifier{};
    }
};
template <class Tuple> struct modifiers_in;
template <class... Ps> struct modifiers_in<std::tuple<Ps...>> : modifiers_of<Ps...> {};

template <class Ex, class Tuple> struct tail_state;

/** What the calls of one pipeline share. The built-in policies up to the first foreign one (`policies`) are driven by one
 *  call frame; the foreign one wraps what stands behind it (`tail`), which is a pipeline of its own. */
template <class Ex, class... Ps> class pipeline_state {
    using all_type = std::tuple<Ps...>;
    static constexpr std::size_t modifiers = count_modifiers<Ps...>(), foreign = first_foreign<Ps...>();

public:
    static constexpr bool has_foreign = foreign < sizeof...(Ps);
    using policies_type = slice_t<modifiers, foreign, all_type>;
    using stages_type = typename stages_for<policies_type>::type;
    using modifiers_type = modifiers_in<slice_t<0, modifiers, all_type>>;
    static constexpr bool repeats = stages_for<policies_type>::repeats, timed = stages_for<policies_type>::timed;

    explicit pipeline_state(Ex ex, Ps... ps) : pipeline_state(std::move(ex), all_type(std::move(ps)...), 0) {}

    auto judge() const noexcept {
        return [this](const error_code& ec, const auto&... values) noexcept { return detail::judge(classifier, ec, values...); };
    }

    /// To the listener of the retry, if there is one.
    void raise(const event& what) const noexcept {
        std::apply([&](const auto&... p) noexcept { (raise_to(p, what), ...); }, policies);
    }

    Ex executor;
    runtime* rt;
    mutable policies_type policies;  // handles and values; mutable because shared objects act through them
    decltype(modifiers_of<Ps...>::classifier(std::declval<all_type&>())) classifier;
    mutable std::atomic<bool> advised{false};
    typename tail_state<Ex, std::conditional_t<has_foreign, all_type, std::tuple<>>>::type tail;

private:
    pipeline_state(Ex ex, all_type all, int)
        : executor(std::move(ex)), rt(&runtime::of(executor)), policies(slice<modifiers, foreign>(all)),
          classifier(modifiers_of<Ps...>::classifier(all)),
          tail(tail_state<Ex, std::conditional_t<has_foreign, all_type, std::tuple<>>>::make(executor, all)) {
        check_limits();
    }

    static void raise_to(const retry& r, const event& what) noexcept { r.options().on_event(what); }
    template <class P> static void raise_to(const P&, const event&) noexcept {}

    /// Compares each limit with those around it, from the outside inwards.
    void check_limits() const {
        nanoseconds total = nanoseconds::max();
        bool retries = false;
        const auto check = [&](const auto& p) {
            using policy = std::decay_t<decltype(p)>;
            if constexpr (std::is_same_v<policy, total_timeout>) total = p.limit;
            else if constexpr (std::is_same_v<policy, retry>) retries = p.options().max_retries > 0;
            else if constexpr (std::is_same_v<policy, timeout>) check_attempt(p.limit, total, retries);
        };
        std::apply([&](const auto&... p) { (check(p), ...); }, policies);
    }

    /// An attempt's limit that is not smaller than that of the whole call can never be seen; with one above half of it, a
    /// retry after a timeout never has its time.
    void check_attempt(nanoseconds limit, nanoseconds total, bool retries) const {
        if (total == nanoseconds::max()) return;
        if (limit >= total)
            throw std::invalid_argument("kedge::pipeline: timeout = " + to_string(limit) +
                                        ", but it must be smaller than total_timeout = " + to_string(total));
        if (retries && limit > total - limit) raise(retries_have_no_time{limit, total});
    }
};

struct no_tail {};
template <class Ex> struct tail_state<Ex, std::tuple<>> {
    using type = no_tail;
    template <class Tuple> static no_tail make(const Ex&, Tuple&) { return {}; }
};
template <class Ex, class... Ps> struct tail_state<Ex, std::tuple<Ps...>> {
    static constexpr std::size_t modifiers = count_modifiers<Ps...>(), foreign = first_foreign<Ps...>();
    using foreign_type = std::tuple_element_t<foreign, std::tuple<Ps...>>;

    template <class Mods, class Rest> struct join;
    template <class... Ms, class... Rs> struct join<std::tuple<Ms...>, std::tuple<Rs...>> {
        using type = pipeline_state<Ex, Ms..., Rs...>;
    };
    using rest_state = typename join<slice_t<0, modifiers, std::tuple<Ps...>>,
                                     slice_t<foreign + 1, sizeof...(Ps), std::tuple<Ps...>>>::type;

    struct type {
        foreign_type policy;
        std::shared_ptr<const rest_state> rest;
    };
    static type make(const Ex& ex, std::tuple<Ps...>& all) {
        auto first = slice<0, modifiers>(all);
        auto behind = slice<foreign + 1, sizeof...(Ps)>(all);
        auto rest = std::apply([&](auto&&... p) { return std::make_shared<const rest_state>(ex, std::move(p)...); },
                               std::tuple_cat(std::move(first), std::move(behind)));
        return {std::move(std::get<foreign>(all)), std::move(rest)};
    }
};

template <class Op> struct unwrapped {
    using type = Op;
    static constexpr bool harmless = false;
    static Op&& get(Op& op) { return std::move(op); }
};
template <class Op> struct unwrapped<idempotent_op<Op>> {
    using type = Op;
    static constexpr bool harmless = true;
    static Op&& get(idempotent_op<Op>& op) { return std::move(op.operation()); }
};

template <class State, class Op> struct call_traits_for {
    using operation_type = Op;
    using shared_type = State;
    using called_as = std::conditional_t<State::repeats, Op&, Op&&>;
    static constexpr form operation_form = form_of<called_as>();
    static_assert(operation_form != form::none || form_of<Op&&>() == form::none,
                  "kedge: `retry` needs an operation that can be called more than once, but this one can be called only "
                  "once (its call operator is for rvalues): pass a lambda that makes a fresh one for each attempt");
    static_assert(operation_form != form::none,
                  "kedge: not an operation: it must be callable with a completion token, or without arguments as a "
                  "coroutine (asio::awaitable<T>); either may take a const kedge::attempt& first");
    using signature = typename signature_of<called_as, operation_form>::type;
    static constexpr home_kind home = State::modifiers_type::one_thread ? home_kind::one_thread : home_kind::lock;
};

template <class State, class Op, class Handler> struct call_traits : call_traits_for<State, Op> {
    using handler_type = Handler;
    using executor_type = boost::asio::associated_executor_t<Handler, decltype(State::executor)>;
};

template <class State, class Op> struct initiation {
    std::shared_ptr<const State> state;
    using executor_type = decltype(State::executor);
    executor_type get_executor() const noexcept { return state->executor; }

    template <class Handler> void operator()(Handler&& handler, Op op, const call& c) const {
        using unwrap = unwrapped<Op>;
        using frame = call_frame<call_traits<State, typename unwrap::type, std::decay_t<Handler>>>;
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        frame::begin(std::move(own), unwrap::get(op), c, unwrap::harmless, state);
    }
};

template <class State, class Token, class Op>
auto start_call(const std::shared_ptr<const State>& state, Token&& token, Op op, const call& c);

/// An operation behind the policies of `State`.
template <class State, class Op> class piped_operation {
public:
    piped_operation(std::shared_ptr<const State> s, Op op) : state_(std::move(s)), op_(std::move(op)) {}

    template <class Token> auto operator()(Token&& token) & {
        return start_call(state_, std::forward<Token>(token), op_, call{.place = {}});
    }
    template <class Token> auto operator()(Token&& token) && {
        return start_call(state_, std::forward<Token>(token), std::move(op_), call{.place = {}});
    }

private:
    std::shared_ptr<const State> state_;
    Op op_;
};

template <class State, class Token, class Op>
auto start_call(const std::shared_ptr<const State>& state, Token&& token, Op op, const call& c) {
    namespace asio = boost::asio;
    if constexpr (State::has_foreign) {
        using rest = typename std::decay_t<decltype(*state->tail.rest)>;
        auto wrapped = state->tail.policy.wrap(state->executor, piped_operation<const rest, Op>(state->tail.rest, std::move(op)));
        using wrapped_type = decltype(wrapped);
        using signature = typename call_traits_for<State, wrapped_type>::signature;
        return asio::async_initiate<Token, signature>(initiation<State, wrapped_type>{state}, token, std::move(wrapped), c);
    } else {
        using signature = typename call_traits_for<State, typename unwrapped<Op>::type>::signature;
        return asio::async_initiate<Token, signature>(initiation<State, Op>{state}, token, std::move(op), c);
    }
}

}  // namespace kedge::detail
