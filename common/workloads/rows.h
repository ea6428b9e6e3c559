// All rows of the race, by name, for one allocator.
#ifndef COURSE_WORKLOADS_ROWS_H_
#define COURSE_WORKLOADS_ROWS_H_

#include <functional>
#include <string>
#include <vector>

#include "common/workloads/bleed.h"
#include "common/workloads/burst.h"
#include "common/workloads/churn.h"
#include "common/workloads/cold.h"
#include "common/workloads/grow.h"
#include "common/workloads/handoff.h"
#include "common/workloads/large.h"
#include "common/workloads/measure.h"
#include "common/workloads/mixed.h"
#include "common/workloads/pair.h"
#include "common/workloads/ramp.h"

namespace course {

struct Row {
  std::string name;
  std::function<Outcome(const Limits&)> run;
};

template <class Facade>
std::vector<Row> AllRows() {
  std::vector<Row> rows;
  for (const size_t size : kBurstSizes) {
    rows.push_back({"burst/" + std::to_string(size), [size](const Limits& l) {
                      return Burst<Facade>(size, l);
                    }});
  }
  for (const int threads : {1, 2, 4, 16}) {
    rows.push_back({"pair/" + std::to_string(threads),
                    [=](const Limits& l) { return Pair<Facade>(threads, l); }});
  }
  for (const int threads : {1, 2, 4, 16}) {
    rows.push_back({"mixed/" + std::to_string(threads), [=](const Limits& l) {
                      return Mixed<Facade>(threads, l);
                    }});
  }
  rows.push_back({"cold", Cold<Facade>});
  rows.push_back({"handoff", Handoff<Facade>});
  rows.push_back({"bleed", Bleed<Facade>});
  rows.push_back({"churn", Churn<Facade>});
  rows.push_back({"grow", Grow<Facade>});
  rows.push_back({"large", Large<Facade>});
  rows.push_back({"ramp/oldest", [](const Limits& l) {
                    return Ramp<Facade>(Survivors::kOldest, l);
                  }});
  rows.push_back({"ramp/random", [](const Limits& l) {
                    return Ramp<Facade>(Survivors::kRandom, l);
                  }});
  return rows;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_ROWS_H_
