// Immortal<T>: a global object that is never destroyed.
//
// Programs free memory until their very last instruction: from destructors of
// other globals, from atexit handlers, from libc's own clean-up. Whatever such
// a call needs must still be there, so the allocator's globals never die. The
// kernel takes their memory back with the process. (A compiler may have the
// empty destructor below called at the end; that does nothing.)
#ifndef POOL_IMMORTAL_H_
#define POOL_IMMORTAL_H_

namespace pool {

//! [Immortal]
template <typename T>
union Immortal {
  constexpr Immortal() : value() {}
  ~Immortal() {}  // a union destroys none of its members by itself
  T value;
};
//! [Immortal]

}  // namespace pool

#endif  // POOL_IMMORTAL_H_
