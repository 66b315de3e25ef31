! Solves u'' = -1 with u = 0 at both ends, on n inner points that the ranks of the communicator share, by Jacobi's method.
! All ranks get the maximum of u. There is no bind(c): the compiler calls the routine solve_, with arguments by reference.
subroutine solve(n, comm, maximum)
  use mpi
  implicit none
  integer, intent(in) :: n, comm
  double precision, intent(out) :: maximum
  double precision, allocatable :: u(:)
  double precision :: h2, change, largest
  integer :: rank, ranks, above, below, points, ierror

  call MPI_Comm_rank(comm, rank, ierror)
  call MPI_Comm_size(comm, ranks, ierror)
  below = merge(rank - 1, MPI_PROC_NULL, rank > 0)
  above = merge(rank + 1, MPI_PROC_NULL, rank < ranks - 1)
  points = n / ranks + merge(1, 0, rank < mod(n, ranks))
  allocate (u(0:points + 1))
  u = 0
  h2 = 1d0 / (n + 1d0)**2

  change = 1
  do while (change > 1d-9)
    call MPI_Sendrecv(u(points), 1, MPI_DOUBLE_PRECISION, above, 0, u(0), 1, MPI_DOUBLE_PRECISION, below, 0, &
                      comm, MPI_STATUS_IGNORE, ierror)
    call MPI_Sendrecv(u(1), 1, MPI_DOUBLE_PRECISION, below, 1, u(points + 1), 1, MPI_DOUBLE_PRECISION, above, 1, &
                      comm, MPI_STATUS_IGNORE, ierror)
    call sweep(u, change)
    call MPI_Allreduce(change, largest, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm, ierror)
    change = largest
  end do
  call MPI_Allreduce(maxval(u(1:points)), maximum, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm, ierror)

contains

  subroutine sweep(values, change)
    double precision, intent(inout) :: values(0:)
    double precision, intent(out) :: change
    double precision :: next(points)
    next = (values(0:points - 1) + values(2:points + 1) + h2) / 2
    change = maxval(abs(next - values(1:points)))
    values(1:points) = next
  end subroutine sweep

end subroutine solve
