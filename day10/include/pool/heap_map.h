// HeapMap: a picture of the heap, span by span, in the order of addresses.
//
// Owner: whoever has it made, for as long as that takes. It is read layer by
// layer, each under its lock, for as short as that takes, and written when no
// lock is held. What changes meanwhile is shown as it was when it was read.
//
// What always holds:
//  - No page is shown twice. A span of a class was seen by the central cache
//    and by the page heap, with the same pages; one that only the page heap saw
//    is a large block, or was on its way.
//  - The memory for it comes from the system, and goes back there.
#ifndef POOL_HEAP_MAP_H_
#define POOL_HEAP_MAP_H_

#include <cstddef>
#include <cstdint>

#include "pool/output.h"

namespace pool {

enum class HeapMapForm {
  kSvg,
  kJson,  // what the picture is made from: docs/heap_map.schema.json
};

// False, and errno is ENOMEM, when there is no memory for it.
bool DrawHeapMap(HeapMapForm form, Output& output);

}  // namespace pool

#endif  // POOL_HEAP_MAP_H_
