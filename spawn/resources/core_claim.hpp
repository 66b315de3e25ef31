#pragma once

#include "core/base/descriptor.hpp"

namespace farm::detail {

/// Claims a core of this host, known by its first logical processor, for as long as the descriptor is open, so that
/// farms that do not know of each other bind their ranks to different cores. Returns no descriptor if the core is
/// claimed already. Processes in different network name spaces do not see each other's claims.
[[nodiscard]] Descriptor claim_core(int first_processor);

}  // namespace farm::detail
