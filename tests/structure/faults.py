# SPDX-License-Identifier: BSL-1.0
"""The faults that mutants.py plants: for each one what would go wrong, the test that must see it, and how."""
import re

FRAME, WAITS, HOME = "detail/call_frame.hpp", "detail/impl/call_frame.ipp", "detail/call_home.hpp"
RACES, WAITING, SHUTDOWN = "policies/races.cpp", "policies/races_waiting.cpp", "policies/races_shutdown.cpp"
PERMITS, HANDLERS = "policies/permits.cpp", "policies/pipeline_handler.cpp"
CALLS, POOL, PLACES = "conformance/calls.cpp", "conformance/pool.cpp", "conformance/places.cpp"
THREADS, COROUTINES, MEMORY = "policies/races_threads.cpp", "policies/coroutine_executors.cpp", "policies/allocations.cpp"
NESTED = "policies/coroutine_home.cpp"
EXPLORE, CORE, RESETTING = "core/connection_pool_explore.cpp", "core/connection_pool.hpp", "core/pool_resetting.hpp"
ASAN, TSAN, ASSERTED = "AddressSanitizer", "ThreadSanitizer", r"test cases:.*\d+ failed(?! as)"

# name: what would go wrong (preset, test, Catch2's selection, what must be seen), header, text, replacement
MUTANTS = {
    "coroutine on the frame's executor": ("asan", NESTED, "[coroutine]", ASAN, "detail/spawn.hpp",
        "if constexpr (requires { ex.beneath(); }) return lasting(ex.beneath());\n    else ", ""),
    "coroutine without a strand": ("tsan", THREADS, "[races]", TSAN, "detail/spawn.hpp",
        "return asio::make_strand(std::move(found));", "return found;"),
    "coroutine told to stop before it has begun": ("gcc", RACES, "a coroutine that is cancelled before*", ASSERTED,
        "detail/spawn.hpp", "if (begun_) signal_.emit(type);", "signal_.emit(type);"),
    "request to stop that came too early forgotten": ("gcc", RACES, "a coroutine that is cancelled before*", ASSERTED,
        "detail/spawn.hpp", "if (asked_ != asio::cancellation_type::none) signal_.emit(asked_);", ""),
    "lock bypassed": ("tsan", THREADS, "[races]", TSAN, HOME,
        "lock_.run(std::forward<F>(f));", "std::forward<F>(f)();"),
    "lock bypassed on two threads": ("tsan", COROUTINES, "[tsan]", TSAN, HOME,
        "lock_.run(std::forward<F>(f));", "std::forward<F>(f)();"),
    "lock let go before it forgets its mark": ("tsan", THREADS, "[races]", TSAN, "detail/call_lock.hpp",
        re.compile(r"(alive\.end\(\);)[^\n]*\n(\s*)(alive\.lock\.release\(\);)"), r"\3 \1"),
    "result without a disarm": ("gcc", RACES, "[races]", ASSERTED, FRAME,
        "if (!disarm() || calling_", "if (calling_"),
    "expiry overrides a success": ("gcc", RACES, "[races]", ASSERTED, FRAME,
        re.compile(r"if \(state_\.expired && \([^\n]*\)\) \{"), "if (state_.expired) {"),
    "cancellation behind the expiry ignored": ("gcc", RACES, "[races]", ASSERTED, WAITS,
        "    state_.cancelled = true;\n", "    if (!state_.expired) state_.cancelled = true;\n"),
    "cancellation during the initiation lost": ("gcc", RACES, "cancelled during the initiation*", ASSERTED, FRAME,
        "if (cancel_asked_ != asio::cancellation_type::none)", "if (false)"),
    "completion inside the caller's emit": ("gcc", RACES, "[races]", ASSERTED, WAITS,
        re.compile(r"\+\+tokens_;  // until[^\n]*\n(\s*)signal_\.emit\(type\);"), r"signal_.emit(type);\n\1++tokens_;"),
    "slot not cleared": ("asan", RACES, "[races]", ASAN, FRAME,
        "parent.is_connected()) parent.clear();", "parent.is_connected()) {}"),
    "cancellation between attempts ignored": ("gcc", WAITING, "[races]", ASSERTED, WAITS,
        "phase_ == phase::backoff ? disarm() :", "phase_ == phase::backoff ? false :"),
    "wait cancelled without its timer": ("gcc", WAITING, "a cancellation between two attempts*", "generic_hook.*safe_link", WAITS,
        "phase_ == phase::backoff ? disarm() :", "phase_ == phase::backoff ? (armed_ = false, --tokens_, true) :"),
    "refund forgotten": ("gcc", WAITING, "[races]", ASSERTED, "detail/stages.hpp",
        "policy.budget().core().refund(s.now)", "(void)0"),
    "place kept by a cancelled waiter": ("gcc", WAITING, "[races]", ASSERTED, WAITS,
        "phase_ == phase::queued && leave_queue()) {", "false) {"),
    "expired waiter admitted": ("gcc", WAITING, "[races]", ASSERTED, FRAME,
        "if (state_.limit.at <= state_.now) return", "if (false) return"),
    "permit not neutral when abandoned": ("gcc", SHUTDOWN, "[races]", ASSERTED, "permit.hpp",
        "if (source_) neutral();", ""),
    "timers of a dead context forgotten": ("asan", SHUTDOWN, "[races]", f"{ASSERTED}|LeakSanitizer", FRAME,
        "[](timer_node* n) noexcept { static_cast<call_frame*>(n)->timer_lost(); }", "[](timer_node*) noexcept {}"),
    "abandoned call goes on": ("gcc", SHUTDOWN, "[races]", ASSERTED, WAITS,
        "    if (abandoned_) return lose_token();\n    phase_ = phase::idle;", "    phase_ = phase::idle;"),
    "call freed inside an emission": ("asan", SHUTDOWN, "an operation loses*", ASAN, WAITS,
        re.compile(r"\+\+tokens_;  // the operation may end, or be lost, in here\n(\s*signal_\.emit\(type\);\n)\s*--tokens_;\n"), r"\1"),
    "refusal counted as a failure": ("gcc", PERMITS, "[permits]", ASSERTED, FRAME,
        "verdict_ = {kind::neutral, replay::never};", "verdict_ = {kind::failure, replay::never};"),
    "one place too many": ("gcc", PERMITS, "[permits]", ASSERTED, "detail/limit_state.hpp",
        "while (!(seen & waiting_bit) && in_flight(seen) < max_)", "while (!(seen & waiting_bit) && in_flight(seen) <= max_)"),
    "memory freed after the upcall": ("gcc", MEMORY, "[allocations]", ASSERTED, FRAME,
        "handler_type handler = release_frame();\n        result.deliver(std::move(handler));",
        "result.deliver(handler_type(handler_));\n        (void)release_frame();"),
    "memory not recycled": ("gcc", MEMORY, "[allocations]", ASSERTED, "detail/handler_memory.hpp",
        re.compile(r"using type = boost::asio::recycling_allocator<T>;\n.*\n"),
        "using type = std::allocator<T>;\n    static const type& from(const type& a) noexcept { return a; }\n"),
    "completion inside the initiation": ("gcc", "policies/pipeline.cpp", "limits at the edges", ASSERTED, FRAME,
        "if (tokens_ != 0 || initiating_ || calling_) return keep(", "if (tokens_ != 0) return keep("),
    "inline completion grows the stack": ("asan", HANDLERS, "operations that complete inline*", ASAN, FRAME,
        "        initiating_ = true;\n", ""),
    "timer completes inside the initiation": ("gcc", CALLS, "timers conform", ASSERTED, "detail/timer_wait.hpp",
        "post_to(ex, completion", "dispatch_to(ex, completion"),
    "pool completes inside the initiation": ("gcc", POOL, "[conformance]", ASSERTED, "detail/pool_operation.hpp",
        "post_to(ex, std::move(c));", "dispatch_to(ex, std::move(c));"),
    "pool forgets the handler's executor": ("gcc", POOL, "[conformance]", ASSERTED, "detail/pool_operation.hpp",
        "executor_(boost::asio::get_associated_executor(handler_, pool.executor))", "executor_(pool.executor)"),
    "lease of a lost grant kept": ("gcc", "policies/connection_pool_lifetime.cpp", "*", ASSERTED, "detail/pool_operation.hpp",
        "if (slot) pool.give_back(*slot, reuse::clean);\n        else", ""),
    "kedge's own line recorded": ("gcc", PLACES, "[place]", ASSERTED, "connection_pool.hpp",
        "return async_acquire(call{.place = where}", "return async_acquire(call{}"),
    "busy counts against SQLite's breaker": ("gcc", "sqlite/busy.cpp", "who holds the writers*", ASSERTED,
        "sqlite/impl/error.ipp", "return {kind::neutral, replay::always};", "return {kind::overload, replay::always};"),
    "SQLite writes into a file that is gone": ("gcc", "sqlite/faults.cpp", "a file that is deleted*", ASSERTED,
        "sqlite/impl/handles.ipp", "if (has_moved())", "if (false)"),
    "an unfinished SQLite statement is only reset, which commits it": ("gcc", "sqlite/batches.cpp", "a receiver that throws*",
        ASSERTED, "sqlite/impl/handles.ipp", "if (sqlite3_stmt_busy(running_->statement) != 0)", "if (false)"),
    "a result of SQLite's has no bound": ("gcc", "sqlite/batches.cpp", "a result of more than 64 MiB*", ASSERTED,
        "sqlite/impl/handles.ipp", "if (result.memory() > result_limit)", "if (false)"),
    "an altered SQLite session is reset": ("gcc", "sqlite/contract.cpp", "SQLite keeps the promises*", ASSERTED,
        "sqlite/impl/handles.ipp", "if (altered_) return", "if (false) return"),
}


