#include "pool/stats_forms.h"

namespace pool {

void WriteStatistics(const PoolStatistics& statistics, StatisticsForm form,
                     Output& output) {
  switch (form) {
    case StatisticsForm::kText:
      return WriteText(statistics, output);
    case StatisticsForm::kJson:
      return WriteJson(statistics, output);
    case StatisticsForm::kPrometheus:
      return WritePrometheus(statistics, output);
    case StatisticsForm::kXml:
      return WriteXml(statistics, output);
  }
}

}  // namespace pool
