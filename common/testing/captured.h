// What a body writes to standard error, as text: by whichever way, down to the
// descriptor.
#ifndef COURSE_TESTING_CAPTURED_H_
#define COURSE_TESTING_CAPTURED_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace course {

// All that an open file has, from its beginning.
inline std::string ContentsOf(int descriptor) {
  std::string text;
  char piece[4096];
  ssize_t bytes = 0;
  lseek(descriptor, 0, SEEK_SET);
  while ((bytes = read(descriptor, piece, sizeof(piece))) > 0) {
    text.append(piece, static_cast<size_t>(bytes));
  }
  return text;
}

// REQUIRES: no other thread writes to standard error, or opens files.
template <typename Body>
std::string StandardErrorOf(const Body& body) {
  const int before = dup(STDERR_FILENO);
  const int file = memfd_create("standard error", MFD_CLOEXEC);
  if (before < 0 || file < 0 || dup2(file, STDERR_FILENO) < 0) {
    throw std::system_error(errno, std::generic_category(), "standard error");
  }
  body();
  dup2(before, STDERR_FILENO);
  close(before);
  const std::string text = ContentsOf(file);
  close(file);
  return text;
}

}  // namespace course

#endif  // COURSE_TESTING_CAPTURED_H_