CONTEXT, OUTLIVING = "policies/connection_pool_context.cpp", "torture/outliving.cpp"
MUTANTS |= {
    "closed although its context is gone": ("asan", CONTEXT, "*", ASAN, "detail/pool_state.hpp",
        "c && !context_destroyed_) connector", "c) connector"),
    "started on a context that is gone": ("asan", CONTEXT, "*", f"{ASAN}|UndefinedBehavior", "connection_pool.hpp",
        "if (pool->is_over()) return finish_after", "if (false) return finish_after"),
    "pool let go while it tells": ("asan", OUTLIVING, "*", ASAN, "detail/pool_state.hpp",
        "if (!last && (tell || is_over())) last = weak_from_this().lock();", ""),
    "strands shut down before the pool": ("gcc", OUTLIVING, "*", ASSERTED, "detail/pool_state.hpp",
        "const pool_strand first(ex);", "(void)ex;"),
    "newcomers judged by an empty pool": ("gcc", "core/connection_pool_overload.cpp", "*", ASSERTED, "core/pool_parts.hpp",
        "size() < std::max(connections, 1)", "size() < connections"),
    "speed of the line by its last steps": ("gcc", "policies/pool_scenarios.cpp", "overload*", ASSERTED, "core/pool_parts.hpp",
        "if (++served_ >= connections) {", "if (++served_ >= 1) {"),
}

