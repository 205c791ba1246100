//! The processes engine on seeded bugs and their corrected twins.

use super::observe;
use crate::base::failure::{Crash, How, ProcessExit, Who};
use crate::base::observation::NotApplicable;
use crate::channel::NotForProcesses;
use crate::engine::seeded_bugs::*;
use crate::scenario::{Design, ErasedDesign, Exit};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::Pid;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::panic::panic_any;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

#[track_caller]
fn no_child_is_left() {
    assert_eq!(wait(), Err(Errno::ECHILD));
}

/// What kills a process with a segmentation fault.
fn write_to_nowhere() {
    let nowhere = black_box(std::ptr::null_mut::<u32>());
    // SAFETY: not sound at all, and meant not to be: the process dies of it.
    unsafe { nowhere.write_volatile(1) };
}

#[test]
fn fetch_add_loses_nothing() {
    alone("engine::processes::tests::fetch_add_loses_nothing", || {
        for actors in [1, 2, 3, 5] {
            let seen = observed(observe, &fetch_add(actors), 100);
            check_all(&seen, &actors.to_string(), 1);
        }
        no_child_is_left();
    });
}

#[test]
fn load_then_store_loses_increments() {
    alone("engine::processes::tests::load_then_store_loses_increments", || {
        observed_until(observe, || load_then_store(2), "1");
        observed_until(observe, || load_then_store(3), "2");
    });
}

#[test]
fn store_buffering_shows() {
    alone("engine::processes::tests::store_buffering_shows", || {
        observed_until(observe, store_buffering, "(0, 0)");
    });
}

#[test]
fn returns_come_from_their_actor_and_state() {
    let name = "engine::processes::tests::returns_come_from_their_actor_and_state";
    alone(name, || {
        for actors in [1, 2, 3, 5] {
            check_all(&observed(observe, &telling_returns(actors), 80), "true", 1);
        }
    });
}

#[test]
fn a_panicking_actor_is_a_crash_by_name() {
    alone("engine::processes::tests::a_panicking_actor_is_a_crash_by_name", || {
        let design = erased(
            Design::new(|| AtomicU32::new(0))
                .actor("A", |n| while n.load(Relaxed) == 0 {})
                .actor("B", |_| panic!("{} bottles", 99))
                .observe(|_, _| ()),
        );
        let seen = observed(observe, &design, 1000);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::Actor(1), "99 bottles")));
        no_child_is_left();
    });
}

#[test]
fn a_segmentation_fault_is_a_crash_by_name() {
    alone("engine::processes::tests::a_segmentation_fault_is_a_crash_by_name", || {
        let faulting = || {
            Design::new(|| AtomicU32::new(0))
                .actor("A", |n| while n.load(Relaxed) == 0 {})
                .actor("B", |_| write_to_nowhere())
                .observe(|_, _| ())
        };
        for design in [erased(faulting()), erased(faulting().isolated())] {
            let seen = observed(observe, &design, 1000);
            let exit = ProcessExit::Signal(libc::SIGSEGV);
            assert_eq!(crash_of(&seen), Some(&Crash::new(Who::Actor(1), How::Ended(exit))));
            assert_eq!(seen.executions, 0);
            no_child_is_left();
        }
    });
}

#[test]
fn a_process_that_exits_by_itself_is_a_crash() {
    alone("engine::processes::tests::a_process_that_exits_by_itself_is_a_crash", || {
        let design = erased(
            Design::new(|| ()).actor("A", |()| ()).actor("B", |()| std::process::exit(7)).observe(|_, _| ()),
        );
        let seen = observed(observe, &design, 1000);
        let exit = ProcessExit::Code(7);
        assert_eq!(crash_of(&seen), Some(&Crash::new(Who::Actor(1), How::Ended(exit))));
    });
}

#[test]
fn deaths_are_outcomes_of_a_design_that_survives_them() {
    let name = "engine::processes::tests::deaths_are_outcomes_of_a_design_that_survives_them";
    alone(name, || {
        let design = erased(
            Design::new(|| ())
                .actor("returns", |()| 5)
                .actor("faults", |()| {
                    write_to_nowhere();
                    6
                })
                .actor("exits", |()| std::process::exit(7))
                .observe_exits(|(), exits| {
                    let told = |exit: &Exit<i32>| match exit {
                        Exit::Returned(value) => (0, *value),
                        Exit::Killed(signal) => (1, *signal),
                        Exit::Exited(code) => (2, *code),
                    };
                    exits.iter().map(told).collect::<Vec<_>>()
                }),
        );
        let seen = observed(observe, &design, 300);
        check_all(&seen, "[(0, 5), (1, 11), (2, 7)]", 3);
        no_child_is_left();
    });
}

