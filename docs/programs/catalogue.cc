// Reads 20,000 pages. What keeps their pictures forgets to forget.
#include <cstdio>
#include <string>
#include <vector>

//! [Draw]
char* pictures[20'000];

__attribute__((noinline)) void Draw(int number) {
  pictures[number] = new char[2000];
}
//! [Draw]

__attribute__((noinline)) size_t Read(int number) {
  std::vector<std::string> words(number % 50 + 1, "a word longer than most");
  return words.size();
}

int main() {
  size_t words = 0;
  for (int number = 0; number < 20'000; ++number) {
    words += Read(number);
    Draw(number);
  }
  std::printf("%zu words\n", words);
}