NAMES, CONNECTING, FAULTS, CERTIFICATES = "policies/resolve.cpp", "http/connecting.cpp", "http/faults.cpp", "http/certificates.cpp"
TLS, CONNECTION = "http/impl/tls_context.ipp", "http/impl/connection.ipp"
MUTANTS |= {
    "look-up not shared": ("gcc", NAMES, "callers of one name*", ASSERTED, "detail/resolve_threads.hpp",
        "if (same != jobs_.end()) {", "if (false) {"),
    "callers who left a look-up kept": ("gcc", NAMES, "a name that hangs*", ASSERTED, "detail/resolve_threads.hpp",
        "            gone = std::move(*at);\n            j->waiters.erase(at);\n", ""),
    "certificate by its common name": ("gcc", CERTIFICATES, "the certificate matrix", ASSERTED, TLS,
        " | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT", ""),
    "wildcard inside a label": ("gcc", CERTIFICATES, "the certificate matrix", ASSERTED, TLS,
        "X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | ", ""),
    "sessions resumed unasked": ("gcc", CERTIFICATES, "the certificate matrix", ASSERTED, TLS, "resumes_(o.resume)", "resumes_(true)"),
    "session that outlives its certificate": ("gcc", CERTIFICATES, "a session does not outlive*", ASSERTED, TLS,
        "(!SSL_session_reused(ssl) || is_still_valid(ssl))", "true"),
    "all the time for the first address": ("gcc", CONNECTING, "*", ASSERTED, CONNECTION,
        "end_of_share(runtime_.now(), end, addresses.size() - i)", "end"),
    "idle connection trusted": ("gcc", FAULTS, "what a server does*", ASSERTED, "http/impl/client.ipp",
        "if (held->is_dead()) {", "if (false) {"),
    "chunks' lines unbounded": ("gcc", FAULTS, "every answer*", ASSERTED, "http/impl/response_reader.ipp",
        "chunk_bytes_ > max_head + max_chunking * response_.body.size()", "false"),
    "phase says unsent": ("gcc", "http/cuts.cpp", "*", ASSERTED, "http/impl/client.ipp",
        re.compile(r"    phase_ = send_phase::partial;[^\n]*\n"), ""),
}

