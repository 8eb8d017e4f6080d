// The kernels of one path, by Kind.

#include "../program/kinds.hpp"

namespace chainrule::CHAINRULE_PATH {

#define CHAINRULE_DECLARE(kind) void kind(const Call& call);
CHAINRULE_KINDS(CHAINRULE_DECLARE)
#undef CHAINRULE_DECLARE

extern const Kernel kernels[kind_count];

#define CHAINRULE_ENTRY(kind) kind,
const Kernel kernels[kind_count] = {CHAINRULE_KINDS(CHAINRULE_ENTRY)};
#undef CHAINRULE_ENTRY

}  // namespace chainrule::CHAINRULE_PATH
