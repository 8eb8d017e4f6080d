#include "needs.hpp"

namespace chainrule {

NeedsOf needs_of(Kind kind) {
#define CHAINRULE_ENTRY(kind) kind##_needs,
    static constexpr NeedsOf table[] = {CHAINRULE_KINDS(CHAINRULE_ENTRY)};
#undef CHAINRULE_ENTRY
    return table[static_cast<Int>(kind)];
}

}  // namespace chainrule
