#pragma once

#include "core/base/descriptor.hpp"

namespace farm::detail {

/// Notes the working directory of this process; the destructor goes back there, also if the directory was moved.
class KeptDirectory {
 public:
  KeptDirectory();
  KeptDirectory(KeptDirectory const&) = delete;
  KeptDirectory& operator=(KeptDirectory const&) = delete;
  ~KeptDirectory();

 private:
  Descriptor before_;
};

}  // namespace farm::detail