# The pool's core: each breaks the promise that the exploration then has to name.
PROMISES = {
    "closing connection not counted": (1, CORE, "open() + uncounted + closing_ < max_", "open() + uncounted < max_"),
    "dial beside what closes": (1, CORE, "open() + closing_ <= max_ && coming(now)", "open() <= max_ && coming(now)"),
    "lent to two at once": (2, CORE, "        lines_.waiting.serve(*w, slot, lent_, now, todo);\n",
        "        lines_.waiting.serve(*w, slot, lent_, now, todo);\n"
        "        if (pool_waiter* const x = lines_.waiting.front()) lines_.waiting.serve(*x, slot, lent_, now, todo);\n"),
    "looks, then queues without looking again": (3, CORE, "if ((waiter.slot = try_acquire(now, todo))) return", "if (false) return"),
    "parked although somebody waits": (3, CORE, "        if (!w) return idle_.push(slot, now);",
        "        if (!w || slot.state == slot_state::dialing) return idle_.push(slot, now);"),
    "no dial for those behind": (3, CORE, "        --closing_;\n        vacate(slot);\n        demand(now, todo);",
        "        --closing_;\n        vacate(slot);\n        if (closed_) settle(todo);"),
    "waits for a reset that never ends": (3, RESETTING, "watch_.next(slots, now)", "false"),
    "nothing rings when a reset is slow": (3, CORE, "            if (has_room()) at = std::min(at, resets_.due());\n", ""),
    "refused as down after it is back": (3, "core/pool_dialing.hpp", "        down_ = false;\n", ""),
    "told twice": (4, CORE, "if (closed_) return void(waiter.end = wait_end::closed);",
        "if (closed_) return waiter.end = wait_end::closed, todo.done.push(waiter);"),
    "woken waiter cancelled, its wake-up lost": (5, CORE, "if (waiter.line == wait_line::none) return false;",
        "if (waiter.line == wait_line::none) { waiter.slot = nullptr; return waiter.end == wait_end::granted; }"),
    "last in, first served": (6, "core/pool_parts.hpp", "queue_.push_back(w);", "queue_.push_front(w);"),
    "woken waiter sent to the end of the line": (6, CORE, "        pool_waiter* const w = lines_.waiting.first_in_time(now, todo);\n",
        "        pool_waiter* w = lines_.waiting.first_in_time(now, todo);\n"
        "        if (w && lines_.waiting.size() == 2) w = waiter_queue<pool_waiter>::next(*w);\n"),
    "expired waiter served": (7, "core/pool_parts.hpp", "while (front() && front()->deadline <= now) finish", "while (false) finish"),
    "refused before its time": (7, "core/pool_parts.hpp", "if (w->deadline <= now) finish", "if (true) finish"),
    "invalidated connection lent": (8, CORE, "slot.generation != generation_ || surplus", "surplus"),
    "outlived connection lent": (8, CORE, "|| surplus || slot.retire_at <= now;", "|| surplus;"),
    "counter drifts": (9, CORE, "        --resetting_;\n        const bool rested", "        if (ok) --resetting_;\n        const bool rested"),
    "pause ignored": (10, "core/pool_dialing.hpp", "bool pausing(time_point now) const noexcept { return now < next_; }",
        "bool pausing(time_point) const noexcept { return false; }"),
    "another connection beside a quick reset": (10, RESETTING, "return resets_ - slow_;", "return 0;"),
    "two probers": (10, "core/pool_dialing.hpp", "        limit_ = 1;\n", ""),
    "dial that nobody wants any more": (10, CORE, "open() + closing_ <= max_ && coming() <= wanted()", "open() + closing_ <= max_"),
    "granted after the drain": (11, CORE, "return closed_ || slot.generation", "return slot.generation"),
    "drained while something closes": (11, CORE, "return alive() + dialing_ + closing_ == 0;", "return alive() + dialing_ == 0;"),
    "drain that does not end": (11, CORE, "if (closed_) return settle(todo);", "if (closed_) return;"),
    "surplus kept": (12, CORE, "|| surplus || slot.retire_at", "|| slot.retire_at"),
    "shrinking takes lent connections": (12, CORE, "        max_ = max;\n",
        "        max_ = max;\n        for (pool_slot* s = slots_; s; s = s->sibling)\n"
        "            if (s->state == slot_state::lent && open() > max_) --lent_, close(*s, todo);\n"),
    "old closed before the new one is there": (13, "core/pool_renewal.hpp", "        return !room;", "        return true;"),
    "locked out and left to wait": (14, "core/pool_dialing.hpp", "why == condition::permanent", "false"),
    "wait that never ends": ("liveness: every wait ends by its deadline", CORE, "        lines_.waiting.expire(now, todo);\n", ""),
    "never dials again": ("liveness: once the server is back, callers are served", "core/pool_dialing.hpp",
        "next_ = saturating_add(now, pause);", "next_ = never;"),
    "spare connection forgotten": ("liveness: min_idle is reached again", CORE,
        "std::max(0, rules_.min_idle - idle() - resets_.doubtful())", "0"),
}
MUTANTS |= {name: ("gcc", EXPLORE, "[explore]", f"promise {number}\\b", header, text, replacement)
            for name, (number, header, text, replacement) in PROMISES.items()}

