// Traces that are made by rule, the same on every machine, each with one habit
// of real programs (or, in the last, of an enemy).
//
// Pure functions; no state, no locks. Recorded traces are files: see trace.h.
#ifndef COURSE_CLASSIC_MADE_TRACES_H_
#define COURSE_CLASSIC_MADE_TRACES_H_

#include <string>
#include <vector>

#include "common/classic/trace.h"

namespace course::classic {

std::vector<std::string> MadeTraceNames();

// REQUIRES: `name` is one of MadeTraceNames().
Trace MakeTrace(const std::string& name);

}  // namespace course::classic

#endif  // COURSE_CLASSIC_MADE_TRACES_H_
