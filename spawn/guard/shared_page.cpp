#include "spawn/guard/shared_page.hpp"

#include "core/task/frame.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t one_recall = std::uint64_t{1} << 32U;

}  // namespace

bool SharedPage::begin(std::uint64_t key) noexcept {
  auto seen = begun.load();
  do {
    auto const end = recalled_to.load();
    if (of_same_group(key, end) && index_of(key) >= recalled_from.load() && key < end) return false;
  } while (!begun.compare_exchange_weak(seen, (seen & ~(one_recall - 1)) | (index_of(key) + 1)));
  return true;
}

std::uint64_t SharedPage::recall(std::uint64_t end) noexcept {
  auto seen = begun.load();
  do {
    recalled_from = static_cast<std::uint32_t>(seen);
    recalled_to = end;
  } while (!begun.compare_exchange_weak(seen, seen + one_recall));
  return end - index_of(end) + static_cast<std::uint32_t>(seen);
}

}  // namespace farm::detail
