//! What one execution under a checker does, operation by operation, while an engine asks for it.
//!
//! The facade notes each operation where it takes effect, with the values and the source line, and before
//! one that may wait that it begins. Off it costs one look at a flag, and only under the checkers.
//!
//! Limits: one operating-system thread, as the checkers themselves. What happens while a thread unwinds is
//! not noted. Pointers are numbered in the order
//! in which they turn up, so that a trace does not depend on where memory lies.

use super::heap;
use super::pending::{ObjectId, Site};
use super::runtime::Runtime;
use crate::base::event::{EventKind, STARTS};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// Tells one object from all others that live at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(usize);

impl Key {
    /// An object that stays at this address.
    pub(crate) fn at<T: ?Sized>(address: &T) -> Self {
        Key(std::ptr::from_ref(address).cast::<()>().addr())
    }

    /// An object with a name of its own. No memory lies at an address this low.
    pub(crate) fn id(object: ObjectId) -> Self {
        Key(object as usize)
    }
}

/// An object, from its making on.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) kind: &'static str,
    /// Where, unless the facade made it by itself.
    pub(crate) site: Option<Site>,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Counted from 0, the main one, in the order of spawning.
    pub(crate) thread: usize,
    pub(crate) operation: &'static str,
    pub(crate) kind: EventKind,
    pub(crate) order: Option<Ordering>,
    /// Into [`Trace::objects`].
    pub(crate) object: Option<usize>,
    pub(crate) read: Option<String>,
    pub(crate) written: Option<String>,
    /// Unknown to destructors.
    pub(crate) site: Option<Site>,
    /// It was begun and has not ended.
    pub(crate) blocked: bool,
    /// It is done to an object that was made before the trace began.
    pub(crate) older: bool,
}

