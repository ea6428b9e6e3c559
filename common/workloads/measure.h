// How a row is measured. The first days cannot serve the whole of every
// workload (a system call for each block, a linear search for each free), so a
// row starts with a small fraction of its work and doubles it, until the whole
// is reached, the next step would take too long, or an allocation fails. Then
// it is repeated at that scale, and medians are reported, with the scale.
//
// What is compared must do the same work, so the scale can also be given: the
// clock then decides only how often the work is repeated.
#ifndef COURSE_WORKLOADS_MEASURE_H_
#define COURSE_WORKLOADS_MEASURE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "common/workloads/crew.h"
#include "common/workloads/resident.h"

namespace course {

inline constexpr int kMostHalvings = 8;
inline constexpr int kAsFarAsPossible = -1;

// What a row may cost.
struct Limits {
  double seconds = 1.0;  // for the whole row, as far as can be foretold
  int rounds = 11;       // at most, at the chosen scale
  double stay = 2.0;     // how long `ramp` waits for memory to come back
  int halvings = kAsFarAsPossible;  // else just so often is the work halved
  double (*now)() = SecondsNow;     // tests put a clock of their own here
};

inline constexpr size_t kMostParts = 4;

// What one round of a workload gives.
struct Sample {
  double seconds = 0;     // the timed part of the round
  size_t operations = 0;  // blocks that came and went
  size_t asked = 0;       // bytes that may be live at once, as asked for
  bool served = true;     // false: an allocation failed or a thread was refused
  std::array<double, kMostParts>
      parts{};  // seconds of what is also shown apart
};

// A figure of its own beside the time of the row.
struct Figure {
  std::string name;
  double value;
};

// What a row reports.
struct Outcome {
  bool served = false;
  std::string note;  // the scale, or why the row cannot be served
  double scale = 0;  // 1: the whole workload
  int rounds = 0;
  double seconds = 0;     // of one round: the median
  size_t operations = 0;  // of one round
  size_t asked = 0;
  size_t peak = 0;  // resident bytes above what was there before
  std::array<double, kMostParts> parts{};  // medians
  std::vector<Figure> figures;
};

// What a workload wants: `full` units of work, at least `rounds` times; the
// whole of it at least `whole_rounds` times, however long that takes.
struct Plan {
  size_t full;
  int rounds = 3;
  int whole_rounds = 3;
};

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  if (values.size() % 2 == 1) return values[half];
  return (values[half - 1] + values[half]) / 2;
}

// How much work was found to be possible.
struct Scale {
  size_t units = 0;  // 0: not even the smallest fraction
  size_t tried = 0;  // what was tried last
  double cost = 0;   // seconds for a round at this scale, all in all
  Sample sample;     // the round that showed it
  const char* reason = "";
};

// Runs a round; false when it was not served. A slow round may be another
// program's fault: `scale` keeps the quicker of two at the same scale.
template <class Round>
bool Try(size_t units, const Limits& limits, const Round& round, Scale* scale) {
  const double start = limits.now();
  const Sample sample = round(units);
  const double cost = limits.now() - start;
  scale->tried = units;
  if (!sample.served) return false;
  if (units != scale->units || cost < scale->cost) {
    *scale = {units, units, cost, sample, ""};
  }
  return true;
}

// Whether `rounds` rounds of twice the work would take longer than allowed.
// The cost may grow as the work does, or as its square; `before` is what half
// of the work cost, or 0.
inline bool TooLong(double cost, double before, int rounds,
                    const Limits& limits) {
  constexpr double kLeastGrowth = 2, kMostGrowth = 4;
  const double growth =
      before > 0 ? std::clamp(cost / before, kLeastGrowth, kMostGrowth)
                 : kLeastGrowth;
  return cost * growth * rounds > limits.seconds;
}

