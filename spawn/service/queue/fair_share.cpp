#include "spawn/service/queue/fair_share.hpp"

#include "spawn/service/queue/queued_job.hpp"

#include <algorithm>

namespace farm::detail {

void FairShare::add(QueuedJob& job) {
  if (job.is_active) return;
  job.is_active = true;
  job.virtual_time = std::max(job.virtual_time, clocks_[job.priority]);
  jobs_[job.priority].emplace(job.virtual_time, &job);
}

void FairShare::remove(QueuedJob& job) {
  if (!job.is_active) return;
  job.is_active = false;
  auto const found = jobs_.find(job.priority);
  found->second.erase({job.virtual_time, &job});
  if (found->second.empty()) jobs_.erase(found);
}

QueuedJob* FairShare::next() const { return jobs_.empty() ? nullptr : jobs_.begin()->second.begin()->second; }

void FairShare::charge(QueuedJob& job, double rank_seconds) {
  auto& order = jobs_.at(job.priority);
  auto entry = order.extract({job.virtual_time, &job});
  clocks_[job.priority] = job.virtual_time;
  job.virtual_time += rank_seconds;
  entry.value().first = job.virtual_time;
  order.insert(std::move(entry));
}

}  // namespace farm::detail
