# $ build/release/bin/farm serve --detach --source launched --hosts localhost:4
# $ env PYTHONPATH=spawn/service/python python3 examples/parameter_study.py
# $ build/release/bin/farm server stop
#
# A parameter study at a server: how the error of a solver of the heat equation falls as its grid becomes finer. In an
# editor that knows cells (# %%), each runs by itself. The server keeps all results: client.job(number) has them later.
import math

import farm_client

client = farm_client.Client()

# %% One task for each pair of parameters, on two ranks each. The server has them on disk when submit() returns.
alphas, sizes = (0.25, 0.5, 1.0), (11, 23, 47)
inputs = [{"alpha": alpha, "n": n} for alpha in alphas for n in sizes]
study = client.submit("heat", inputs, ranks_per_task=2, name="convergence", retries=1)
print(f"{len(study)} tasks")

# %% Results come in the order in which tasks end.
errors = {}
for future in farm_client.as_completed(study):
    computed, exact, difference = future.result()
    errors[tuple(inputs[future.task].values())] = abs(difference)

# %% The order of convergence: an error of h^2 falls by 4 if the distance h of the points is halved.
for alpha in alphas:
    coarse, middle, fine = (errors[alpha, n] for n in sizes)
    print(f"alpha {alpha:4}: errors {coarse:.1e} {middle:.1e} {fine:.1e}, order {math.log2(middle / fine):.1f}")

# %% What a task throws arrives here, and the others go on.
risky = client.submit("heat", [(1.0, 1), (1.0, 11)], ranks_per_task=2)
for future in risky.futures:
    try:
        print(f"amplitude {future.result()[0]:.2f}")
    except farm_client.TaskFailed as error:
        print(f"rank {error.rank}: {error.type}: {error.text}")

# %% A picture, if matplotlib is there.
try:
    from matplotlib import pyplot

    for alpha in alphas:
        pyplot.loglog([1 / (n + 1) for n in sizes], [errors[alpha, n] for n in sizes], "o-", label=f"alpha = {alpha}")
    pyplot.xlabel("distance of the points")
    pyplot.ylabel("relative error")
    pyplot.legend()
    pyplot.savefig("parameter_study.png")
except ImportError:
    pass

# %% The server forgets what is not needed any more.
for job in (study, risky):
    job.forget()
client.close()
