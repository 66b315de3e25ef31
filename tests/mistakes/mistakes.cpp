// Programs that must not compile, one in each function. The comment has a part of the only error that it may cause.
#include <farm/farm.hpp>

#include <functional>
#include <string>
#include <vector>

namespace {

int square(int i) { return i * i; }
int add(int a, int b = 1) { return a + b; }
struct Solver {
  int n = 0;
  [[nodiscard]] int run(int k) const { return n * k; }
};
std::vector<int> const inputs{1, 2};

void no_range(farm::MPISpawnPool& pool) {
  pool.map(square, 3);  // error: an argument of map is not a range
}
void options_not_last(farm::MPISpawnPool& pool) {
  pool.map(square, farm::MapOptions{}, inputs);  // error: MapOptions come once, after the ranges
}
void options_not_first(farm::MPISpawnPool& pool) {
  pool.submit(square, farm::TaskOptions{}, 1);  // error: TaskOptions come first
}
void task_options_of_map(farm::MPIPoolExecutor& executor) {
  executor.map(square, inputs, farm::TaskOptions{});  // error: map takes TaskOptions in its MapOptions
}
void too_few_ranges(farm::MPIPoolExecutor& executor) {
  executor.map(add, inputs);  // error: map needs one range for each parameter
}
void no_tuples(farm::MPISpawnPool& pool) {
  pool.starmap(add, inputs);  // error: an element of this range is neither a tuple nor a pair
}
void future_of_nothing(farm::MPISpawnPool& pool, farm::Future<void> const& future) {
  pool.submit(square, future);  // error: a Future<void> has no value that could be an argument
}
void no_function(farm::MPISpawnPool& pool) {
  pool.submit(1, square);  // error: the function of a task is expected here
}
void pointer_to_member(farm::MPISpawnPool& pool) {
  pool.submit(&Solver::run, Solver{}, 3);  // error: a pointer to a member cannot be sent
}
void std_function(farm::MPISpawnPool& pool) {
  pool.submit(std::function<int(int)>{square}, 3);  // error: a std::function cannot be sent
}
void bind(farm::MPISpawnPool& pool) {
  pool.submit(std::bind(add, 1, 2));  // error: what std::bind returns cannot be sent
}
void default_argument(farm::Pool& pool) {
  pool.apply_async(add, 1);  // error: default arguments are not known here
}
void initializer_with_arguments() {
  farm::MPISpawnPool const pool{
      {.initializer = square}};  // error: is written .initializer = farm::initializer(f, args...)
}
void capture(farm::MPISpawnPool& pool) {
  std::vector<int> const captured;
  pool.submit([captured] { return captured.size(); });  // error: captures something that cannot be serialized
}

}  // namespace