#[test]
fn a_panic_is_a_crash_even_where_deaths_are_survived() {
    let name = "engine::processes::tests::a_panic_is_a_crash_even_where_deaths_are_survived";
    alone(name, || {
        let design = erased(
            Design::new(|| ()).actor("A", |()| ()).actor("B", |()| panic!("no")).observe_exits(|(), _| ()),
        );
        let seen = observed(observe, &design, 300);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::Actor(1), "no")));
    });
}

#[test]
fn what_an_isolated_actor_writes_nobody_else_sees() {
    let name = "engine::processes::tests::what_an_isolated_actor_writes_nobody_else_sees";
    alone(name, || {
        let isolated = || {
            erased(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| n.fetch_add(1, Relaxed))
                    .isolated()
                    .observe(|n, returns| (n.load(Relaxed), returns.to_vec())),
            )
        };
        check_often(observe, isolated, "(0, [0, 0, 0])", 1000);
        no_child_is_left();
    });
}

#[test]
fn descriptors_of_the_state_reach_the_actors() {
    alone("engine::processes::tests::descriptors_of_the_state_reach_the_actors", || {
        let serials = AtomicU32::new(0);
        let design = erased(
            Design::new(move || {
                let serial = serials.fetch_add(1, Relaxed);
                (serial, UnixStream::pair().expect("descriptors are left"))
            })
            .actor("writer", |(serial, (writer, _))| {
                let mut writer = writer;
                writer.write_all(&serial.to_ne_bytes()).expect("it is open");
                *serial
            })
            .actor("reader", |(_, (_, reader))| {
                let (mut reader, mut bytes) = (reader, [0; 4]);
                reader.read_exact(&mut bytes).expect("it is open");
                u32::from_ne_bytes(bytes)
            })
            .observe(|(serial, _), told| told == [*serial, *serial]),
        );
        // Two descriptors for each sample, of which a machine that does other work makes some hundred a second.
        check_all(&observed(observe, &design, 200), "true", 20);
        no_child_is_left();
    });
}

#[test]
fn locks_in_shared_states_exclude_across_processes() {
    alone("engine::processes::tests::locks_in_shared_states_exclude_across_processes", || {
        let design = erased(
            Design::new(|| crate::sync::Mutex::new(0_u32))
                .actors(2, |n| *n.lock().expect("nobody panics") += 1)
                .observe(|n, _| *n.lock().expect("nobody panics")),
        );
        check_all(&observed(observe, &design, 200), "2", 1);
        no_child_is_left();
    });
}

#[test]
fn channels_join_actors_with_and_without_shared_memory() {
    alone("engine::processes::tests::channels_join_actors_with_and_without_shared_memory", || {
        let joined = || {
            let serials = AtomicU32::new(0);
            let state = move || (serials.fetch_add(1, Relaxed), crate::channel::bounded::<u32>(1));
            Design::new(state)
                .actor("sender", |(serial, (sender, _))| {
                    sender.send(*serial).expect("the receiver lives");
                    *serial
                })
                .actor("receiver", |(_, (_, receiver))| receiver.recv().expect("the sender lives"))
        };
        type State = (u32, (crate::channel::Sender<u32>, crate::channel::Receiver<u32>));
        let told_truth = |(serial, _): &State, told: &[u32]| told == [*serial, *serial];
        for isolated in [false, true] {
            let design = || if isolated { joined().isolated() } else { joined() };
            check_often(observe, || erased(design().observe(told_truth)), "true", 100);
            no_child_is_left();
        }
    });
}

/// A design whose state is what `make` gives.
fn of_state<S: Send + Sync + 'static>(make: impl Fn() -> S + Send + Sync + 'static) -> ErasedDesign {
    erased(Design::new(make).actors(2, |_| ()).observe(|_, _| ()))
}