# What would charge twice, or say of a payment what nobody knows.
PAID, JUDGED, FOUND = "payment/charge.cpp", "payment/classification.cpp", "payment/reconcile.cpp"
CALL, LOOK, JUDGE = "payment/impl/call.ipp", "payment/impl/look.ipp", "payment/impl/judge.ipp"
START = "        core_->exchange->start(request_, a, std::move(handler));"
MONEY = {
    "new key for each attempt": (PAID, "a provider that is silent*", CALL, START,
        "        if (role_ == role::sends) request_.headers.at(1).value = \"key-of-this-try-\" + std::to_string(a.number);\n" + START),
    "retry without the key": (PAID, "a provider that is silent*", CALL, START,
        "        if (a.number > 1) std::erase_if(request_.headers, [](auto& h) { return h.name == \"Idempotency-Key\"; });\n" + START),
    "timeout reported as failed": (PAID, "silence beyond the deadline*", JUDGE,
        "if (stopped) return {may_have_happened, ec, plain};", "if (stopped) return {rejects, ec, plain};"),
    "401 after an ambiguous attempt settles": (JUDGED, "after one ambiguous attempt*", JUDGE,
        "case 403: return {rejects, errc::unauthorized, answered};",
        "case 403: return {{proof::settling, outcome::rejected}, errc::unauthorized, answered};"),
    "doubt forgotten by a refusal": (JUDGED, "the join of two attempts*", "payment/outcome.hpp",
        "} else if (ambiguous_ || f.proves == proof::ambiguous) {", "} else if (f.proves == proof::ambiguous) {"),
    "another amount settles": (JUDGED, "each row of the classification, as a charge", JUDGE,
        "if (foreign || other_amount)", "if (foreign)"),
    "409 in flight gives up": (JUDGED, "each row of the classification, as a charge", JUDGE,
        "return {may_have_happened, errc::key_in_use, come_back};", "return {may_have_happened, errc::key_in_use, answered};"),
    "429 counts against the breaker": (JUDGED, "*as the circuit breaker sees it", JUDGE,
        "case 429: return {rejects, errc::throttled, come_back};",
        "case 429: return {rejects, errc::throttled, {kind::overload, replay::if_idempotent, wait}};"),
    "breaker of charges blocks reconciliation": (FOUND, "questions have a breaker*", "payment/impl/core.hpp",
        "read_pipe(pipe_of(ex, o, reads, read_budget))", "read_pipe(pipe_of(ex, o, charges, read_budget))"),
    "not found settles too early": (FOUND, "not found proves nothing*", LOOK,
        ">= core.options.settle_after;", ">= nanoseconds::zero();"),
    "not found settles at once": (FOUND, "not found proves nothing*", LOOK,
        "const bool all_came = asked_", "const bool all_came = true || asked_"),
    "not found of a gateway settles": (FOUND, "a 404 of something in front*", LOOK,
        "if (call_->absent_ && proves_absence())", "if (ec == payment::errc::not_found && proves_absence())"),
    "not found settles when the key is forgotten": (FOUND, "what nobody can find out*", LOOK,
        "return all_came && core.rt.wall_now() - known_->what.made < core.key_life();", "return all_came;"),
    "key sent after the provider forgot it": (FOUND, "a key is not sent again*", CALL,
        "if (left <= nanoseconds::zero()) return finished(payment::errc::key_expired);", ""),
    "look that takes no key": (FOUND, "during a look the key is taken*", LOOK,
        "claimed_ = call_->core_->claim(call_->result_.key_);", "claimed_ = true;"),
    "what was decided is undone": (FOUND, "what is decided later*", "payment/impl/journal.ipp",
        "&& !final(at->second.known.outcome)", ""),
    "nobody is told": (FOUND, "what nobody can find out*", LOOK,
        "    call_->core_->alarm(payment_alarm_cause::manual_review, call_->result_.key_, ec, age());\n", ""),
}
MUTANTS |= {name: ("gcc", test, selection, ASSERTED, header, text, replacement)
            for name, (test, selection, header, text, replacement) in MONEY.items()}


