//! How a checker follows one cell: its accesses for the race detection, and for the journal.

use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::race;
use crate::rt::journal::{self, Key, What};
use crate::rt::operation::Kind;
use crate::rt::trace::{self, ObjectId, Site};
use crate::rt::{self, loom, rc11, shuttle};
use crate::sync::statics::made::{self, Made, Original, Part, Serving};
use std::fmt;
use std::panic::Location;

/// How a checker follows one cell; nothing on the real engines.
#[repr(transparent)]
pub(super) struct Tracker(Made<Tracked>);

pub(super) enum Tracked {
    Loom(loom::UnsafeCell<()>),
    Shuttle {
        object: ObjectId,
        made: Site,
        /// Whether accesses are scheduling points, and executions go on past a race.
        past_races: bool,
    },
    Rc11 {
        cell: u32,
        made: Site,
    },
    /// Made when the execution was over.
    Nothing,
}

impl Part for Tracked {
    const NAMED: bool = false;
    // What a cell holds is reached by pointers, from which code may make references of any kind.
    const LENDS: bool = true;

    fn end(self) {
        // To drop it would be a write.
        std::mem::forget(self);
    }

    fn placed(&self) {
        journal::made_unplaced("cell", Key::at(self));
    }
}

impl Tracked {
    /// Of a cell that is there from the beginning of the execution.
    #[track_caller]
    pub(super) fn first(past_races: bool) -> Tracked {
        let made = Location::caller();
        match rt::made_for() {
            Context::Real | Context::Process => Tracked::Nothing,
            Context::Loom => Tracked::Loom(loom::first::take(0, || loom::UnsafeCell::new(()))),
            Context::Shuttle => Tracked::Shuttle { object: trace::new_object(), made, past_races },
            Context::Rc11 => Tracked::Rc11 { cell: rc11::make_first_cell(), made },
        }
    }
}

impl Tracker {
    /// Of an `O` around a `T`, for the engine that uses it first.
    pub(super) const fn const_new<O, T>() -> Tracker {
        Tracker(Made::new::<O, T>())
    }

    /// The cell that serves in the place of `object`, and how a checker follows it. `tracker` says where the tracker
    /// of a cell lies.
    #[inline(always)]
    #[track_caller]
    pub(super) fn serving<'a, O: ?Sized>(
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
    pub(super) fn serving_exclusively<'a, O: ?Sized>(
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
    pub(super) fn original(&self) -> Option<&'static Original> {
        match self.0.served() {
            Serving::Static(original) => Some(original),
            Serving::Real | Serving::Model(_) => None,
        }
    }

    /// For a cell of this type, made here.
    #[inline]
    #[track_caller]
    pub(super) fn new(kind: &'static str) -> Tracker {
        match rt::made_for() {
            Context::Real | Context::Process => Tracker(Made::real()),
            context => Tracker::new_checked(context, kind, None, false),
        }
    }

    /// As [`Tracker::new`], with the cell's first value, for one that is accessed as a whole. Taken by value: a real cell is made without a
    /// reference to anything, which could be left in its padding.
    #[inline]
    #[track_caller]
    pub(super) fn of(kind: &'static str, value: impl fmt::Debug) -> Tracker {
        #[cold]
        #[inline(never)]
        #[track_caller]
        fn checked(context: Context, kind: &'static str, value: impl fmt::Debug) -> Tracker {
            Tracker::new_checked(context, kind, Some(&value), context::options().past_races)
        }
        match rt::made_for() {
            Context::Real | Context::Process => Tracker(Made::real()),
            context => checked(context, kind, value),
        }
    }

    #[cold]
    #[track_caller]
    fn new_checked(
        context: Context,
        kind: &'static str,
        value: Option<&dyn fmt::Debug>,
        past_races: bool,
    ) -> Tracker {
        let made = Location::caller();
        let tracker = Tracker(Made::modelled(match context {
            Context::Loom => Tracked::Loom(loom::UnsafeCell::new(())),
            Context::Rc11 => {
                context::count_operation();
                Tracked::Rc11 { cell: rc11::make_cell(made), made }
            }
            _ => Tracked::Shuttle { object: trace::new_object(), made, past_races },
        }));
        if let Some(tracked) = tracker.0.part() {
            journal::made(kind, Key::at(tracked), value);
            if let Tracked::Shuttle { object, .. } = tracked {
                trace::write(*object, made, past_races);
            }
        }
        tracker
    }
}

/// An access that has not ended. It knows no cell by reference, as the cell may be gone before.
pub(super) struct Span(Lasting);