/// What is streamed at once, because the process may die before the execution ends.
pub(crate) enum Line<'a> {
    Made(&'a Made),
    Done(&'a Entry),
    Begun(&'a Entry),
}

type Sink = Box<dyn FnMut(Line<'_>) + Send>;

/// One execution so far.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) objects: Vec<Made>,
    pub(crate) entries: Vec<Entry>,
    /// The names of threads that have one, by number.
    pub(crate) names: FxHashMap<usize, String>,
    known: FxHashMap<Key, usize>,
    /// What each thread is about to do and has not done, by thread.
    begun: FxHashMap<usize, Entry>,
    /// The beginning of a thread, if no thread has done anything since.
    pub(crate) starting: Option<Entry>,
    pointers: FxHashMap<String, usize>,
    /// Objects of the harness's own, which are not shown.
    hidden: FxHashSet<Key>,
    sink: Option<Sink>,
}

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static WHO: Cell<fn() -> usize> = const { Cell::new(|| 0) };
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// The most that is written down of one execution.
const MAX_ENTRIES: usize = 20_000;

/// Begins a trace; `who` tells the number of the running thread.
pub(crate) fn begin(who: fn() -> usize) {
    WHO.set(who);
    TRACE.take();
    ON.set(true);
}

/// As [`begin`]; each line also goes to `sink` at once.
pub(crate) fn begin_streaming(who: fn() -> usize, sink: impl FnMut(Line<'_>) + Send + 'static) {
    begin(who);
    TRACE.with_borrow_mut(|trace| trace.sink = Some(Box::new(sink)));
}

/// Ends the trace. What was begun and has not ended comes last, by thread.
pub(crate) fn end() -> Trace {
    ON.set(false);
    let mut trace = TRACE.take();
    let begun = trace.in_vain();
    trace.entries.extend(begun);
    trace.begun.clear();
    trace
}

/// The trace as it stands; what was begun and has not ended comes last, by thread. Empty if there is none.
pub(crate) fn so_far() -> Trace {
    if !ON.get() {
        return Trace::default();
    }
    TRACE.with_borrow(|trace| Trace {
        objects: trace.objects.clone(),
        entries: trace.entries.iter().cloned().chain(trace.in_vain()).collect(),
        names: trace.names.clone(),
        starting: trace.starting.clone(),
        ..Trace::default()
    })
}

/// Ends the trace, which is not wanted any more. Costs next to nothing if there is none.
pub(crate) fn stop() {
    if ON.replace(false) {
        TRACE.take();
    }
}

/// Whether events are recorded. What destructors do while a thread unwinds is not: the execution may be no
/// more.
#[inline]
pub(crate) fn on() -> bool {
    ON.get() && !std::thread::panicking()
}

/// What an operation does, and to what.
#[derive(Clone, Copy)]
pub(crate) struct What {
    pub(crate) operation: &'static str,
    pub(crate) kind: EventKind,
    pub(crate) object: Option<Key>,
}

impl What {
    pub(crate) fn new(operation: &'static str, kind: EventKind, object: Key) -> Self {
        What { operation, kind, object: Some(object) }
    }
}

/// What is done to this object is left out from now on.
pub(crate) fn hide(object: Key) {
    if on() {
        TRACE.with_borrow_mut(|trace| trace.hidden.insert(object));
    }
}

/// The running thread calls an operation of an object ([`CALLS`](crate::witness::CALLS)), or has
/// returned from one ([`RETURNS`](crate::witness::RETURNS)).
pub(crate) fn call(what: &'static str, value: &dyn Debug) {
    if on() {
        write(
            What { operation: what, kind: EventKind::Other, object: None },
            None,
            [Some(value), None],
            None,
        );
    }
}

/// An object is made here.
#[inline]
#[track_caller]
pub(crate) fn made(kind: &'static str, object: Key, value: Option<&dyn Debug>) {
    if on() {
        write_making(kind, object, value, Some(Location::caller()));
    }
}

/// As [`made`], for what the facade makes by itself when it is first used.
pub(crate) fn made_unplaced(kind: &'static str, object: Key) {
    if on() {
        write_making(kind, object, None, None);
    }
}

/// As [`made_unplaced`], with its value, for what is there from the beginning.
pub(crate) fn made_before_all(kind: &'static str, object: Key, value: Option<&dyn Debug>) {
    if on() {
        write_making(kind, object, value, None);
    }
}

/// As [`made_unplaced`], of what the reader need not see being made.
pub(crate) fn made_unseen(kind: &'static str, object: Key) {
    if on() {
        TRACE.with_borrow_mut(|trace| trace.add(kind, object, None));
    }
}

/// Something without an object has happened at a place that is known from elsewhere.
pub(crate) fn note_alone(operation: &'static str, site: Site) {
    if on() {
        write(What { operation, kind: EventKind::Other, object: None }, None, [None, None], Some(site));
    }
}

/// As [`note`], at a place that is known from elsewhere.
pub(crate) fn note_at(operation: &'static str, kind: EventKind, object: Key, site: Site) {
    if on() {
        write(What::new(operation, kind, object), None, [None, None], Some(site));
    }
}

/// As [`begins`], at a place that is known from elsewhere.
pub(crate) fn begins_at(operation: &'static str, kind: EventKind, object: Key, site: Site) {
    if on() {
        write_beginning(What::new(operation, kind, object), site);
    }
}

/// An operation without values or ordering has taken effect.
#[inline]
#[track_caller]
pub(crate) fn note(operation: &'static str, kind: EventKind, object: Key) {
    if on() {
        write(What::new(operation, kind, object), None, [None, None], Some(Location::caller()));
    }
}

/// As [`note`], where the source line is not known.
#[inline]
pub(crate) fn note_unplaced(operation: &'static str, kind: EventKind, object: Key) {
    if on() {
        write(What::new(operation, kind, object), None, [None, None], None);
    }
}

/// An operation on an atomic or a cell has taken effect; `values` are what it found and what it left.
#[inline]
#[track_caller]
pub(crate) fn access(what: What, order: Option<Ordering>, values: [Option<&dyn Debug>; 2]) {
    if on() {
        write(what, order, values, Some(Location::caller()));
    }
}

/// An operation begins that may wait; [`note`] it when it has taken effect.
#[inline]
#[track_caller]
pub(crate) fn begins(operation: &'static str, kind: EventKind, object: Key) {
    if on() {
        write_beginning(What::new(operation, kind, object), Location::caller());
    }
}

/// The running thread begins. Only streamed, where it may be the last that is heard of it.
pub(crate) fn starts() {
    if on() {
        let what = What { operation: STARTS, kind: EventKind::Other, object: None };
        let thread = (WHO.get())();
        TRACE.with_borrow_mut(|trace| {
            let entry = trace.entry(thread, what, None);
            trace.tell(Line::Begun(&entry));
            trace.starting = Some(entry);
        });
    }
}

/// A thread has been started, under this name if it has one.
pub(crate) fn names(thread: u64, name: Option<&str>) {
    if on()
        && let (Ok(thread), Some(name)) = (usize::try_from(thread), name)
    {
        TRACE.with_borrow_mut(|trace| trace.names.insert(thread, name.to_owned()));
    }
}

#[cold]
fn write_making(kind: &'static str, object: Key, value: Option<&dyn Debug>, site: Option<Site>) {
    TRACE.with_borrow_mut(|trace| trace.add(kind, object, site));
    write(What::new("new", EventKind::Create, object), None, [None, value], site);
}

#[cold]
fn write(what: What, order: Option<Ordering>, values: [Option<&dyn Debug>; 2], site: Option<Site>) {
    let _outside = heap::outside();
    let [read, written] = values.map(|value| value.map(|value| format!("{value:?}")));
    let thread = (WHO.get())();
    TRACE.with_borrow_mut(|trace| {
        trace.begun.remove(&thread);
        let hidden = what.object.is_some_and(|object| trace.hidden.contains(&object));
        if !hidden && trace.entries.len() < MAX_ENTRIES {
            let entry = trace.entry(thread, what, site);
            let [read, written] = [read, written].map(|value| value.map(|value| trace.portable(value)));
            let entry = Entry { order, read, written, ..entry };
            trace.tell(Line::Done(&entry));
            trace.entries.push(entry);
        }
        trace.starting = None;
    });
    if let Some(checker) = super::running() {
        with_runtime!(checker, R => R::recorded());
    }
}

#[cold]
fn write_beginning(what: What, site: Site) {
    let _outside = heap::outside();
    let thread = (WHO.get())();
    TRACE.with_borrow_mut(|trace| {
        let entry = trace.entry(thread, what, Some(site));
        let entry = Entry { blocked: true, ..entry };
        trace.tell(Line::Begun(&entry));
        trace.begun.insert(thread, entry);
        trace.starting = None;
    });
}

impl Trace {
    /// What was begun and has not ended, by thread.
    fn in_vain(&self) -> Vec<Entry> {
        let mut begun: Vec<_> = self.begun.values().cloned().collect();
        begun.sort_by_key(|entry| entry.thread);
        begun
    }

    fn add(&mut self, kind: &'static str, object: Key, site: Option<Site>) {
        self.known.insert(object, self.objects.len());
        let made = Made { kind, site };
        self.tell(Line::Made(&made));
        self.objects.push(made);
    }

    fn tell(&mut self, line: Line<'_>) {
        if let Some(sink) = &mut self.sink {
            sink(line);
        }
    }

    fn entry(&self, thread: usize, what: What, site: Option<Site>) -> Entry {
        let object = what.object.and_then(|key| self.known.get(&key).copied());
        let What { operation, kind, .. } = what;
        Entry {
            thread,
            operation,
            kind,
            order: None,
            object,
            read: None,
            written: None,
            site,
            blocked: false,
            older: what.object.is_some() && object.is_none(),
        }
    }

    /// A value as it is, or the number of a pointer.
    fn portable(&mut self, value: String) -> String {
        match value.strip_prefix("0x") {
            None => value,
            Some("0") => "null".to_owned(),
            Some(_) => {
                let next = self.pointers.len() + 1;
                format!("pointer {}", self.pointers.entry(value).or_insert(next))
            }
        }
    }
}
