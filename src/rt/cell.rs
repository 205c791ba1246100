//! How a checker follows a cell: each access is scheduled, recorded and checked for races in one call.

use super::Checker;
use super::runtime::Runtime;
use super::statics::made::{self, Made, Original, Part, Serving};
use super::thread_bound::ThreadBound;
use super::trace::{self, Key, What};
use crate::base::event::EventKind;
use crate::race::Access;
use crate::rt::context;
use std::fmt;

/// How long an access lasts that has a beginning and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// To the return of the closure that has the cell's pointer: `with`, `with_mut`.
    ToItsEnd,
    /// To the last operation before the drop of a `ConstPtr` or `MutPtr`. A guard's destructor releases the cell to another
    /// thread, and only then the guard's fields are dropped, the pointer among them: that is no access, as under loom.
    ToTheLastOperation,
}

/// How a runtime follows one cell.
pub(crate) trait RawCell: 'static {
    /// An access that has not ended; its end is an access too. It knows no cell by reference, as the cell may be gone
    /// before.
    type Span;

    /// A scheduling point before an access, where accesses have one.
    fn arrive(&self, _access: Access) {}

    /// Does not return if the access races, unless the execution goes on past races.
    #[track_caller]
    fn access(&self, access: Access);

    /// An access that lasts until what is returned is dropped; `None` if the execution is over.
    #[track_caller]
    fn span(&self, access: Access, lasts: Lasts) -> Option<Self::Span>;

    /// The cell goes: a write, said to be where the cell was made.
    fn end(&self);
}

one_of! {
    /// A cell of a runtime's.
    PlainCell
}

one_of! {
    /// An access that has not ended.
    part Span of PlainCell: RawCell
}

/// How a checker follows one cell; nothing on the real engines.
#[repr(transparent)]
pub(crate) struct Tracker(Made<Tracked>);

/// How a checker follows one cell. Nothing, if it was made when the execution was over.
pub(crate) struct Tracked(Option<ThreadBound<PlainCell>>);

impl Part for Tracked {
    const NAMED: bool = false;
    // What a cell holds is reached by pointers, from which code may make references of any kind.
    const LENDS: bool = true;

    fn end(self) {
        // To drop it would be a write.
        std::mem::forget(self);
    }

    fn placed(&self) {
        trace::made_unplaced("cell", Key::at(self));
    }
}

impl Tracker {
    /// Of an `O` around a `T`, for the engine that uses it first.
    pub(crate) const fn const_new<O, T>() -> Tracker {
        Tracker(Made::new::<O, T>())
    }

    /// The cell that serves in the place of `object`, and how a checker follows it. `tracker` says where the tracker
    /// of a cell lies.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn serving<'a, O: ?Sized>(
        &'a self,
        object: &'a O,
        past_races: bool,
        tracker: fn(*mut O) -> *mut Tracker,
    ) -> (&'a O, Option<&'a Tracked>) {
        if self.0.is_real() { (object, None) } else { self.serving_other(object, past_races, tracker) }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn serving_other<'a, O: ?Sized>(
        &'a self,
        object: &'a O,
        past_races: bool,
        tracker: fn(*mut O) -> *mut Tracker,
    ) -> (&'a O, Option<&'a Tracked>) {
        super::memory::used(std::ptr::from_ref(self).addr());
        if let Some(tracked) = self.0.part() {
            return (object, Some(tracked));
        }
        let past_races = past_races && context::options().past_races;
        let first = || Tracked::first(past_races);
        let serving = self.0.serving(std::ptr::from_ref(object).cast(), first);
        match made::boxed_around(object, serving, first, |object| tracker(object).cast()) {
            Some((object, tracked)) => (object, Some(tracked)),
            None => (object, None),
        }
    }

    /// As [`Tracker::serving`], where no other thread has the cell, and without making anything but for a `static`.
    #[track_caller]
    pub(crate) fn serving_exclusively<'a, O: ?Sized>(
        &'a self,
        object: &'a O,
        tracker: fn(*mut O) -> *mut Tracker,
    ) -> (&'a O, Option<&'a Tracked>) {
        let first = || Tracked::first(false);
        let serving = self.0.settled_exclusively(std::ptr::from_ref(object).cast());
        match made::boxed_around(object, serving, first, |object| tracker(object).cast()) {
            Some((object, tracked)) => (object, Some(tracked)),
            None => (object, None),
        }
    }

    /// The `static` that the cell is, in a model.
    pub(crate) fn original(&self) -> Option<&'static Original> {
        match self.0.served() {
            Serving::Static(original) => Some(original),
            Serving::Real | Serving::Model(_) => None,
        }
    }

    /// For a cell of this type, made here.
    #[inline]
    #[track_caller]
    pub(crate) fn new(kind: &'static str) -> Tracker {
        match super::checker() {
            None => Tracker(Made::real()),
            Some(checker) => Tracker::new_checked(checker, kind, None, false),
        }
    }

    /// As [`Tracker::new`], with the cell's first value, for one that is accessed as a whole. Taken by value: a real cell
    /// is made without a reference to anything, which could be left in its padding.
    #[inline]
    #[track_caller]
    pub(crate) fn of(kind: &'static str, value: impl fmt::Debug) -> Tracker {
        #[cold]
        #[inline(never)]
        #[track_caller]
        fn checked(checker: Checker, kind: &'static str, value: impl fmt::Debug) -> Tracker {
            Tracker::new_checked(checker, kind, Some(&value), context::options().past_races)
        }
        match super::checker() {
            None => Tracker(Made::real()),
            Some(checker) => checked(checker, kind, value),
        }
    }

    #[cold]
    #[track_caller]
    fn new_checked(
        checker: Checker,
        kind: &'static str,
        value: Option<&dyn fmt::Debug>,
        past_races: bool,
    ) -> Tracker {
        context::count_operation();
        let cell = make!(checker, PlainCell, R => R::cell(past_races));
        let cell = ThreadBound::new(checker, cell);
        let tracker = Tracker(Made::modelled(Tracked(Some(cell))));
        if let Some(tracked) = tracker.0.part() {
            trace::made(kind, Key::at(tracked), value);
        }
        tracker
    }
}