# What a payment client must never do (payment/ledger_checker.hpp), and which promise the simulation says is broken.
PAYMENTS = {
    "a new key for each attempt": ("M1", CALL, START, """        for (auto& h : request_.headers)
            if (h.name == "Idempotency-Key" && a.number > 1) h.value.replace(34, 2, std::to_string(10 + a.number));
""" + START),
    "a retry without the key": ("M1", CALL, START,
        "        if (a.number > 1) std::erase_if(request_.headers, [](auto& h) { return h.name == \"Idempotency-Key\"; });\n" + START),
    "a timeout says that nothing was sent": ("M4", JUDGE, "if (stopped) return {may_have_happened, ec, plain};",
        "if (stopped) return {{proof::not_sent, outcome::not_sent}, ec, plain};"),
    "a 401 settles": ("M3", JUDGE, "    case 401:\n",
        "    case 401: return {{proof::settling, outcome::rejected}, errc::unauthorized, answered};\n"),
    "an answer about another key counts": ("M11", JUDGE, "!said.key.empty() && said.key != ours.key.text()", "false"),
    "an answer about another amount counts": ("M11", JUDGE, "ours.amount && said.amount && *said.amount != *ours.amount", "false"),
    "the journal hears of it afterwards": ("M7", CALL, "        core_->journal->begin(what, known);\n",
        "        known({}, {});\n        core_->journal->begin(what, [](error_code, payment::standing) {});\n"),
    "not found settles too early": ("M3", "payment/impl/look.ipp",
        "asked_ - known_->what.sent_until >= core.options.settle_after", "true"),
    "an attempt goes twice": ("M9", CALL, START, """        auto unheard = [](error_code, payment::response, payment::send_phase) {};
        if (role_ == role::sends) core_->exchange->start(request_, a, payment::exchange_handler(unheard, executor()));
""" + START),
    "what was open before is forgotten": ("M4", CALL,
        "before.seen && before.outcome != outcome::not_sent && before.outcome != outcome::rejected", "false"),
    "a journal that fails says that nothing was sent": ("M3", CALL,
        "if (ec) return refuse(payment::errc::journal_failed, untouched());",
        "if (ec) return refuse(payment::errc::journal_failed, outcome::not_sent);"),
    "a key is used until it is forgotten": ("M8", CALL, "if (before.seen && before.made) {", "if (false) {"),
    "an end is told and not written": ("M14", "payment/impl/call_end.ipp",
        "core_->journal->settle({result_.key_, result_.outcome_, result_.provider_id_}, settled);", "settled({});"),
    "secrets in the provider's words": ("M13", CALL, "if (repeats_a_secret(text)) text", "if (false) text"),
}
MUTANTS |= {name: ("gcc", "payment/simulation.cpp", "whatever*", rf"\n{promise}: ", header, text, replacement)
            for name, (promise, header, text, replacement) in PAYMENTS.items()}

# What a signature, an endpoint and a metric must never be.
SIGN, WHERE, METRICS = "aws/sigv4.cpp", "aws/endpoint.cpp", "aws/emf.cpp"
MUTANTS |= {
    "signing key kept over midnight": ("gcc", SIGN, "[aws]", ASSERTED, "aws/impl/sigv4.ipp",
        "if (same && date_ == date)", "if (same)"),
    "signing key kept when keys rotate": ("gcc", SIGN, "[aws]", ASSERTED, "aws/impl/sigv4.ipp",
        "if (same && date_ == date)", "if (date_ == date)"),
    "token of earlier keys sent on": ("gcc", SIGN, "[aws]", ASSERTED, "aws/impl/sigv4.ipp",
        'http::detail::same_name(name, "x-amz-security-token") ||', ""),
    "metadata reached as an IPv6 address": ("gcc", WHERE, "[aws]", ASSERTED, "aws/impl/endpoint.ipp",
        "const detail::address what = detail::unwrapped(given);", "const detail::address what = given;"),
    "a name that only ends like one of AWS's": ("gcc", WHERE, "[aws]", ASSERTED, "aws/impl/endpoint.ipp",
        "(host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.')", "true"),
    "logs sent unencrypted": ("gcc", WHERE, "[aws]", ASSERTED, "aws/impl/endpoint.ipp",
        "if (!url.tls && !is_this_machine(url))", "if (!url.tls && !is_this_machine(url) && !o.any_host)"),
    "a name leads anywhere later": ("gcc", CONNECTING, "*allowed*", ASSERTED, CONNECTION,
        "return !to_->allows(e.address());", "return false;"),
    "an outage that counts from the one before": ("gcc", "aws/send_pace.cpp", "each outage begins anew*", ASSERTED,
        "aws/detail/send_pace.hpp", "if (failures_ == 0) failing_since_ = now;",
        "if (failing_since_ == time_point()) failing_since_ = now;"),
    "events of one time in another order": ("gcc", "aws/batches.cpp", "events are sorted*", ASSERTED, "aws/detail/log_event.hpp",
        "right.front()->time_ms < left.front()->time_ms", "right.front()->time_ms <= left.front()->time_ms"),
    "a metric twice in one document": ("gcc", METRICS, "[aws]", ASSERTED, "aws/impl/emf.ipp",
        "from += detail::max_values, out.finish()", "from += detail::max_values"),
}

