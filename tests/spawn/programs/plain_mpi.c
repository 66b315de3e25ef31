/* An MPI program that knows nothing of the farm. Its first argument says what it does; see the functions below. */
#include <mpi.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int rank;
static int size;

/* Makes a file that tells that the program has got so far, with the number of a process. It appears as a whole. */
static void set_mark(char const* path, long process) {
  char part[4096];
  FILE* file;
  snprintf(part, sizeof part, "%s.part", path);
  file = fopen(part, "w");
  if (file == NULL) exit(90);
  fprintf(file, "%ld\n", process);
  fclose(file);
  rename(part, path);
}

/* Leaves a process behind that has no ties to this one. */
static void leave_daemon(char const* path) {
  if (fork() != 0) return;
  setsid();
  if (fork() != 0) _exit(0);
  set_mark(path, (long)getpid());
  for (;;) pause();
}

static void hang(char const* path) {
  if (rank == 0) set_mark(path, (long)getpid());
  if (rank == 0 && size == 1) {
    for (;;) pause();
  }
  if (rank == 0) {
    int value;
    MPI_Recv(&value, 1, MPI_INT, 1, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

static void copy_input(void) {
  int c;
  if (rank != 0) return;
  while ((c = getchar()) != EOF) putchar(c);
}

/* Writes so many MiB. */
static void flood(long count) {
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  block[sizeof block - 1] = '\n';
  for (long i = 0; rank == 0 && i < count; ++i) fwrite(block, 1, sizeof block, stdout);
}

int main(int argc, char** argv) {
  char const* const what = argc > 1 ? argv[1] : "ranks";
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (strcmp(what, "ranks") == 0) {
    int sum = 0;
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d, sum %d\n", rank, size, sum);
  } else if (strcmp(what, "fail") == 0) {
    if (rank == 0) fprintf(stderr, "no convergence\nresidual 0.25\n");
    MPI_Finalize();
    return 7;
  } else if (strcmp(what, "abort") == 0) {
    MPI_Abort(MPI_COMM_WORLD, 3);
  } else if (strcmp(what, "hang") == 0) {
    hang(argv[2]);
  } else if (strcmp(what, "killed") == 0) {
    if (rank == size - 1) raise(SIGKILL);
    MPI_Barrier(MPI_COMM_WORLD);
  } else if (strcmp(what, "copy") == 0) {
    copy_input();
  } else if (strcmp(what, "flood") == 0) {
    flood(atol(argv[2]));
  } else if (strcmp(what, "daemon") == 0 && rank == 0) {
    leave_daemon(argv[2]);
    while (access(argv[2], F_OK) != 0) usleep(1000);
  }
  MPI_Finalize();
  return 0;
}
