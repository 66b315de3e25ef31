// A library for LD_PRELOAD: the first guarded rank that connects to its launcher dies so many microseconds later.
//
// DIE_AT_CONNECT=FILE,MICROSECONDS: FILE is made by the rank that dies, so that only one does.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int parent_is_guard(void) {
  char path[64];
  char name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", (int)getppid());
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(name, sizeof name, file) == NULL) name[0] = '\0';
  fclose(file);
  return strcmp(name, "farm-guard\n") == 0;
}

static void* die(void* microseconds) {
  usleep((useconds_t)(intptr_t)microseconds);
  kill(getpid(), SIGKILL);
  return NULL;
}

int connect(int descriptor, struct sockaddr const* address, socklen_t size) {
  int (*next)(int, struct sockaddr const*, socklen_t) =
      (int (*)(int, struct sockaddr const*, socklen_t))dlsym(RTLD_NEXT, "connect");
  int const result = next(descriptor, address, size);
  char const* setting = getenv("DIE_AT_CONNECT");
  char const* comma = setting == NULL ? NULL : strchr(setting, ',');
  if (comma == NULL || address->sa_family != AF_INET || getenv("PMIX_RANK") == NULL || !parent_is_guard())
    return result;
  char* file = strndup(setting, (size_t)(comma - setting));
  int const made = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  free(file);
  if (made < 0) return result;
  close(made);
  pthread_t thread;
  pthread_create(&thread, NULL, die, (void*)(intptr_t)atol(comma + 1));
  return result;
}