AWS = "aws/detail/"
LOGS = {
    "a batch counts no overhead": ("batches", AWS + "log_event.hpp", "event_overhead = 26;", "event_overhead = 25;"),
    "a batch is not put in order": ("accounting", AWS + "impl/delivery.ipp", "        batch->sort();\n", ""),
    "a portal's 200 acknowledges": ("answers", AWS + "impl/service_answer.ipp",
        "return json && read_index", "return !json || read_index"),
    "a lost answer is taken for success": ("accounting", AWS + "impl/delivery_answers.ipp",
        "    retries_.insert(std::move(batch));\n    if (answer.kind == answer_kind::missing)",
        "    if (answer.kind == answer_kind::unknown) return spend(std::move(batch), todo);\n"
        "    retries_.insert(std::move(batch));\n    if (answer.kind == answer_kind::missing)"),
    "an unknown outcome is not counted": ("accounting", AWS + "impl/delivery_answers.ipp",
        "if (answer.may_be_stored) counters_.unknown_events", "if (false) counters_.unknown_events"),
    "a wrong name makes events poison": ("refusals", AWS + "impl/delivery_repairs.ipp",
        "} else if (condemnations_ > 0) {", "} else if (true) {"),
    "two create the stream at once": ("accounting", AWS + "impl/delivery.ipp", "if (!creating()) start", "start"),
    "what is under way is not left over": ("delivery", AWS + "impl/delivery.ipp",
        "            retries_.insert(std::move(one.events));\n        }\n        one.serial",
        "            one.events.reset();\n        }\n        one.serial"),
    "an event without memory is not counted": ("memory", AWS + "event_queue.hpp",
        "                drop(drop_reason::no_memory, 1, event->time_ms);\n", ""),
    "a segment goes before the disk knows why": ("spool", AWS + "impl/spool.ipp",
        "if (!save(text, !spent.empty() || options_.sync == spool_sync::each)) return;",
        "save(text, !spent.empty() || options_.sync == spool_sync::each);"),
    "the number of a settled event is used again": ("spool", AWS + "impl/spool_recovery.ipp",
        "next_ = settled_.high() + 1;", "next_ = 1;"),
    "what memory has room for is forgotten on disk": ("spool_kill", AWS + "impl/delivery_disk.ipp",
        "    }, !in_vain);", "    }, job.batch.moved || retried);"),
}
SHIP = "aws/impl/https_log_transport.ipp"
LOGS |= {
    "the endpoint's addresses are not asked for": ("https_transport", SHIP, "return to.allows(where);", "return true;"),
    "a request with a lost answer counts as not sent": ("https_transport", SHIP,
        "phase >= http::send_phase::partial", "phase >= http::send_phase::response_head"),
    "signed for a clock that is wrong": ("https_transport", SHIP, "sent_ + what_.skew", "sent_"),
    "a cache's date corrects the clock": ("https_transport", SHIP, ' || !from["age"].empty()', ""),
    "a trouble is told again and again": ("sink", AWS + "impl/delivery_answers.ipp", "if ((told_ & bit) != 0) return;", ""),
    "what the service quotes of a request is told": ("sink", AWS + "delivery_words.hpp",
        ".substr(0, from.message.find('\\n'))", ""),
    "each refused event is told of": ("sink_refused", AWS + "refusal_notes.hpp", "&& now >= next_[i]", ""),
    "a refused event leaves the disk before anybody has it": ("spool_kill", AWS + "impl/delivery_shell.ipp",
        "        note_settled(todo.spent);\n", "        note_settled(todo.spent);\n        note_settled(todo.refused);\n"),
    "a text that could not be redacted is sent": ("sink_texts", AWS + "redaction.hpp", "return false;", "return true;"),
    "parts of parts have another id": ("sink_texts", AWS + "impl/delivery_repairs.ipp", "event.whole, number, id}", "event.whole, number, {}}"),
    "a child of fork sends what its parent sends": ("spool_fork", AWS + "impl/delivery_shell.ipp",
        "    bool hands_over = false, over = false;\n    if (is_inherited()) return;\n", "    bool hands_over = false, over = false;\n"),
}
MUTANTS |= {name: ("gcc", f"aws/{test}.cpp", "*", ASSERTED, header, text, replacement)
            for name, (test, header, text, replacement) in LOGS.items()}

