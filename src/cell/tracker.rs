//! How a checker follows one cell: its accesses for the race detection, and for the journal.

use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::race;
use crate::rt::journal::{self, Key, What};
use crate::rt::operation::Kind;
use crate::rt::trace::{self, ObjectId, Site};
use crate::rt::{self, loom, rc11, shuttle};
use std::fmt;
use std::panic::Location;

/// How a checker follows one cell; nothing on the real engines.
pub(super) struct Tracker(Option<Box<Tracked>>);

enum Tracked {
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
}

impl Tracker {
    /// For a cell of this type, made here.
    #[inline]
    #[track_caller]
    pub(super) fn new(kind: &'static str) -> Tracker {
        match rt::made_for() {
            Context::Real | Context::Process => Tracker(None),
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
            Context::Real | Context::Process => Tracker(None),
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
        let tracked = Box::new(match context {
            Context::Loom => Tracked::Loom(loom::UnsafeCell::new(())),
            Context::Rc11 => {
                context::count_operation();
                Tracked::Rc11 { cell: rc11::make_cell(made), made }
            }
            _ => Tracked::Shuttle { object: trace::new_object(), made, past_races },
        });
        journal::made(kind, Key::at(&*tracked), value);
        if let Tracked::Shuttle { object, .. } = &*tracked {
            trace::write(*object, made, past_races);
        }
        Tracker(Some(tracked))
    }

    /// A scheduling point before an access, where accesses have one.
    #[inline]
    pub(super) fn arrive(&self, kind: Kind) {
        if let Some(tracked) = &self.0 {
            tracked.arrive(kind);
        }
    }

    /// Notes an access that comes next, so that one that races is the last to be noted.
    #[inline]
    #[track_caller]
    pub(super) fn note(&self, deed: EventKind, value: Option<&dyn fmt::Debug>) {
        if let Some(tracked) = &self.0
            && journal::on()
        {
            tracked.note(deed, value);
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn read(&self) {
        if let Some(tracked) = &self.0 {
            tracked.read();
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn write(&self) {
        if let Some(tracked) = &self.0 {
            tracked.write();
        }
    }

    /// An access that lasts until what is returned is dropped. Nothing on the real engines.
    #[inline]
    #[track_caller]
    #[expect(
        clippy::manual_map,
        reason = "a closure has a place of its own in the source, and hides the user's"
    )]
    pub(super) fn span(&self, access: Access) -> Option<Span> {
        match &self.0 {
            None => None,
            Some(tracked) => Some(tracked.span(access)),
        }
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
    fn of_detector(self) -> race::Access {
        match self {
            Access::Read => race::Access::Read,
            Access::Write => race::Access::Write,
        }
    }
}

impl Tracked {
    #[cold]
    #[inline(never)]
    fn arrive(&self, kind: Kind) {
        if let Tracked::Shuttle { object, past_races: true, .. } = self {
            shuttle::before(*object, kind);
        }
    }

    #[cold]
    #[track_caller]
    pub(super) fn note(&self, deed: EventKind, value: Option<&dyn fmt::Debug>) {
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
            Tracked::Shuttle { .. } => {}
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
            Tracked::Shuttle { .. } => {}
        }
    }
}

impl Tracked {
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn span(&self, access: Access) -> Span {
        let site = Location::caller();
        Span(match (self, access) {
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
        match self {
            Tracked::Loom(_) => self.write(),
            Tracked::Shuttle { object, made, past_races } if shuttle::alive() => {
                trace::write(*object, made, *past_races);
            }
            Tracked::Shuttle { .. } => {}
            Tracked::Rc11 { cell, made } => rc11::access(*cell, race::Access::Write, made),
        }
    }
}
