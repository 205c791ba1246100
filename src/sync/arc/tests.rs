//! `Arc` and `Weak`, by the same behaviour on every engine.

use super::*;
use crate::cell::Plain;
use crate::sync::atomic::AtomicU32;
use crate::testing::{everywhere, everywhere_counted, in_loom, in_shuttle, spawn};
use std::collections::HashSet;
use std::rc::Rc;

#[test]
fn counts_are_stds() {
    everywhere(|| {
        let mut arc = Arc::new(5);
        assert_eq!((Arc::strong_count(&arc), Arc::weak_count(&arc)), (1, 0));
        let other = arc.clone();
        let weak = Arc::downgrade(&arc);
        assert_eq!((Arc::strong_count(&arc), Arc::weak_count(&arc)), (2, 1));
        assert_eq!((weak.strong_count(), weak.weak_count()), (2, 1));
        assert!(Arc::ptr_eq(&arc, &other) && weak.ptr_eq(&weak.clone()));
        assert_eq!(Arc::as_ptr(&arc), weak.as_ptr());
        assert_eq!(Arc::get_mut(&mut arc), None);
        drop(other);
        assert_eq!(Arc::get_mut(&mut arc), None);
        assert_eq!(weak.upgrade().as_deref(), Some(&5));
        drop(weak);
        *Arc::get_mut(&mut arc).unwrap() = 6;
        let shared = arc.clone();
        *Arc::make_mut(&mut arc) += 1;
        assert_eq!((*shared, *arc), (6, 7));
        let weak = Arc::downgrade(&arc);
        *Arc::make_mut(&mut arc) += 1;
        assert!(weak.upgrade().is_none());
        assert_eq!(Arc::try_unwrap(arc), Ok(8));
        let again = shared.clone();
        let shared = Arc::try_unwrap(shared).unwrap_err();
        assert_eq!(Arc::unwrap_or_clone(shared), 6);
        assert_eq!(Arc::into_inner(again.clone()), None);
        assert_eq!(Arc::into_inner(again), Some(6));
        assert!(Weak::<u8>::new().upgrade().is_none());
    });
}

#[test]
fn conversions_are_stds() {
    everywhere(|| {
        let text: Arc<str> = "abc".into();
        assert_eq!(format!("{text} {text:?} {:?}", Arc::downgrade(&text)), "abc \"abc\" (Weak)");
        assert_eq!(text, Arc::from(String::from("abc")));
        assert_eq!(*Arc::<[u8]>::from(vec![1, 2]), [1, 2]);
        assert_eq!(Arc::<[u8]>::from([1, 2]), [1, 2].into_iter().collect());
        assert_eq!(*Arc::<u8>::from(Box::new(1)), *Arc::from(1));
        let unsized_value: real::Arc<dyn Fn() -> u8> = real::Arc::new(|| 3);
        assert_eq!(Arc::from_std(unsized_value)(), 3);
        assert_eq!(*Arc::pin(4), 4);
        assert!(Arc::new(1) < Arc::new(2));
        assert!(HashSet::from([Arc::new(1)]).contains(&Arc::new(1)));
        assert_eq!(*Arc::<u8>::default(), 0);
        assert!(Weak::<u8>::default().ptr_eq(&Weak::new()));
    });
}

#[test]
fn a_cycle_is_made_of_weak_pointers() {
    everywhere(|| {
        struct Node {
            own: Weak<Node>,
            label: u8,
        }
        let node = Arc::new_cyclic(|own| {
            assert!(own.upgrade().is_none());
            Node { own: own.clone(), label: 3 }
        });
        assert_eq!(node.own.upgrade().unwrap().label, 3);
        assert_eq!((Arc::strong_count(&node), Arc::weak_count(&node)), (1, 1));
    });
}

