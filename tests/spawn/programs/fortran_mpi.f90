! An MPI program in Fortran that knows nothing of the farm. With the argument "stop" it stops with status 4.
program fortran_mpi
  use mpi
  implicit none
  integer :: rank, ranks, total, error
  character(len=16) :: what

  call MPI_Init(error)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, error)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, error)
  call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, error)
  print '(a,i0,a,i0,a,i0)', 'rank ', rank, ' of ', ranks, ', sum ', total
  call MPI_Finalize(error)
  call get_command_argument(1, what)
  if (what == 'stop') stop 4
end program
