/* SPDX-License-Identifier: BSL-1.0
 *
 * Three threads call through a circuit breaker while time passes and somebody may operate it. Then the dependency is well.
 * What is left out, and why that is sound: docs/design/circuit-breaker.md, "Proof". `tests/models/run` runs it.
 */
#ifndef CALLERS
#define CALLERS 3           /* or 2 */
#endif
#ifndef CALLS
#define CALLS 5             /* of all callers together */
#endif
#ifndef TICKS
#define TICKS 2             /* of the clock, until the dependency is well */
#endif
#define HEALER CALLERS      /* by _pid: who calls when all is over, and only succeeds */

byte clock = 0, calls = CALLS, in_call = 0, hung = 0;
bool idle[CALLERS + 1] = true, cured = false;
#ifdef OPERATOR
bool operating = true;
#else
bool operating = false;
#endif
#ifdef FINISHES_TWICE
bool once_more = true;
#endif

/* The properties, and what they speak of. A visit is a generation that never wraps. */
hidden byte at_most_one_live_probe, another_generation_changes_nothing, closes_again, no_probe_without_its_permit,
    written_under_the_lock, refused_only_in_its_time, generations_do_not_wrap;
#define must(name, fact) assert((fact) || name)
byte visit = 0, live_probes = 0;

#include "breaker_code.pml"

inline admitted(what) {
    ticket = what;
    mine = visit
}

inline note_change() {
    visit++;
    live_probes = 0
}

inline note_probe() {
    probing = true;
    live_probes++;
    must(at_most_one_live_probe, live_probes == 1)
}

/* A result is about to change something. */
inline note_result() {
    must(another_generation_changes_nothing, mine == visit);
    live_probes = live_probes - probing;
    probing = false
}

inline call_over() {
    ticket = REFUSED;
    now = 0;
    until = 0;
    mine = 0;
    said = 0;
    probing = false;
    in_call--;
    idle[_pid] = true
}

/* Permits end once; the mutant's may end a second time. */
inline finished() {
#ifdef FINISHES_TWICE
    if
    :: once_more -> once_more = false
    :: call_over()
    fi
#else
    call_over()
#endif
}

/* Callers are alike: of those who are idle the first one calls. */
#define FIRST_IDLE (idle[_pid] && _pid < HEALER && (_pid < 1 || !idle[0]) && (_pid < 2 || !idle[1]))

inline begin_call() {
    idle[_pid] = false;
    in_call++;
    now = clock
}

active [CALLERS + 1] proctype caller() {
    byte now, until, mine, tries;
    short ticket = REFUSED;
    mtype said;
    bool probing;
end:
    do
    :: atomic { FIRST_IDLE && calls > 0 -> calls--; begin_call() };
        try_acquire()
    :: atomic {
            ticket != REFUSED ->
            if
            :: said = success
            :: _pid != HEALER -> said = failure
            :: _pid != HEALER -> said = neutral  /* cancelled, abandoned, forgotten */
            fi;
            now = clock
        };
        settle()
    :: atomic { ticket != REFUSED && _pid != HEALER && hung == 0 -> hung++; call_over(); idle[_pid] = false; break }
    /* Whoever is not hung has ended his call, and the operator his work. One refusal, then all must be well. */
    :: atomic {
            _pid == HEALER && idle[_pid] && in_call == 0 && !operating && tries <= PROBES ->
            must(no_probe_without_its_permit, hung > 0 || STATE != HALF_OPEN || under_way == 0);
            cured = true;
            calls = 0;
            clock = clock + OPEN_FOR + LEASE;
            tries++;
            begin_call()
        };
        try_acquire()
    :: atomic { _pid == HEALER && in_call == 0 && tries > PROBES -> must(closes_again, word == ERA(word)); break }
    od
}

active proctype time_passes() {
end:
    do
    :: atomic { !cured && clock < TICKS -> clock++ }
    od
}

#ifdef OPERATOR
inline now_and_no_more(what) {
    atomic { lock == NOBODY -> lock = _pid; what = true; publish(STATE, ERA(word)); unlock() };
    atomic { lock == NOBODY -> lock = _pid; what = false; publish(STATE, ERA(word)); unlock() }
}

active proctype operator() {
    if
    :: atomic { lock == NOBODY -> lock = _pid; close(); unlock() }  /* reset */
    :: now_and_no_more(isolated)
    :: now_and_no_more(disabled)
    :: now_and_no_more(dry)
    fi;
    operating = false
}
#endif
