// SPDX-License-Identifier: BSL-1.0
// What the fallback hears, and where events go that CloudWatch will never have.
#pragma once

#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/aws/detail/delivery_words.hpp>
#include <kedge/detail/config.hpp>

#include <array>
#include <exception>

namespace kedge::aws::detail {

inline log::record own_record() noexcept {
    log::record told;
    told.logger = "kedge.aws";
    told.time = log::wall_now();
    told.severity = log::level::warning;
    return told;
}

/// The whole event, as it would stand in the stream.
inline log::record record_of(const log_event& event) noexcept {
    log::record told;
    told.logger = "kedge.aws";
    told.time = log::wall_time(std::chrono::milliseconds(event.time_ms));
    told.severity = event.severity;
    told.message = event.message();
    told.formatted = true;
    return told;
}

/// Without a lock: what a user's sink does is its own affair.
KEDGE_DECL void delivery_shell::hand_over(const delivery_actions& todo, const refusal_counts& refusals) noexcept {
    if (fallback_)
        for (const alarm_list::one& alarm : todo.alarms) tell_alarm(alarm);
    if (todo.any_refused() || refusals.total() > 0) tell_refused(todo, refusals);
    if (!fallback_) return;
    for (const log_event* e = todo.leftover.front(); e; e = e->next)
        if (e->sequence == 0) log::submit(*fallback_, record_of(*e));  // else the next process finds it on disk
}

KEDGE_DECL void delivery_shell::tell_alarm(const alarm_list::one& alarm) noexcept {
    log::record told = own_record();
    if (alarm.what == delivery_alarm::recovered || alarm.what == delivery_alarm::spool_works) told.severity = log::level::info;
    std::string text;
    try {
        text = told_text(alarm.what, alarm.cause, spooled().error);
    } catch (const std::exception&) {  // no memory: without the cause
    }
    told.message = text.empty() ? text_of(alarm.what) : std::string_view(text);
    log::submit(*fallback_, told);
}

/// One of them to the fallback, if that is due, and all of them to the dead letters.
KEDGE_DECL void delivery_shell::tell_refused(const delivery_actions& todo, const refusal_counts& refusals) noexcept {
    for (std::size_t i = 0; i < rejections; ++i) {
        const auto why = static_cast<rejection>(i);
        const bool by_service = todo.cause && (why == rejection::poison || why == rejection::oversize);
        std::string said, text;
        try {
            if (by_service && !todo.refused[i].empty()) said = said_in(*todo.cause);
            if (refusals[why] > 0) text = refusal_text(why, refusals[why], said, todo.refused[i].front());
        } catch (const std::exception&) {  // no memory: in fewer words
        }
        const std::array fields{log::field{"reason", name_of(why)}, log::field{"said", std::string_view(said)}};
        if (fallback_ && refusals[why] > 0) {
            log::record told = own_record();
            const log::field counted[] = {fields[0], {"events", static_cast<std::int64_t>(refusals[why])}};
            told.fields = counted;
            told.message = text.empty() ? "CloudWatch Logs refused events for good" : std::string_view(text);
            log::submit(*fallback_, told);
        }
        if (!dead_letters_) continue;
        for (const log_event* e = todo.refused[i].front(); e; e = e->next) {
            log::record letter = record_of(*e);
            letter.fields = {fields.data(), said.empty() ? 1u : 2u};
            log::submit(*dead_letters_, letter);
        }
    }
}

/// What was refused may leave the disk now. @return whether all is over
KEDGE_DECL bool delivery_shell::handed_over(const delivery_actions& todo) noexcept {
    const std::lock_guard sending(sending_);
    --handing_over_;
    note_settled(todo.refused);
    bool gone = false;
    {
        const std::lock_guard guard(lock_);
        gone = context_gone_;
    }
    if (gone) settle_now();
    else work_on_disk(false), set_timer();
    return !gone && is_over();
}

}  // namespace kedge::aws::detail
