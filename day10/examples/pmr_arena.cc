// A pmr arena: a server that answers requests, each out of an arena of its own.
//
// What a request needs is cut from the arena's chunks, with no look at the heap
// at all; when the answer is out, the chunks go back together. The pool serves
// the chunks. The program's types say "pmr" and never say from where.
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <map>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/memory_resource.h"

namespace {

// Stands before another resource and counts what is asked of it.
class Counted : public std::pmr::memory_resource {
 public:
  explicit Counted(std::pmr::memory_resource* behind) : behind_(behind) {}
  int calls() const { return calls_; }

 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    ++calls_;
    return behind_->allocate(bytes, alignment);
  }
  void do_deallocate(void* block, size_t bytes, size_t alignment) override {
    behind_->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::pmr::memory_resource* behind_;
  int calls_ = 0;
};

using Fields = std::pmr::map<std::pmr::string, std::pmr::vector<int>>;

// "a=1&b=2&a=3" as a table; everything in it lies in `memory`.
Fields Parse(std::string_view request, std::pmr::memory_resource* memory) {
  Fields fields(memory);
  while (!request.empty()) {
    const std::string_view field = request.substr(0, request.find('&'));
    request.remove_prefix(std::min(request.size(), field.size() + 1));
    const size_t equals = field.find('=');
    std::pmr::string name(field.substr(0, equals), memory);
    const std::string value(field.substr(equals + 1));
    fields[std::move(name)].push_back(std::stoi(value));
  }
  return fields;
}

// Request number `n`: sixty fields with long names, four values each.
std::string Request(int n) {
  std::string text;
  for (int i = 0; i < 240; ++i) {
    text += text.empty() ? "" : "&";
    text += "the_name_of_a_field_" + std::to_string(i % 60) + "=" +
            std::to_string(n + i);
  }
  return text;
}

}  // namespace

int main() {
  Counted chunks(pool::PoolResource());
  int pieces = 0;
  long sum = 0;
  for (int n = 0; n < 1000; ++n) {
    std::pmr::monotonic_buffer_resource arena(4096, &chunks);
    Counted cut(&arena);
    for (const auto& [name, values] : Parse(Request(n), &cut)) {
      for (const int value : values) sum += value;
    }
    pieces += cut.calls();
  }
  std::cout << "1000 requests, sum of all values: " << sum << "\n"
            << "pieces for each request: " << pieces / 1000 << "\n"
            << "chunks from the pool for each: " << chunks.calls() / 1000
            << "\n";
}
