// What srun's output says about a job of its own.
#include "spawn/launch/srun_messages.hpp"
#include "tests/support/catch.hpp"

using farm::detail::plain_errors;
using farm::detail::queue_news;
using farm::detail::waits_for_ever;

TEST_CASE("srun tells when its job enters and leaves the queue") {
  auto const waits =
      queue_news("srun: Required partition not available\nsrun: job 12 queued and waiting for resources\n");
  REQUIRE(waits);
  CHECK(waits->waits);
  CHECK(waits->job == "12");
  auto const runs =
      queue_news("srun: job 12 queued and waiting for resources\nsrun: job 12 has been allocated resources");
  REQUIRE(runs);
  CHECK(!runs->waits);
  for (auto const* const text : {"", "\n", "srun: job", "srun: job queued and waiting for resources",
                                 "srun: job 7 runs", "srun: error: no such job 7 queued and waiting for resources"}) {
    CAPTURE(text);
    CHECK(!queue_news(text));
  }
}

TEST_CASE("some reasons keep a job in the queue for ever, and others do not") {
  for (auto const* const reason : {"PartitionConfig", "PartitionTimeLimit", "BadConstraints", "QOSMaxCpuPerJobLimit",
                                   "AssocMaxWallDurationPerJobLimit", "InvalidAccount"}) {
    CAPTURE(reason);
    CHECK(waits_for_ever(reason));
  }
  for (auto const* const reason :
       {"", "None", "Resources", "Priority", "PartitionDown", "ReqNodeNotAvail, UnavailableNodes:a", "AssocGrpCpuLimit",
        "QOSMaxJobsPerUserLimit", "JobHeldUser", "Licenses"}) {
    CAPTURE(reason);
    CHECK(!waits_for_ever(reason));
  }
}

TEST_CASE("srun's errors are told in one line, without its name and repetitions") {
  CHECK(
      plain_errors("srun: job 3 queued and waiting for resources srun: error: a: b srun: error: c srun: error: a: b") ==
      "a: b; c");
  CHECK(plain_errors("srun: Job has been cancelled") == "Job has been cancelled");
  CHECK(plain_errors("srun: job 3 queued and waiting for resources") == "srun: job 3 queued and waiting for resources");
  CHECK(plain_errors("no licence") == "no licence");
  CHECK_THAT(plain_errors("srun: error: Couldn't find the specified plugin name for mpi/pmix looking at all files"),
             contains("this Slurm has no plugin for PMI") && contains(" (srun --mpi=list)"));
}
