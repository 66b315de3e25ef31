#pragma once

/// Makes SQLite's files fail.
namespace store_test {

/// While this is there, what SQLite does with files that are opened meanwhile can be made to fail.
class FailingDisk {
 public:
  FailingDisk();
  ~FailingDisk();
  FailingDisk(FailingDisk const&) = delete;
  FailingDisk& operator=(FailingDisk const&) = delete;

  void fail_locks(bool on);
  void fail_syncs(bool on);
  void fail_writes(bool on);  ///< as on a full disk
};

}  // namespace store_test
