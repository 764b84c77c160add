// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace kedge::threading {

/** Put first into a pipeline whose calls all run on one thread: `pipeline{io, kedge::threading::one_thread{}, …}`.
 *
 *  It saves each call its own serialisation (about 30 ns). A promise, not a request: kedge cannot see how many threads
 *  run a context, and two threads inside one call of such a pipeline are a data race.
 */
struct one_thread {};

}  // namespace kedge::threading