#[test]
fn the_last_owner_drops_the_value_after_all_that_others_did() {
    everywhere(|| {
        let drops = Rc::new(std::cell::Cell::new(0));
        struct Counted(Rc<std::cell::Cell<u32>>, Plain<u32>);
        // SAFETY: wrong for real threads, of which this test starts none.
        unsafe impl Send for Counted {}
        // SAFETY: as for `Send`.
        unsafe impl Sync for Counted {}
        impl Drop for Counted {
            fn drop(&mut self) {
                assert_eq!(self.1.get(), 1);
                self.0.set(self.0.get() + 1);
            }
        }
        if crate::rt::context::current() == crate::rt::context::Context::Real {
            return;
        }
        let arc = Arc::new(Counted(Rc::clone(&drops), Plain::new(0)));
        let theirs = arc.clone();
        let thread = spawn(move || {
            theirs.1.set(1);
            drop(theirs);
        });
        // Not ordered by `join`, but by the count alone.
        let handle = thread;
        while Arc::strong_count(&arc) > 1 {
            if !crate::testing::yield_now() {
                break;
            }
        }
        drop(arc);
        handle.join().unwrap();
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn a_drop_that_is_not_the_last_orders_nothing() {
    let design = || {
        let arc = Arc::new(());
        let outside = std::sync::Arc::new(Plain::new(0));
        let (theirs, written) = (arc.clone(), std::sync::Arc::clone(&outside));
        let kept = arc.clone();
        let thread = spawn(move || {
            written.set(1);
            drop(theirs);
        });
        drop(arc);
        outside.get();
        thread.join().unwrap();
        drop(kept);
    };
    assert!(in_loom(design).raced());
    assert!(in_shuttle(design).raced());
}

#[test]
fn exclusive_access_knows_what_others_did() {
    let design = |counted: bool| {
        move || {
            let mut arc = Arc::new(Plain::new(0));
            let theirs = arc.clone();
            let thread = spawn(move || theirs.set(1));
            let found = if counted {
                // A count says nothing of what its owners did.
                (Arc::strong_count(&arc) == 1).then(|| arc.get())
            } else {
                Arc::get_mut(&mut arc).map(|plain| plain.get())
            };
            thread.join().unwrap();
            found
        }
    };
    for seen in everywhere_counted(design(false)) {
        assert_eq!(seen.failure, None);
        assert!(seen.executions == 1 || seen.outcomes == [None, Some(1)].into());
    }
    assert!(in_loom(design(true)).raced());
    assert!(in_shuttle(design(true)).raced());
}

#[test]
fn of_several_last_owners_one_gets_the_value() {
    for seen in everywhere_counted(|| {
        let arc = Arc::new(3);
        let theirs = arc.clone();
        let thread = spawn(move || Arc::into_inner(theirs));
        let mine = Arc::into_inner(arc);
        (mine, thread.join().unwrap())
    }) {
        assert_eq!(seen.failure, None);
        let both = [(None, Some(3)), (Some(3), None)].into();
        assert!(seen.executions == 1 || seen.outcomes == both, "{seen:?}");
    }
}

#[test]
fn an_upgrade_comes_before_or_after_the_last_drop() {
    for seen in everywhere_counted(|| {
        let arc = Arc::new(AtomicU32::new(0));
        let weak = Arc::downgrade(&arc);
        let thread = spawn(move || weak.upgrade().is_some());
        drop(arc);
        thread.join().unwrap()
    }) {
        assert_eq!(seen.failure, None);
        assert!(seen.executions == 1 || seen.outcomes == [false, true].into());
    }
}

#[test]
fn loom_reports_a_leak() {
    let seen = in_loom(|| std::mem::forget(Arc::new(0)));
    assert!(seen.failure.unwrap().contains("leaked"));
}

#[test]
fn a_dead_model_is_unwound_with_arcs_in_its_hands() {
    let design = || {
        let arc = Arc::new(Plain::new(0));
        let theirs = arc.clone();
        let mutex = Arc::new(crate::sync::Mutex::new(0));
        let (held, weak) = (mutex.clone(), Arc::downgrade(&arc));
        let thread = spawn(move || {
            let _all = (theirs, weak);
            drop(held.lock().unwrap());
        });
        let _guard = mutex.lock().unwrap();
        thread.join().unwrap();
    };
    assert!(in_loom(design).deadlocked());
    assert!(in_shuttle(design).deadlocked());
}
