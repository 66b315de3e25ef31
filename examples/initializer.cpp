// $ mpiexec -n 1 -host localhost:3 initializer
//
// Each rank loads a model once, before its first task, instead of once per task. What the initializer returns stays on
// the rank: it need not be serializable, and tasks may change it.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <cmath>

struct Model {
  std::vector<double> weights;
  int uses = 0;
};

Model load(std::size_t size) {
  Model model{.weights = std::vector<double>(size)};
  for (std::size_t i = 0; i < size; ++i) model.weights[i] = std::sqrt(static_cast<double>(i));
  return model;
}

/// A parameter of type farm::Initialized<Model> refers to the model of the rank that runs the task.
double weight(std::size_t i, farm::Initialized<Model> model) { return model->weights.at(i); }
int count(farm::Initialized<Model> model) { return ++model->uses; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  {
    farm::MPISpawnPool pool{{.max_ranks = 2, .initializer = farm::initializer(load, std::size_t{1000})}};
    fmt::print("{}\n", pool.map(weight, std::vector<std::size_t>{4, 9, 16, 25}));
  }
  farm::MPISpawnPool one_rank{{.max_ranks = 1, .initializer = farm::initializer(load, std::size_t{1})}};
  for (int i = 0; i < 3; ++i) fmt::print("use {}\n", one_rank.submit(count).result());
}
