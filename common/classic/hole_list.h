// A doubly linked list of free blocks; the links lie in the blocks themselves,
// so the list needs no memory of its own.
//
// Owned by one arena; no locks. It does not know sizes or neighbours.
#ifndef COURSE_CLASSIC_HOLE_LIST_H_
#define COURSE_CLASSIC_HOLE_LIST_H_

#include "common/classic/arena.h"

namespace course::classic {

class HoleList {
 public:
  Block* first() const { return first_; }
  bool empty() const { return first_ == nullptr; }

  void PushFront(Block* hole) { InsertAfter(nullptr, hole); }

  // `previous` == nullptr: at the front.
  void InsertAfter(Block* previous, Block* hole) {
    Block* next = previous != nullptr ? previous->next_hole : first_;
    Link(previous, hole);
    Link(hole, next);
  }

  void Remove(Block* hole) { Link(hole->previous_hole, hole->next_hole); }

 private:
  // nullptr on the left is the list's head, on the right its end.
  void Link(Block* left, Block* right) {
    if (left != nullptr) {
      left->next_hole = right;
    } else {
      first_ = right;
    }
    if (right != nullptr) right->previous_hole = left;
  }

  Block* first_ = nullptr;
};

}  // namespace course::classic

#endif  // COURSE_CLASSIC_HOLE_LIST_H_
