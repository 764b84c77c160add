// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/live.hpp>
#include <kedge/config/load.hpp>

#include <memory>

namespace kedge::config {

/** The options of a payment client, `sink` and `on_event` still unset.
 *  @throws bad_settings names PAYMENT_SERVICE_URL if that is not set
 */
kedge::payment_options payment_options(const configuration&);

/// The same, with the API key of the last reload for each call that was refused with an older one.
kedge::payment_options payment_options(std::shared_ptr<const live>);

/** The options of a database client; @ref adapter_of its `url` says which client it is for.
 *  @throws bad_settings names DATABASE_SERVICE_URL and the accepted forms if that is not set, or no adapter speaks its scheme
 */
kedge::database_options database_options(const configuration&);

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/clients.ipp>
#endif