// Doubles the work until there is a reason to stop.
template <class Round>
Scale FindScale(const Plan& plan, const Limits& limits, const Round& round) {
  int halvings = kMostHalvings;
  while ((plan.full >> halvings) == 0) --halvings;
  Scale scale;
  for (; halvings >= 0; --halvings) {
    const double before = scale.cost;
    const size_t units = plan.full >> halvings;
    if (!Try(units, limits, round, &scale)) {
      scale.reason = ": more could not be served";
      return scale;
    }
    if (halvings == 0) return scale;
    if (TooLong(scale.cost, before, plan.rounds, limits)) {
      Try(units, limits, round, &scale);
      if (TooLong(scale.cost, before, plan.rounds, limits)) break;
    }
  }
  scale.reason = ": more would take too long";
  return scale;
}

// Half of the work first, as when the scale is looked for.
template <class Round>
Scale GivenScale(const Plan& plan, const Limits& limits, const Round& round) {
  const size_t units = std::max<size_t>(plan.full >> limits.halvings, 1);
  Scale scale;
  const bool served = (units == 1 || Try(units / 2, limits, round, &scale)) &&
                      Try(units, limits, round, &scale);
  if (!served) scale.units = 0;
  return scale;
}

inline void AddNote(const char* note, Outcome* outcome) {
  if (!outcome->note.empty()) outcome->note += "; ";
  outcome->note += note;
}

// Puts scale and reason into words.
inline void Describe(const Plan& plan, const Scale& scale, Outcome* outcome) {
  outcome->served = scale.units > 0;
  outcome->scale =
      static_cast<double>(scale.units) / static_cast<double>(plan.full);
  const auto share_of_work = [&plan](size_t units) {
    return "1/" + std::to_string(plan.full / units) + " of the work";
  };
  if (!outcome->served) {
    outcome->note = "cannot be served: " + share_of_work(scale.tried) +
                    " asks for too many blocks or threads";
  } else if (scale.units < plan.full) {
    outcome->note = "at " + share_of_work(scale.units) + scale.reason;
  }
}

// The median of each figure over the rounds.
inline void Summarize(const std::vector<Sample>& samples, Outcome* outcome) {
  std::vector<double> values(samples.size());
  auto median_of = [&](auto figure) {
    std::transform(samples.begin(), samples.end(), values.begin(), figure);
    return Median(values);
  };
  outcome->rounds = static_cast<int>(samples.size());
  outcome->operations = samples.back().operations;
  outcome->asked = samples.back().asked;
  outcome->seconds = median_of([](const Sample& s) { return s.seconds; });
  for (size_t part = 0; part < kMostParts; ++part) {
    outcome->parts[part] =
        median_of([part](const Sample& s) { return s.parts[part]; });
  }
}

// Measures round(units) at the greatest scale possible, or at that which
// `limits` gives. Whatever arrays the
// round needs must have been made before: memory counts from here.
template <class Round>
Outcome Measure(const Plan& plan, const Limits& limits, const Round& round) {
  Outcome outcome;
  std::vector<Sample> samples;
  samples.reserve(limits.rounds + 1);
  const ResidentWatch resident;
  const double start = limits.now();
  const Scale scale = limits.halvings == kAsFarAsPossible
                          ? FindScale(plan, limits, round)
                          : GivenScale(plan, limits, round);
  Describe(plan, scale, &outcome);
  if (!outcome.served) return outcome;

  samples.push_back(scale.sample);
  const bool whole = scale.units == plan.full;
  const int least =
      std::min(whole ? plan.whole_rounds : plan.rounds, limits.rounds);
  for (int done = 1; done < limits.rounds; ++done) {
    if (done >= least && limits.now() - start + scale.cost > limits.seconds) {
      break;
    }
    samples.push_back(round(scale.units));
    if (!samples.back().served) {
      samples.pop_back();
      AddNote("a later round could not be served", &outcome);
      break;
    }
  }
  outcome.peak = resident.Peak();
  Summarize(samples, &outcome);
  return outcome;
}

}  // namespace course

#endif  // COURSE_WORKLOADS_MEASURE_H_