#[test]
fn states_that_own_heap_memory_are_turned_away() {
    alone("engine::processes::tests::states_that_own_heap_memory_are_turned_away", || {
        let captured = Arc::new(AtomicU32::new(0));
        let leaked: &'static AtomicU32 = Box::leak(Box::new(AtomicU32::new(0)));
        let mapped_alone = 16 << 20;
        let filled_later = erased(
            Design::new(OnceLock::<Box<u32>>::new)
                .actor("A", |cell| cell.set(Box::new(7)).is_ok())
                .actor("B", |_| false)
                .observe(|cell, _| cell.get().is_some()),
        );
        let designs = [
            ("a box", of_state(|| Box::new(AtomicU32::new(0)))),
            ("a box behind padding", of_state(|| (AtomicU8::new(0), Box::new(AtomicU32::new(0))))),
            ("a vector", of_state(|| vec![0_u32; 3])),
            ("a big vector", of_state(move || vec![0_u8; mapped_alone])),
            ("an arc", of_state(|| Arc::new(AtomicU32::new(0)))),
            ("an arc that all states share", of_state(move || Arc::clone(&captured))),
            ("leaked memory", of_state(|| Box::leak(Box::new(AtomicU32::new(0))) as &'static AtomicU32)),
            ("leaked memory that all states share", of_state(move || leaked)),
            ("a box that an actor leaves", filled_later),
        ];
        for (what, design) in designs {
            let seen = observed(observe, &design, 300);
            assert_eq!(seen.not_applicable, Some(NotApplicable::OwnsHeapMemory), "{what}");
            no_child_is_left();
        }
    });
}

/// A byte for an actor, and seven that are never written.
#[repr(C, align(8))]
struct Padded {
    byte: AtomicU8,
    rest: MaybeUninit<[u8; 7]>,
}

/// A value made of what the stack holds, but for its bytes for actors.
#[inline(never)]
fn padded() -> [Padded; 64] {
    let mut place = MaybeUninit::<[Padded; 64]>::uninit();
    let start = black_box(&mut place).as_mut_ptr().cast::<Padded>();
    for index in 0..64 {
        // SAFETY: within the array, and a byte is valid whatever it is.
        unsafe { (&raw mut (*start.add(index)).byte).write(AtomicU8::new(0)) };
    }
    // SAFETY: all bytes are written that are not allowed to be uninitialised.
    unsafe { place.assume_init() }
}

/// Leaves this address all over the stack.
#[inline(never)]
fn litter(address: usize) {
    black_box(&mut [address; 3 << 10]);
}

#[test]
fn addresses_that_earlier_calls_leave_in_padding_are_no_pointers() {
    let name = "engine::processes::tests::addresses_that_earlier_calls_leave_in_padding_are_no_pointers";
    alone(name, || {
        let address = Box::leak(Box::new([0_u64; 64])).as_ptr().addr();
        litter(address);
        let littered = padded();
        let words = super::owned::words_at((&raw const littered).cast(), size_of_val(&littered));
        let left = words.expect("readable").iter().filter(|word| **word >> 8 == address >> 8).count();
        assert!(left > 32, "{left} of 64 words: what is to be told apart is not there");

        let make = move || {
            let state = padded();
            litter(address);
            state
        };
        let design = erased(
            Design::new(make)
                .actors(2, |state: &[Padded; 64]| {
                    for padded in state {
                        padded.byte.fetch_add(1, Relaxed);
                    }
                })
                .observe(|state, _| state[0].byte.load(Relaxed)),
        );
        litter(address);
        check_all(&observed(observe, &design, 300), "2", 1);
        no_child_is_left();
    });
}

#[test]
fn returns_that_own_memory_are_turned_away() {
    let design = erased(Design::new(|| ()).actors(2, |()| vec![1]).observe(|(), returns| returns.len()));
    let seen = observed(observe, &design, 10);
    assert_eq!(seen.not_applicable, Some(NotApplicable::ReturnsHeapMemory));
}

#[test]
fn a_state_may_say_that_it_is_not_for_processes() {
    let name = "engine::processes::tests::a_state_may_say_that_it_is_not_for_processes";
    alone(name, || {
        let design = erased(
            Design::new(|| panic_any(NotForProcesses("too big a message".to_owned())))
                .actors(2, |(): &()| ())
                .observe(|(), _| ()),
        );
        let seen = observed(observe, &design, 300);
        let reason = NotApplicable::CannotBeShared("too big a message".to_owned());
        assert_eq!(seen.not_applicable, Some(reason));
        let design =
            erased(Design::new(|| panic!("out of stock")).actors(2, |(): &()| ()).observe(|(), _| ()));
        let seen = observed(observe, &design, 300);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::State, "out of stock")));
    });
}