KEYS = {
    "two looks at the source of keys at once": ("refresh", "key_cache.hpp",
        "const bool usable = is_usable(now), look = !looking_ &&", "const bool usable = is_usable(now), look ="),
    "keys of one machine renewed with all others'": ("refresh", "key_cache.hpp",
        "return own + own / key_timing::jitter_share / 1024 * static_cast<int>(random % 1024);", "return random ? own : own;"),
    "expired keys wait for new ones": ("refresh", "key_cache.hpp", "now.wall < *expires_ + key_timing::grace", "now.wall < *expires_"),
    "a source that fails is asked by everybody": ("refresh", "key_cache.hpp",
        "not_before_ = now + longest / 2 + longest / 2 / 1024 * static_cast<int>(random % 1024);", "not_before_ = now + 0 * longest * (random % 2 ? 1 : 0);"),
    "every refusal forces a look": ("refresh", "key_cache.hpp", "now.steady - looked_at_ >= key_timing::forced_apart", "true"),
    "the same keys are news": ("refresh", "key_cache.hpp", "is_old_news_ = keys_ && same(*keys_, *what.keys);", "is_old_news_ = false;"),
    "who waits for a silent source waits for ever": ("refresh", "impl/key_cache_shell.ipp",
        "    } else if (waiting_.size() == 1) {\n        limit_wait();", "    } else if (false) {\n        limit_wait();"),
    "an answer inside the question": ("refresh", "impl/key_cache_shell.ipp",
        "kedge::detail::post_to(executor_, [done = std::move(to.done), what = std::move(what)]() mutable { done(std::move(what)); });",
        "to.done(std::move(what));"),
    "the machine stands in for a broken source": ("services", "impl/key_chain.ipp",
        "if (what.how == found_keys::outcome::absent && answered_", "if (answered_"),
    "a profile that is being written makes another identity": ("services", "impl/key_chain.ipp",
        "look_at(known < all_.size() ? known : 0, {}, std::move(done));", "answered_ = all_.size(), look_at(0 * known, {}, std::move(done));"),
    "version 1 of the metadata service": ("services", "impl/metadata_keys.ipp",
        'if (answer.status != 200) return done(absent("the answer to the request for a token', 'if (answer.status == 999) return done(absent("the answer to the request for a token'),
    "a role's name that leads elsewhere": ("services", "impl/metadata_keys.ipp", "if (!is_role(role))", "if (role.empty())"),
    "a token that splits a header": ("services", "elsewhere.hpp", "if (!http::detail::is_field_value(text))", "if (false)"),
    "a token read once": ("services", "impl/requested_keys.ipp",
        "elsewhere(executor_, [this] { return read_token(token_file_); }", "elsewhere(executor_, [this] { static const auto once = read_token(token_file_); return once; }"),
    "half of the keys from each file": ("", "impl/profile_keys.ipp",
        "return failed(file + \" has aws_\"", "return absent(file + \" has aws_\""),
    "a role's profile read as a user's": ("", "impl/profile_keys.ipp", "if (!in[name].empty()) return name;", "(void)name;"),
    "XML with entities of its own": ("answers", "xml_fields.hpp", "if (known == std::end(entities)) return false;",
        "if (known == std::end(entities)) { raw.remove_prefix(1); continue; }"),
    "an answer of any status holds keys": ("answers", "impl/key_answer.ipp",
        'if (answer.status != 200) return failed("the answer is " + std::to_string(answer.status) + code);', ""),
    "a name that leads where it must not": ("loopback", "impl/key_server.ipp",
        "    o.allow_address = [to](const boost::asio::ip::address& where) { return to.allows(where); };\n", ""),
    "a redirect of the container's endpoint repeated": ("loopback", "impl/key_server.ipp", "status >= 500 || status == 429", "status >= 300"),
}
MUTANTS |= {name: ("gcc", f"aws/credentials{'_' + test if test else ''}.cpp", "*", ASSERTED, AWS + header, text, replacement)
            for name, (test, header, text, replacement) in KEYS.items()}

CONFIG, SECRETS, RELOADS = "config/impl/", "config/secrets.cpp", "config/live.cpp"
MUTANTS |= {
    "a secret in the message of its refusal": ("gcc", SECRETS, "what is refused*", ASSERTED, CONFIG + "table.ipp",
        "if (is_secret(r)) return std::string(detail::masked);", ""),
    "a password with an @ in it shown in part": ("gcc", SECRETS, "what is loaded*", ASSERTED, CONFIG + "shown.hpp",
        "rest.rfind('@')", "rest.find('@')"),
    "AWS keys of two sources mixed": ("gcc", SECRETS, "the keys of AWS*", ASSERTED, CONFIG + "load.ipp",
        "while (rows[0].together != unit::alone &&", "while (false &&"),
    "a folder that is not there, and so the defaults": ("gcc", "config/load.cpp", "files that are meant*", ASSERTED,
        CONFIG + "load.ipp", "check_folder(options.folder, l_.problems);", ""),
    "a template's key that is sent": ("gcc", "aws/credentials.cpp", "profiles come from*", ASSERTED,
        "aws/detail/environment_keys.hpp", "config::detail::is_placeholder(key) ? std::string() : key", "key"),
    "a log that keeps its old level": ("gcc", RELOADS, "the sink of the log*", ASSERTED, CONFIG + "live.ipp",
        "if (alive) one.hear(*next);", ""),
    "a reload that changes what needs a restart": ("gcc", RELOADS, "what is not reloadable*", ASSERTED, CONFIG + "live.ipp",
        "if (r.reloadable) continue;", "continue;"),
    "an attempt as long as its call": ("gcc", RELOADS, "settings that are valid only*", ASSERTED, CONFIG + "checks.ipp",
        "of_attempt >= of_total", "of_attempt > of_total"),
}
