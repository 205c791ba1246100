//! Processes and settings that outlive their actor.

use selvedge::prelude::*;
use std::time::Duration;

selvedge::scenario!(leaks);

fn counting(act: impl Fn(&AtomicU32) + Clone + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0)).actors(2, act).observe(|n, _| n.load(Relaxed))
}

/// Starts a process that is nobody's child and leads a session of its own, once for each process that calls.
fn daemon() {
    static STARTED: std::sync::Once = std::sync::Once::new();
    // SAFETY: the children do nothing but system calls.
    STARTED.call_once(|| unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                libc::close(0);
                libc::close(1);
                libc::close(2);
                libc::sleep(300);
            }
            libc::_exit(0);
        }
    });
}

fn leaks() -> Scenario<u32> {
    Scenario::new("Does anything outlive a worker?")
        .acceptable("whatever", |_| true)
        .design("daemons", counting(|n| {
            n.fetch_add(1, Relaxed);
            daemon();
        }))
        .design("leaves its group and sleeps", counting(|n| {
            n.fetch_add(1, Relaxed);
            // SAFETY: a system call without pointers.
            unsafe { libc::setsid() };
            std::thread::sleep(Duration::from_millis(1));
        }))
        .design("changes what a process has", counting(|n| {
            n.fetch_add(1, Relaxed);
            // SAFETY: system calls; the string ends with a zero.
            unsafe {
                libc::umask(0o777);
                libc::chdir(c"/".as_ptr());
                libc::signal(libc::SIGTERM, libc::SIG_IGN);
                libc::signal(libc::SIGALRM, libc::SIG_IGN);
                libc::signal(libc::SIGPROF, libc::SIG_IGN);
            }
            std::panic::set_hook(Box::new(|_| ()));
        }))
        .design("finds a process as it should be", counting(|n| {
            n.fetch_add(1, Relaxed);
            assert_ne!(std::env::current_dir().unwrap(), std::path::Path::new("/"));
            // SAFETY: as above.
            unsafe {
                let mask = libc::umask(0o022);
                libc::umask(mask);
                assert_ne!(mask, 0o777);
            }
            // What the supervisor has open for cells before this one is closed again, here and there.
            for process in ["self".to_owned(), std::os::unix::process::parent_id().to_string()] {
                let open = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
                assert!(open < 40, "{open} descriptors");
            }
        }))
}
