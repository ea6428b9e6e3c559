// A container on the pool: which words does a text use most?
//
// The map's nodes and the words themselves, both come from the pool; what they
// took goes back to the system in the end, which the pool reports.
#include <algorithm>
#include <cctype>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pool/allocator.h"
#include "pool/pool.h"

namespace {

// The only change to a program: a name for each container that it uses.
using String =
    std::basic_string<char, std::char_traits<char>, pool::PoolAllocator<char>>;

struct HashOfString {
  size_t operator()(const String& text) const {
    return std::hash<std::string_view>()(text);
  }
};

using Counts =
    std::unordered_map<String, int, HashOfString, std::equal_to<>,
                       pool::PoolAllocator<std::pair<const String, int>>>;

using Row = std::pair<int, String>;
using Rows = std::vector<Row, pool::PoolAllocator<Row>>;

constexpr std::string_view kText =
    "Humpty Dumpty sat on a wall, "
    "Humpty Dumpty had a great fall. "
    "All the king's horses and all the king's men "
    "couldn't put Humpty together again.";

Counts CountWords(std::string_view text) {
  Counts counts;
  String word;
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) || c == '\'') {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      ++counts[std::exchange(word, String())];
    }
  }
  return counts;
}

// The most frequent first; of those that are level, in the alphabet's order.
Rows Sorted(const Counts& counts) {
  Rows rows;
  for (const auto& [word, count] : counts) rows.emplace_back(-count, word);
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

int main() {
  {
    const Rows rows = Sorted(CountWords(kText));
    std::cout << rows.size() << " different words\n";
    for (const auto& [count, word] : rows) {
      if (-count > 1) std::cout << -count << " " << word << "\n";
    }
  }
  const bool came_back = pool::ReleaseFreeMemory() > 0;
  std::cout << "memory given back: " << (came_back ? "yes" : "no") << "\n";
}
