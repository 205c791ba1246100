//! One scenario that is as it should be, and one whose function misbehaves.

use selvedge::prelude::*;

selvedge::scenario!(good);
selvedge::scenario!(odd);

fn counting() -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(2, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(|n, _| n.load(Relaxed))
}

fn good() -> Scenario<u32> {
    Scenario::new("Are two counted?").acceptable("both", |&n| n == 2).design("fetch_add", counting())
}

fn odd() -> Scenario<u32> {
    match std::env::var("HOSTILE_FUNCTION").as_deref() {
        Ok("panic") => panic!("the function gave up"),
        Ok("exit") => std::process::exit(0),
        Ok("abort") => std::process::abort(),
        Ok("hang") => loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
        Ok("spin") => loop {
            std::hint::spin_loop();
        },
        Ok("print") => println!("words of a scenario function"),
        Ok("chdir") => {
            std::env::set_current_dir("/").expect("there is a root");
        }
        _ => {}
    }
    let (name, question) = match std::env::var("HOSTILE_FUNCTION").as_deref() {
        Ok("control") => ("red \u{1b}[31m, \u{9b}31m and \r\nanother line", "Is \u{1b}[2J this a question?\u{7}"),
        Ok("long") => (LONG, LONG),
        _ => ("fetch_add", "Is it odd?"),
    };
    Scenario::new(question).acceptable("both", |&n| n == 2).design(name, counting())
}

const LONG: &str = "a very long name that goes on and on and on and on and on and on and on and on and on and on and on \
                    and on and on and on and on and on and on and on and on and on and on and on and on and on and on";