impl Tracked {
    /// Of a cell that is there from the beginning of the execution.
    #[track_caller]
    fn first(past_races: bool) -> Tracked {
        let first = |checker| {
            let cell = make!(checker, PlainCell, R => R::first([0; 2], move || R::first_cell(past_races)));
            ThreadBound::new(checker, cell)
        };
        Tracked(super::checker().map(first))
    }

    /// A scheduling point before an access, where accesses have one.
    #[cold]
    #[inline(never)]
    fn arrive(&self, access: Access) {
        if let Some(cell) = &self.0 {
            each!(PlainCell, &**cell, cell => cell.arrive(access));
        }
    }

    /// Notes an access that comes next, so that one that races is the last to be noted.
    #[inline]
    #[track_caller]
    fn note(&self, access: Access, value: Option<&dyn fmt::Debug>) {
        if trace::on() {
            self.note_in_trace(access, value);
        }
    }

    #[cold]
    #[track_caller]
    fn note_in_trace(&self, access: Access, value: Option<&dyn fmt::Debug>) {
        let (operation, kind, values) = match access {
            Access::Read => ("read", EventKind::Read, [value, None]),
            Access::Write => ("write", EventKind::Write, [None, value]),
        };
        trace::access(What::new(operation, kind, Key::at(self)), None, values);
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn access(&self, access: Access) {
        if let Some(cell) = &self.0 {
            context::count_operation();
            each!(PlainCell, &**cell, cell => cell.access(access));
        }
    }

    /// Reads what `load` loads.
    #[inline]
    #[track_caller]
    pub(crate) fn read<T: fmt::Debug>(&self, load: impl FnOnce() -> T) -> T {
        self.arrive(Access::Read);
        let value = load();
        self.note(Access::Read, Some(&value));
        self.access(Access::Read);
        value
    }

    /// Before the value is written.
    #[inline]
    #[track_caller]
    pub(crate) fn write(&self, value: Option<&dyn fmt::Debug>) {
        self.arrive(Access::Write);
        self.note(Access::Write, value);
        self.access(Access::Write);
    }

    /// An access that lasts until what is returned is dropped.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn span(&self, access: Access, lasts: Lasts) -> Option<Span> {
        self.note(access, None);
        let cell = self.0.as_ref()?;
        context::count_operation();
        Some(each_into!(PlainCell, &**cell, Span, cell => cell.span(access, lasts)?))
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // Whatever unwinds has been reported already; a second panic would abort the process.
        if std::thread::panicking() {
            return;
        }
        if !self.0.as_ref().is_none_or(ThreadBound::is_here) {
            return;
        }
        trace::note_unplaced("drop", EventKind::Drop, Key::at(self));
        if let Some(cell) = self.0.as_ref().filter(|_| !context::options().drops_freely) {
            each!(PlainCell, &**cell, cell => cell.end());
        }
    }
}
