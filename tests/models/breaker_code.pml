/* SPDX-License-Identifier: BSL-1.0
 *
 * core/circuit_breaker.hpp under the lock of detail/breaker_state.hpp, function by function; breaker.pml is the world
 * around it. A faulty copy of the code is made by defining one of the names that #ifdef asks for.
 *
 * Each `atomic` is one step of one thread: at most one access to what others may read without the lock (the word, the end
 * of the open time, the clock), with what the thread does alone before and after it. What the lock guards moves along, so
 * a locked section is one step, or one for each of its stores.
 */
#define NOBODY 255
#define OPEN_FOR 1
#define LEASE 1
#ifndef PROBES
#define PROBES 3            /* breaker_probes::needed */
#endif

/* The word and the ticket: generation above, eight bits below. */
#define CLOSED 0
#define OPEN 1
#define HALF_OPEN 2
#define STATE_BITS 3
#define SUSPECT_BIT 4
#define BARRED_BIT 8
#define DRY_BIT 16
#define LOW_BITS 255
#define UNCOUNTED 32767
#define REFUSED -1
#ifdef LOW_SERIALS
#define FIRST_SERIAL 0
#else
#define FIRST_SERIAL 128
#endif
#ifdef GENERATION_BITS
#define WRAPS true
#else
#define GENERATION_BITS 6
#define WRAPS false         /* asserted: then six bits are as good as 32 */
#endif
#define GENERATIONS (1 << GENERATION_BITS)
#define ERA(w) ((w) & ~LOW_BITS)
#define NEXT_ERA ((((word >> 8) + 1) % GENERATIONS) << 8)
#define STATE (word & STATE_BITS)

mtype = { success, failure, neutral };

short word = 0;
byte open_until = 0, lock = NOBODY;
byte under_way = 0, last_serial = 0, succeeded = 0, lease_until = 0;  /* these two lines under the lock */
bool failing = false, isolated = false, disabled = false, dry = false;

inline publish(next, era) {
    must(written_under_the_lock, lock == _pid);
    word = (era) | (next) | (failing && (next) == CLOSED -> SUSPECT_BIT : 0) |
           (isolated || disabled -> BARRED_BIT : 0) | (dry -> DRY_BIT : 0)
}

/* What begin_cycle() forgets is forgotten when a cycle ends: nobody reads it in between, and there are fewer states. */
inline change_to(next) {
    must(generations_do_not_wrap, WRAPS || (word >> 8) < GENERATIONS - 1);
    note_change();
    succeeded = 0;
    under_way = 0;
    lease_until = 0;
    publish(next, NEXT_ERA)
}

inline close() {
    failing = false;
    change_to(CLOSED)
}

inline unlock() { lock = NOBODY }
inline store_open_until() { open_until = now + OPEN_FOR }

/* open() stores twice. Out of order is what another thread might see if both accesses were relaxed. */
#ifdef OUT_OF_ORDER
#define FIRST_STORE_OF_OPEN change_to(OPEN)
#define SECOND_STORE_OF_OPEN store_open_until()
#define UNTIL until
#else
#define FIRST_STORE_OF_OPEN store_open_until()
#define SECOND_STORE_OF_OPEN change_to(OPEN)
#define UNTIL open_until
#endif

#ifdef NO_LEASE
#define EXPIRED false
#else
#define EXPIRED (STATE == HALF_OPEN && under_way != 0 && now >= lease_until)
#endif
#ifdef NO_BUSY_CHECK
#define BUSY false
#else
#define BUSY (under_way != 0)
#endif

inline begin_probe() {
    last_serial = FIRST_SERIAL | (last_serial + 1);
    under_way = last_serial;
    lease_until = now + LEASE;
    admitted(ERA(word) | under_way);
    note_probe()
}

inline admit_by_state() {
    if
    :: STATE == CLOSED -> admitted(ERA(word))
    :: STATE == OPEN && now < open_until
    :: STATE == OPEN && now >= open_until -> change_to(HALF_OPEN); begin_probe()
    :: STATE == HALF_OPEN && BUSY
    :: STATE == HALF_OPEN && !BUSY -> begin_probe()
    fi
}

/* The rest of circuit_breaker::admit(). Whoever would be refused passes uncounted in dry mode. */
inline admit_and_unlock() {
    if
    :: isolated
    :: !isolated && disabled -> admitted(UNCOUNTED)
    :: else ->
        admit_by_state();
        if
        :: dry && ticket == REFUSED -> admitted(UNCOUNTED)
        :: else
        fi
    fi;
    unlock();
    if
    :: ticket == REFUSED -> call_over()
    :: else
    fi
}

