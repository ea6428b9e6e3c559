// What stands in a starter where a body is yet to be written.
//
// Only a starter has this file (`course start` lays it down), and the compiler
// reads it before every other: no header needs to include it. It goes on where
// YoursToWrite is called no more.
#ifndef POOL_YOURS_TO_WRITE_H_
#define POOL_YOURS_TO_WRITE_H_

namespace pool {

// Writes the message, and a line's end, to standard error, and aborts. It does
// not allocate, and works before main.
[[noreturn]] void StopAtUnwritten(const char* message) noexcept;

// May stand in a constexpr function, too. What the compiler would work out with
// such a function is then no constant.
[[noreturn]] constexpr void YoursToWrite(const char* message) noexcept {
  while (true) {
    if (message != nullptr) StopAtUnwritten(message);
  }
}

}  // namespace pool

#endif  // POOL_YOURS_TO_WRITE_H_
