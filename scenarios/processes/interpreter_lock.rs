//! An interpreter that lets one thread at a time run, and takes turns between byte codes.

use selvedge::prelude::*;

selvedge::scenario!(interpreter_lock);

/// The interpreter, its lock, and the variable of its program.
struct Interpreter {
    lock: Mutex<()>,
    x: Plain<u32>,
    /// A lock of the program's own.
    own: Mutex<()>,
}

/// What x is in the end; none if there is no interpreter to ask.
type X = Option<u32>;

fn interpreter_lock() -> Scenario<X> {
    Scenario::new("Two threads of one interpreter each run `x += 1`. The interpreter's lock is held for each byte code. Is an addition ever lost?")
        .acceptable("both were added", |&x| x == Some(2))
        .acceptable("there is no python3 here", Option::is_none)
        .forbidden("an addition was lost, without a data race", |_| true)
        .design("lock released between byte codes", interpreted(add_by_byte_codes).expect(Forbidden))
        .design("lock released between statements", interpreted(|interpreter| {
            let _running = interpreter.lock.lock();
            interpreter.x.set(interpreter.x.get() + 1);
        }).expect(Safe))
        .design("a lock around the statement", interpreted(|interpreter| {
            let _held = interpreter.own.lock();
            add_by_byte_codes(interpreter);
        }).expect(Safe))
        .design("two interpreters in two processes", in_two_processes().expect(Safe))
        .design("free-threaded, no lock at all", interpreted(|interpreter| {
            interpreter.x.set(interpreter.x.get() + 1);
        }).expect(DataRace))
        .design("CPython: x += one()", python("x += one()").expect(Forbidden))
        .design("CPython: x += one() under a lock", python("with lock: x += one()").expect(Safe))
        .in_practice(
            "an interpreter lock keeps the interpreter whole, not your program: no data race, and lost updates all the same. \
             Where turns are taken is the version's choice (CPython 3.10 and later: at calls and jumps back, so that \
             `x += 1` happens to be safe and `x += f()` is not). Use threading.Lock, or give each process its own.",
        )
}

/// Load, add, store: the lock is held for each, and given back in between.
fn add_by_byte_codes(interpreter: &Interpreter) {
    let loaded = {
        let _running = interpreter.lock.lock();
        interpreter.x.get()
    };
    let added = loaded + 1;
    let _running = interpreter.lock.lock();
    interpreter.x.set(added);
}

fn interpreter() -> Interpreter {
    Interpreter { lock: Mutex::new(()), x: Plain::new(0), own: Mutex::new(()) }
}

fn interpreted(run: impl Fn(&Interpreter) + Clone + Send + Sync + 'static) -> Design<Interpreter, (), X> {
    Design::new(interpreter).actors(2, run).observe(|interpreter, _| Some(interpreter.x.get()))
}

/// Each with an interpreter of its own, and the values added up in the end.
fn in_two_processes() -> Design<Interpreter, u32, X> {
    Design::new(interpreter)
        .actors(2, |interpreter: &Interpreter| {
            add_by_byte_codes(interpreter);
            interpreter.x.get()
        })
        .observe(|_, values| Some(values.iter().sum()))
        .isolated()
}

/// Real threads of a real interpreter, many times over; it prints 2 if nothing was lost, and 1 if something was.
fn python(statement: &str) -> Design<selvedge::Scratch, Ran, X> {
    let program = format!(
        "import sys, threading
x = 0
lock = threading.Lock()
def one():
    return 1
def run():
    global x
    for _ in range(20000):
        {statement}
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=run) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(2 if x == 40000 else 1)
"
    );
    Design::commands(|_| ())
        .command("python3", External::new("python3").args(["-c", &program]))
        .observe(|_, ran| ran[0].output().and_then(|x| x.parse().ok()))
}
