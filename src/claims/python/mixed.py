rounds = rounds_for(4)


def task(_):
    burn(rounds)
    time.sleep(0.012)


def threads(tasks):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(task, range(tasks)))


def processes(tasks, run):
    start_and_join([fork.Process(target=run, args=(tasks // 2,)) for _ in range(2)])


def one_by_one(tasks):
    for number in range(tasks):
        task(number)


def four_threads(tasks):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(task, range(tasks)))


TASKS = 32
ways = {
    "threads": lambda: threads(TASKS),
    "processes": lambda: processes(TASKS, one_by_one),
    "both": lambda: processes(TASKS, four_threads),
}
samples = {way: [] for way in ways}
for _ in range(5):
    for way, run in ways.items():
        samples[way].append(seconds(run))


def one():
    return 1


x = 0
lock = threading.Lock()
ADDITIONS = 60000


def plain():
    global x
    for _ in range(ADDITIONS):
        x += 1


def through_a_call():
    global x
    for _ in range(ADDITIONS):
        x += one()


def locked():
    global x
    for _ in range(ADDITIONS):
        with lock:
            x += one()


interval = sys.getswitchinterval()
sys.setswitchinterval(1e-6)
lost = []
for add in [plain, through_a_call, locked]:
    x = 0
    start_and_join([threading.Thread(target=add) for _ in range(2)])
    lost.append(2 * ADDITIONS - x)
sys.setswitchinterval(interval)
print(json.dumps({"interpreter": interpreter, "lost": lost, "additions": 2 * ADDITIONS, **samples}))
