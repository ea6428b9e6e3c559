// What the five classic allocators share: one range of bytes that the caller
// gives, cut into blocks without gaps, and the counters by which we compare.
//
// The caller owns the range; the arena only writes into it and never asks for
// more. Used by one thread; no locks.
//
// What always holds:
//   - the blocks tile the range: each begins where the one before it ends;
//   - every block begins with a header, and its user's bytes are 16-aligned;
//   - live_bytes + free bytes == size of the range.
//
// A policy (first fit, buddy, ...) derives from Arena and answers one
// question: Place, which block serves this request? Release takes it back.
#ifndef COURSE_CLASSIC_ARENA_H_
#define COURSE_CLASSIC_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace course::classic {

// Words rather than 0 and 1: a stray write seldom makes a valid state.
enum class BlockState : uint32_t {
  kGone = 0,  // a former header, swallowed by a merge
  kFree = 0x46524545,
  kLive = 0x4c495645,
};

// The first 16 bytes are the header. The links lie where the user's bytes
// would be, so they exist only while the block is free.
struct Block {
  uint32_t bytes;       // the whole block with its header, a multiple of 16
  uint32_t left_bytes;  // boundary tag: size of the block before; 0 for none
  uint32_t asked;       // what the user asked for; 0 while free
  BlockState state;
  Block* previous_hole;
  Block* next_hole;
};

inline constexpr size_t kAlignment = 16;
inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kMinBlockBytes = 32;  // a header and the two links
static_assert(offsetof(Block, previous_hole) == kHeaderBytes);
static_assert(sizeof(Block) == kMinBlockBytes);

struct Counters {
  size_t allocations = 0;      // requests served
  size_t refusals = 0;         // requests answered with nullptr
  size_t releases = 0;         // blocks taken back
  size_t search_steps = 0;     // blocks looked at by all calls to Allocate
  size_t longest_search = 0;   // ... and by the worst of them
  size_t release_steps = 0;    // blocks looked at by all calls to Deallocate
  size_t longest_release = 0;  // ... and by the worst of them
  size_t live_asked = 0;       // bytes that users hold, as they asked for them
  size_t live_bytes = 0;       // bytes of the blocks that hold them
  size_t high_water = 0;       // the highest end that a live block ever had
};

struct FreeSpace {
  size_t bytes = 0;    // in all free blocks together
  size_t largest = 0;  // in the largest of them
  size_t holes = 0;    // how many there are
};

// One block as a picture needs it.
struct BlockView {
  size_t offset;  // from the start of the arena
  size_t bytes;
  size_t asked;
  bool live;
};

class Arena {
 public:
  virtual ~Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  virtual const char* name() const = 0;

  // nullptr when no free block is large enough. Zero bytes are a request too:
  // each gets a block of its own.
  void* Allocate(size_t bytes);

  // nullptr is a no-op. A pointer that is not a live block of this arena ends
  // the process with one line that names it.
  void Deallocate(void* user);

  // Empty when all is well, else the first thing found wrong.
  std::string Validate() const;

  std::vector<BlockView> Blocks() const;  // in order of address
  FreeSpace Free() const;
  size_t LargestRequest() const;  // what Allocate could serve right now
  const Counters& counters() const { return counters_; }
  size_t size() const { return bytes_; }

 protected:
  Arena(void* start, size_t bytes);

  // A free block becomes a live one of at least `bytes`; nullptr for none.
  virtual Block* Place(size_t bytes) = 0;
  // A live block becomes a free one, merged as the policy says.
  virtual void Release(Block* block) = 0;
  // Is this, which says it is live, really where a block can be?
  virtual bool StandsRight(const Block* block) const = 0;
  // The policy's own part of Validate; the blocks are known to tile.
  virtual std::string ValidatePolicy() const = 0;

  // Policies call this for each block or list that they look at.
  void CountStep() { ++steps_; }
  void UseOnly(size_t bytes) { bytes_ = bytes; }

  Block* At(size_t offset) const {
    return reinterpret_cast<Block*>(start_ + offset);
  }
  size_t OffsetOf(const Block* block) const {
    return static_cast<size_t>(reinterpret_cast<const char*>(block) - start_);
  }
  Block* Right(const Block* block) const {  // nullptr after the last block
    const size_t end = OffsetOf(block) + block->bytes;
    return end < bytes_ ? At(end) : nullptr;
  }
  bool Holds(const void* address) const;  // could a header be here?

  // Follows the links from `first`. Counts the holes, or says what is wrong.
  std::string ValidateList(const Block* first, size_t* holes) const;

 private:
  std::string ValidateTiling() const;
  std::string ValidateCounters() const;
  Block* CheckedBlockOf(void* user) const;

  char* start_;   // set once
  size_t bytes_;  // set once, by the policy's constructor at the latest
  size_t steps_ = 0;
  Counters counters_;
};

// Bytes of the smallest block for a request: header, and rounded up to 16.
size_t BlockBytesFor(size_t asked);

}  // namespace course::classic

#endif  // COURSE_CLASSIC_ARENA_H_
