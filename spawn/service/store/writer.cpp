#include "spawn/service/store/writer.hpp"

#include "spawn/service/store/recovery/opening.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <iterator>
#include <memory>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t largest_batch = 50000;  // ends and changes, so that no end waits for long
constexpr auto try_again_after = std::chrono::seconds{1};
constexpr std::size_t runs_under_load = 32;  // wait for a merge while there is other work

bool is_job(StoreWriter::Operation const& operation) {
  return std::holds_alternative<StoreWriter::NewJob>(operation.what);
}

/// Returns how many ends and changes an operation has.
std::size_t weight_of(StoreWriter::Operation const& operation) {
  if (auto const* const ends = std::get_if<std::vector<TaskEnd>>(&operation.what)) return ends->size();
  return is_job(operation) || std::holds_alternative<std::monostate>(operation.what) ? 0 : 1;
}

void answer(StoreWriter::Operation const& operation, std::string const& text) {
  if (operation.done) operation.done(text);
}

}  // namespace

StoreWriter::StoreWriter(std::filesystem::path directory)
    : directory_{std::move(directory)},
      tables_{directory_},
      next_job_{static_cast<std::uint64_t>(tables_.counters().next_job)},
      thread_{[this] { run(); }} {}

StoreWriter::~StoreWriter() {
  {
    std::lock_guard const lock{mutex_};
    is_ending_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void StoreWriter::add(Operation operation) {
  {
    std::lock_guard const lock{mutex_};
    unwritten_ += weight_of(operation);
    if (is_job(operation)) ++waiting_jobs_;
    waiting_.push_back(std::move(operation));
  }
  work_.notify_one();
}

bool StoreWriter::flush(double seconds) {
  auto const reached = std::make_shared<std::promise<void>>();
  auto const future = reached->get_future();
  add({.done = [reached](std::string const&) { reached->set_value(); }});
  constexpr double longest = 1e6;
  return future.wait_for(std::chrono::duration<double>(std::min(seconds, longest))) == std::future_status::ready;
}

StoreHealth StoreWriter::health() const {
  std::lock_guard const lock{mutex_};
  return {.problem = problem_, .unwritten = unwritten_};
}

std::uint64_t StoreWriter::next_job() {
  std::lock_guard const lock{mutex_};
  return next_job_++;
}

void StoreWriter::run() {
  std::unique_lock lock{mutex_};
  while (wait_for_work(lock)) {
    auto batch = take_batch();
    lock.unlock();
    write(std::move(batch));
    tidy(false);
    lock.lock();
  }
}

bool StoreWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    if (is_ending_) return !waiting_.empty();
    if (!problem_.empty()) {  // look whether it is over, also if there is nothing to write
      if (waiting_jobs_ > 0 || Clock::now() >= next_try_) return true;
      work_.wait_until(lock, next_try_);
    } else if (!waiting_.empty()) {
      return true;
    } else if (is_tidy_) {
      work_.wait(lock);
    } else if (work_.wait_for(lock, try_again_after) == std::cv_status::timeout) {
      is_tidy_ = true;
      lock.unlock();
      tidy(true);
      lock.lock();
    }
  }
}

/// Returns what belongs into the next transaction. After a failure that is one operation; or, before it is time to try
/// again, the jobs alone: they want an answer now.
StoreWriter::Operations StoreWriter::take_batch() {
  Operations batch;
  auto const is_hopeless = !problem_.empty() && !is_ending_ && Clock::now() < next_try_;
  if (is_hopeless) {
    auto const rest = std::stable_partition(waiting_.begin(), waiting_.end(), [](auto const& o) { return !is_job(o); });
    std::move(rest, waiting_.end(), std::back_inserter(batch));
    waiting_.erase(rest, waiting_.end());
  } else {
    std::size_t weight = 0;
    while (!waiting_.empty() && weight < largest_batch && (problem_.empty() || batch.empty() || is_ending_)) {
      weight += weight_of(waiting_.front());
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  waiting_jobs_ -= static_cast<std::size_t>(std::count_if(batch.begin(), batch.end(), is_job));
  return batch;
}

void StoreWriter::write(Operations batch) {
  std::vector<std::string> answers;
  auto problem = try_to_write(batch, answers);
  if (!problem.empty()) {  // jobs are refused; the rest is tried without them
    auto const jobs = std::stable_partition(batch.begin(), batch.end(), [](auto const& o) { return !is_job(o); });
    auto const has_jobs = jobs != batch.end();
    std::for_each(jobs, batch.end(), [&](Operation const& job) { answer(job, problem); });
    batch.erase(jobs, batch.end());
    if (has_jobs) problem = try_to_write(batch, answers);
  }
  if (problem.empty())
    settle(std::move(batch), answers);
  else
    put_back(std::move(batch), problem);
}

std::string StoreWriter::try_to_write(Operations const& batch, std::vector<std::string>& answers) {
  answers.clear();
  std::string problem;
  try {
    tables_.begin();
    for (auto const& operation : batch) answers.push_back(carry_out(operation));
    tables_.commit();
    return {};
  } catch (DatabaseError const& error) {
    problem = error.what();
    if (error.says_damaged()) {
      mark_suspect(directory_);
      problem += "; restart the server, which recovers what it can";
    }
  } catch (std::exception const& error) {
    problem = error.what();
  }
  tables_.roll_back();
  return problem;
}

std::string StoreWriter::carry_out(Operation const& operation) {
  struct Visitor {
    StoreTables& tables;
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(NewJob const& job) const { return tables.add_job(job.job, job.tasks); }
    std::string operator()(std::vector<TaskEnd> const& ends) const { return tables.add_ends(ends), std::string{}; }
    std::string operator()(JobChange const& change) const { return tables.change(change); }
    std::string operator()(StoredGroup const& group) const { return tables.add_group(group), std::string{}; }
    std::string operator()(RemovedGroup group) const { return tables.remove_group(group.group), std::string{}; }
  };
  return std::visit(Visitor{tables_}, operation.what);
}

void StoreWriter::settle(Operations batch, std::vector<std::string> const& answers) {
  {
    std::lock_guard const lock{mutex_};
    for (auto const& operation : batch) unwritten_ -= weight_of(operation);
    problem_.clear();
    is_tidy_ = false;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) answer(batch[i], answers[i]);
}

void StoreWriter::put_back(Operations batch, std::string const& problem) {
  std::lock_guard const lock{mutex_};
  waiting_.insert(waiting_.begin(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
  problem_ = problem;
  next_try_ = Clock::now() + try_again_after;
  if (is_ending_) waiting_.clear();  // the disk does not permit it
}

bool StoreWriter::has_work() {
  std::lock_guard const lock{mutex_};
  return !waiting_.empty() || is_ending_ || !problem_.empty();
}

void StoreWriter::tidy(bool idle) {
  try {
    tables_.tidy(false);
    if (has_work()) {
      tables_.merge(runs_under_load);
      return;
    }
    while (!has_work() && (tables_.merge(runs_per_merge) || (idle && tables_.tidy(true)))) {
    }
  } catch (DatabaseError const& error) {
    tables_.roll_back();
    if (error.says_damaged()) mark_suspect(directory_);
  } catch (std::exception const&) {  // a damaged row, which the next server is to find
    tables_.roll_back();
    mark_suspect(directory_);
  }
}

}  // namespace farm::detail
