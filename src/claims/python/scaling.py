rounds = rounds_for(60)
cores = min(4, len(os.sched_getaffinity(0)))
counts = list(range(1, cores + 1))
ways = ["alone", "threads", "processes", "thread_pool", "process_pool"]
samples = {way: [[] for _ in counts] for way in ways}
for place, count in enumerate(counts):
    tasks = [rounds] * count

    def pooled(make):
        with make() as pool:
            list(pool.map(burn, tasks))

    runs = {
        "alone": lambda: [burn(task) for task in tasks],
        "threads": lambda: start_and_join([threading.Thread(target=burn, args=(task,)) for task in tasks]),
        "processes": lambda: start_and_join([fork.Process(target=burn, args=(task,)) for task in tasks]),
        "thread_pool": lambda: pooled(lambda: concurrent.futures.ThreadPoolExecutor(count)),
        "process_pool": lambda: pooled(lambda: concurrent.futures.ProcessPoolExecutor(count, mp_context=fork)),
    }
    for _ in range(5):
        for way in ways:
            samples[way][place].append(seconds(runs[way]))
print(json.dumps({"interpreter": interpreter, "workers": counts, **samples}))
