//! Fences.

use super::Ordering;
use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::rt::journal::{self, What};
use crate::rt::{loom, rc11, shuttle, trace};
use std::panic::Location;

/// The one object that all fences of an execution announce themselves on: fences order each other.
const FENCES: trace::ObjectId = trace::ObjectId::MAX;

/// An atomic fence, as [`std::sync::atomic::fence`].
///
/// # Panics
///
/// If `order` is [`Ordering::Relaxed`].
#[inline]
#[track_caller]
pub fn fence(order: Ordering) {
    assert!(order != Ordering::Relaxed, "there is no such thing as a relaxed fence");
    match context::current() {
        Context::Real | Context::Process => std::sync::atomic::fence(order),
        context => fence_checked(context, order),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn fence_checked(context: Context, order: Ordering) {
    if context == Context::Loom {
        context::count_operation();
        if !loom::enter() {
            return;
        }
        loom::fence(order);
    } else if context == Context::Rc11 {
        if !rc11::fence(rc11::order_of(order), Location::caller()) {
            return;
        }
        context::count_operation();
    } else if shuttle::before_atomic(FENCES, trace::Kind::Fence) {
        trace::fence(order);
    } else {
        return;
    }
    let what = What { operation: "fence", deed: EventKind::Fence, object: None };
    journal::access(what, Some(order), [None, None]);
}