enum Lasting {
    Loom(#[expect(dead_code, reason = "held for its drop")] loom::Span),
    Shuttle {
        object: ObjectId,
        access: Access,
        site: Site,
    },
    Rc11 {
        cell: u32,
        access: Access,
        site: Site,
    },
    /// The execution is over.
    Nothing,
}

impl Drop for Span {
    /// Its end is an access too: others that came between, because the thread told them meanwhile, race with it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        match self.0 {
            Lasting::Shuttle { object, access, site } if shuttle::alive() => match access {
                Access::Read => trace::read(object, site, false),
                Access::Write => trace::write(object, site, false),
            },
            Lasting::Rc11 { cell, access, site } => rc11::access(cell, access.of_detector(), site),
            Lasting::Loom(_) | Lasting::Shuttle { .. } | Lasting::Nothing => {}
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    pub(super) fn of_journal(self) -> EventKind {
        match self {
            Access::Read => EventKind::Read,
            Access::Write => EventKind::Write,
        }
    }

    fn of_detector(self) -> race::Access {
        match self {
            Access::Read => race::Access::Read,
            Access::Write => race::Access::Write,
        }
    }
}

impl Tracked {
    /// A scheduling point before an access, where accesses have one.
    #[cold]
    #[inline(never)]
    pub(super) fn arrive(&self, kind: Kind) {
        if let Tracked::Shuttle { object, past_races: true, .. } = self {
            shuttle::before(*object, kind);
        }
    }

    /// Notes an access that comes next, so that one that races is the last to be noted.
    #[inline]
    #[track_caller]
    pub(super) fn note(&self, deed: EventKind, value: Option<&dyn fmt::Debug>) {
        if journal::on() {
            self.note_in_journal(deed, value);
        }
    }

    #[cold]
    #[track_caller]
    fn note_in_journal(&self, deed: EventKind, value: Option<&dyn fmt::Debug>) {
        let (operation, values) = match deed {
            EventKind::Read => ("read", [value, None]),
            _ => ("write", [None, value]),
        };
        journal::access(What::new(operation, deed, Key::at(self)), None, values);
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn read(&self) {
        match self {
            Tracked::Loom(cell) if loom::enter_cell() => loom::read(cell),
            Tracked::Loom(_) => {}
            Tracked::Shuttle { object, past_races, .. } if shuttle::alive() => {
                trace::read(*object, Location::caller(), *past_races);
            }
            Tracked::Rc11 { cell, .. } => rc11::access(*cell, race::Access::Read, Location::caller()),
            Tracked::Shuttle { .. } | Tracked::Nothing => {}
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn write(&self) {
        match self {
            Tracked::Loom(cell) if loom::enter_cell() => loom::write(cell),
            Tracked::Loom(_) => {}
            Tracked::Shuttle { object, past_races, .. } if shuttle::alive() => {
                trace::write(*object, Location::caller(), *past_races);
            }
            Tracked::Rc11 { cell, .. } => rc11::access(*cell, race::Access::Write, Location::caller()),
            Tracked::Shuttle { .. } | Tracked::Nothing => {}
        }
    }
}

impl Tracked {
    /// An access that lasts until what is returned is dropped.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn span(&self, access: Access) -> Span {
        let site = Location::caller();
        Span(match (self, access) {
            (Tracked::Nothing, _) => Lasting::Nothing,
            (Tracked::Loom(_), _) if !loom::enter_cell() => Lasting::Nothing,
            (Tracked::Loom(cell), Access::Read) => Lasting::Loom(loom::Span::reading(cell)),
            (Tracked::Loom(cell), Access::Write) => Lasting::Loom(loom::Span::writing(cell)),
            (Tracked::Shuttle { object, .. }, access) => {
                match access {
                    Access::Read => self.read(),
                    Access::Write => self.write(),
                }
                Lasting::Shuttle { object: *object, access, site }
            }
            (Tracked::Rc11 { cell, .. }, access) => {
                rc11::access(*cell, access.of_detector(), site);
                Lasting::Rc11 { cell: *cell, access, site }
            }
        })
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // Whatever unwinds has been reported already; a second panic would abort the process.
        if std::thread::panicking() {
            return;
        }
        journal::note_unplaced("drop", EventKind::Drop, Key::at(self));
        if context::options().drops_freely {
            return;
        }
        match self {
            Tracked::Loom(_) => self.write(),
            Tracked::Shuttle { object, made, past_races } if shuttle::alive() => {
                trace::write(*object, made, *past_races);
            }
            Tracked::Shuttle { .. } | Tracked::Nothing => {}
            Tracked::Rc11 { cell, made } => rc11::access(*cell, race::Access::Write, made),
        }
    }
}