inline admit() {
    if
    :: atomic { lock == NOBODY && !EXPIRED -> lock = _pid; admit_and_unlock() }
    :: atomic { lock == NOBODY && EXPIRED -> lock = _pid; FIRST_STORE_OF_OPEN };
        atomic { SECOND_STORE_OF_OPEN; admit_and_unlock() }
    fi
}

#ifdef REFUSES_WITHOUT_CLOCK
#define STILL_OPEN true
#else
#define STILL_OPEN (now < UNTIL)
#endif

/* breaker_state::try_acquire(), first without the lock */
inline try_acquire() {
#ifdef OUT_OF_ORDER
    until = open_until;
#endif
    if
    :: atomic { (word & (STATE_BITS | BARRED_BIT)) == CLOSED -> admitted(ERA(word)) }
    :: (word & (STATE_BITS | BARRED_BIT | DRY_BIT)) == OPEN ->
        if
        :: atomic { STILL_OPEN -> must(refused_only_in_its_time, now < UNTIL); call_over() }
        :: else -> admit()
        fi
    :: else -> admit()
    fi
}

#define SERIAL (ticket & LOW_BITS)
#ifdef NO_SERIAL_CHECK
#define UNDER_WAY (under_way != 0)
#else
#define UNDER_WAY (under_way != 0 && SERIAL == under_way)
#endif
#ifdef NO_GENERATION_CHECK
#define OF_ANOTHER_GENERATION false
#else
#define OF_ANOTHER_GENERATION (((word ^ ticket) >> 8) != 0)
#endif
#ifdef PERMIT_LOST_ON_CANCEL
#define TELLS_NOTHING (said == neutral)
#else
#define TELLS_NOTHING (said == neutral && SERIAL == 0)
#endif
#define BUCKET_IS_OVER (word == ticket && said == success)  /* it may be: then the window turns, under the lock */
/* try_settle() */
#define SETTLED ((word == ticket && said == success) || ticket == UNCOUNTED || OF_ANOTHER_GENERATION || TELLS_NOTHING)
#ifdef NO_SECOND_LOOK
#define SETTLED_UNDER_LOCK false
#else
#define SETTLED_UNDER_LOCK SETTLED
#endif

/* Whoever has to open keeps the lock, here and below. */
inline settle_probe() {
    if
    :: !UNDER_WAY -> unlock()
    :: UNDER_WAY && said == failure -> note_result()
    :: UNDER_WAY && said != failure ->
        note_result();
        under_way = 0;
        lease_until = 0;
        succeeded = succeeded + (said == success);
        if
        :: succeeded == PROBES -> close()
        :: else
        fi;
        unlock()
    fi
}

/* Whether a failure opens is for the window and for chance to say: any may. */
inline count() {
    if
    :: said == failure -> note_result(); failing = true; publish(CLOSED, ERA(word))
    :: said == failure -> note_result(); failing = true; publish(CLOSED, ERA(word)); unlock()
    :: said == success && failing -> note_result(); failing = false; publish(CLOSED, ERA(word)); unlock()
    :: else -> unlock()
    fi
}

inline settle_by_state() {
    if
    :: SETTLED_UNDER_LOCK -> unlock()
    :: !SETTLED_UNDER_LOCK && STATE == HALF_OPEN -> settle_probe()
    :: !SETTLED_UNDER_LOCK && STATE != HALF_OPEN && disabled -> unlock()
    :: else -> count()
    fi
}

inline settle_under_lock() {
    if
    :: atomic {
            lock == NOBODY && !EXPIRED -> lock = _pid;
            settle_by_state();
            if
            :: lock != _pid -> finished()
            :: else
            fi
        }
    :: atomic { lock == NOBODY && EXPIRED -> lock = _pid; FIRST_STORE_OF_OPEN };
        atomic { SECOND_STORE_OF_OPEN; settle_by_state(); finished() }
    fi;
    if
    :: lock == _pid ->
        atomic { FIRST_STORE_OF_OPEN };
        atomic { SECOND_STORE_OF_OPEN; unlock(); finished() }
    :: else
    fi
}

/* breaker_state::settle(), first without the lock */
inline settle() {
    if
    :: atomic { SETTLED -> finished() }
#ifdef PUBLISHES_WITHOUT_LOCK
    :: atomic { word == (ticket | SUSPECT_BIT) && said == success -> publish(CLOSED, ERA(word)); finished() }
#endif
    :: !SETTLED || BUCKET_IS_OVER -> settle_under_lock()
    fi
}
