/* The peer of startup.cpp: spawns the same 8 groups of 2 ranks and gets one int from each, with MPI alone. */
#define _POSIX_C_SOURCE 199309L
#include <mpi.h>
#include <stdio.h>
#include <time.h>

enum { groups = 8, ranks = 2 };

/* MPI's own waiting spins, which would slow down the groups that are still to come. */
static void wait_for_end(MPI_Comm parent) {
  struct timespec const pause = {.tv_sec = 0, .tv_nsec = 1000000};
  int end = 0;
  for (int come = 0; !come; nanosleep(&pause, NULL)) MPI_Iprobe(0, 1, parent, &come, MPI_STATUS_IGNORE);
  MPI_Recv(&end, 1, MPI_INT, 0, 1, parent, MPI_STATUS_IGNORE);
}

int main(int argc, char** argv) {
  MPI_Comm parent;
  int rank;
  int value = 1;
  MPI_Init(&argc, &argv);
  MPI_Comm_get_parent(&parent);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (parent != MPI_COMM_NULL) {
    if (rank == 0) MPI_Send(&value, 1, MPI_INT, 0, 0, parent);
    wait_for_end(parent);
    MPI_Comm_disconnect(&parent);
    MPI_Finalize();
    return 0;
  }

  MPI_Info info;
  MPI_Info_create(&info);
  MPI_Info_set(info, "bind_to", "none");
  MPI_Info_set(info, "map_by", "slot:OVERSUBSCRIBE");
  MPI_Comm children[groups];
  for (int i = 0; i < groups; ++i) {
    MPI_Comm_spawn(argv[0], MPI_ARGV_NULL, ranks, info, 0, MPI_COMM_SELF, &children[i], MPI_ERRCODES_IGNORE);
  }
  int sum = 0;
  for (int i = 0; i < groups; ++i) {
    MPI_Recv(&value, 1, MPI_INT, 0, 0, children[i], MPI_STATUS_IGNORE);
    sum += value;
  }
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  printf("first_results_at %lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
  fflush(stdout);

  for (int i = 0; i < groups; ++i) {
    for (int j = 0; j < ranks; ++j) MPI_Send(&value, 1, MPI_INT, j, 1, children[i]);
  }
  for (int i = 0; i < groups; ++i) MPI_Comm_disconnect(&children[i]);
  MPI_Info_free(&info);
  MPI_Finalize();
  return sum == groups ? 0 : 1;
}
