import concurrent.futures, json, multiprocessing, os, platform, sys, threading, time

fork = multiprocessing.get_context("fork")
interpreter = {
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "lock": getattr(sys, "_is_gil_enabled", lambda: True)(),
}


def burn(rounds):
    x = 1
    for _ in range(rounds):
        x = (x * 31 + 7) & 0xFFFF
    return x


def seconds(run):
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def rounds_for(milliseconds):
    best = min(seconds(lambda: burn(20000)) for _ in range(5))
    return max(1, int(20000 * milliseconds / 1000 / best))


def start_and_join(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