#[test]
fn a_lock_for_one_process_is_not_shared_by_several_and_an_atomic_is() {
    use crate::sync::{Mutex, atomic};
    static OWN: Mutex<u32> = Mutex::const_new(7);
    let name = "engine::processes::tests::a_lock_for_one_process_is_not_shared_by_several_and_an_atomic_is";
    alone(name, || {
        let shared = erased(
            Design::new(|| Mutex::const_new(0))
                .actors(2, |n| *n.lock().unwrap() += 1)
                .observe(|n, _| *n.lock().unwrap()),
        );
        let seen = observed(observe, &shared, 300);
        assert!(matches!(&seen.not_applicable, Some(NotApplicable::CannotBeShared(_))), "{seen:?}");
        let unlocked =
            erased(Design::new(|| Mutex::const_new(0)).actors(2, |_| ()).observe(|n, _| *n.lock().unwrap()));
        let seen = observed(observe, &unlocked, 300);
        assert!(matches!(&seen.not_applicable, Some(NotApplicable::CannotBeShared(_))), "{seen:?}");
        let counted = erased(
            Design::new(|| atomic::AtomicU32::const_new(0))
                .actors(2, |n| {
                    *OWN.lock().unwrap() += 1;
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed)),
        );
        check_all(&observed(observe, &counted, 300), "2", 1);
        assert_eq!(*OWN.lock().unwrap(), 7, "each process has its own");
    });
}

/// Ends otherwise when it is called late: then it is an actor that makes the state.
fn late(end: fn()) -> impl Fn() -> AtomicU32 + Send + Sync + 'static {
    let calls = std::sync::atomic::AtomicU32::new(0);
    move || {
        if calls.fetch_add(1, Relaxed) == 1_000 {
            end();
        }
        AtomicU32::new(0)
    }
}

#[test]
fn what_ends_the_making_is_told_also_when_an_actor_makes() {
    alone("engine::processes::tests::what_ends_the_making_is_told_also_when_an_actor_makes", || {
        let ending = |end: fn()| {
            let design = Design::new(late(end)).actors(2, |n: &AtomicU32| n.fetch_add(1, Relaxed));
            let seen = observed(observe, &erased(design.observe(|n, _| n.load(Relaxed))), 2_000);
            assert!(seen.outcomes.iter().all(|outcome| outcome.value == "2"), "{seen:?}");
            seen
        };
        let sold_out = ending(|| panic!("sold out"));
        assert_eq!(crash_of(&sold_out), Some(&panicked(Who::State, "sold out")));
        assert!(sold_out.executions > 0);
        let aborted = ending(|| std::process::abort());
        let exit = ProcessExit::Signal(libc::SIGABRT);
        assert_eq!(crash_of(&aborted), Some(&Crash::new(Who::State, How::Ended(exit))));
        assert!(aborted.executions > 0);
        let unfit = ending(|| panic_any(NotForProcesses("too big a message".to_owned())));
        assert_eq!((crash_of(&unfit), unfit.executions), (None, 0));
        let reason = NotApplicable::CannotBeShared("too big a message".to_owned());
        assert_eq!(unfit.not_applicable, Some(reason));
        no_child_is_left();
    });
}

#[test]
fn actors_die_with_a_killed_worker() {
    const NAME: &str = "engine::processes::tests::actors_die_with_a_killed_worker";
    const AS_WORKER: &str = "SELVEDGE_TEST_AS_WORKER";
    if std::env::var_os(AS_WORKER).is_some() {
        let design = erased(
            Design::new(|| ())
                .actors(2, |()| {
                    println!("\nactor {}", std::process::id());
                    loop {
                        std::thread::sleep(Duration::from_secs(1));
                    }
                })
                .observe(|(), _: &[()]| ()),
        );
        observed(observe, &design, 1000);
        return;
    }
    let binary = std::env::current_exe().expect("a test has a binary");
    let mut worker = Command::new(binary)
        .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
        .env(AS_WORKER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test can run itself");
    let lines = BufReader::new(worker.stdout.take().expect("piped")).lines();
    let actors: Vec<u32> = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("actor ")?.parse().ok())
        .take(2)
        .collect();
    assert_eq!(actors.len(), 2);
    worker.kill().expect("it was running");
    worker.wait().expect("it is a child");
    let start = Instant::now();
    while actors.iter().any(|&pid| is_alive(pid)) && start.elapsed().as_secs() < 5 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let orphans: Vec<u32> = actors.into_iter().filter(|&pid| is_alive(pid)).collect();
    for &pid in &orphans {
        // Even a failing test leaves no process behind.
        let _gone = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
    }
    assert!(orphans.is_empty(), "actors outlive their worker");
}

/// Whether a process runs; one that ended and was never reaped does not.
fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

#[test]
fn keeps_up_with_threads() {
    alone("engine::processes::tests::keeps_up_with_threads", || {
        let threads = observed(crate::engine::threads::observe, &load_then_store(2), 400);
        let processes = observed(observe, &load_then_store(2), 400);
        println!("threads {} {:?}", threads.executions, summary(&threads));
        println!("processes {} {:?}", processes.executions, summary(&processes));
        assert!(processes.executions > threads.executions / 20);
    });
}
