//! What each object carries that a const fn has made: atomics, locks, cells.
//!
//! A const fn does not know who calls it. So what serves the object is settled when it is first used:
//!
//! - An object that lies in a `static` as the compiler has evaluated it is the real thing outside of models, and in
//!   each execution begins anew, with the value that it had when the program began.
//! - Every other object was made while the program ran. First used in a model it is one of the model's from then on,
//!   like one that `new` has made, but that no thread has made it; first used elsewhere it is the real thing for good.
//!
//! The two are told apart by what lay at the object's address when the program began ([`super::image`]): it is the same
//! to the last byte, or else the object was not there. Among these bytes is a pointer to an [`About`], of which each
//! type has its own and which nothing but [`Made::new`] writes: so what lay there is an object of this very type, and
//! the compiler has made it, of a constant expression. Such a value owns no memory, because nothing can be allocated
//! then. To copy it is to evaluate the expression anew.
//!
//! Limit: code that relies on the value of a `static` being the only one of its kind in the life of the process (a
//! token that stands for a device, say) finds another in each execution. That is so of all that begins anew.

use super::{Held, enter, find, fresh, image, in_execution, take};
use crate::rt::context::{self, Context};
use crate::rt::panics::NotForProcesses;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of a type of objects, at an address of its own.
#[repr(align(8))]
pub(crate) struct About {
    #[expect(dead_code, reason = "tells apart what is alike otherwise")]
    identity: fn() -> TypeId,
    layout: Layout,
    /// Whether its value has a destructor.
    owns: bool,
}

/// An `O` around a `T`.
struct Object<O, T>(PhantomData<(O, T)>);

impl<O, T> Object<O, T> {
    const ABOUT: &'static About = &About {
        identity: crate::erased::type_id::<O>,
        layout: Layout::new::<O>(),
        owns: std::mem::needs_drop::<T>(),
    };
}

/// Who serves an object that a const fn has made: in its lowest bits how far that is settled, and what it is.
///
/// Under a model it is a `P`: of an object that was made while the program ran its own, of a `static` one for each
/// execution.
pub(crate) struct Made<P> {
    word: Word,
    of: PhantomData<P>,
}

/// It knows no type, so that what an object may borrow is not asked for when it is dropped.
struct Word(AtomicPtr<()>);

/// A `P` on the heap.
#[repr(C)]
struct Boxed<P> {
    drop: unsafe fn(*mut ()),
    part: P,
}

/// # Safety
/// `boxed` came from a `Box<Boxed<P>>` with this very `P`, and is not used any more.
unsafe fn drop_boxed<P>(boxed: *mut ()) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(boxed.cast::<Boxed<P>>()) });
}

// SAFETY: the word is atomic, and the `P` that it may own is sent and shared with it.
unsafe impl<P: Send> Send for Made<P> {}
// SAFETY: as for `Send`; a `P` is only handed out by reference.
unsafe impl<P: Send + Sync> Sync for Made<P> {}

const BITS: usize = 7;
/// Never used. With the pointer to what is known of the type.
const UNTOUCHED: usize = 1;
/// With a pointer to a [`Boxed`].
const MODELLED: usize = 3;
const REAL: usize = 5;
/// With a pointer to the [`Original`].
const STATIC: usize = 7;

/// An object that the compiler has made, and that was used. There is one of it for each, for good.
#[repr(align(8))]
pub(crate) struct Original {
    key: u64,
    home: usize,
    about: &'static About,
    /// The object as it was when the program began.
    image: &'static [MaybeUninit<u8>],
}

/// Who serves an object.
pub(crate) enum Serving<'a, P> {
    Real,
    /// This one, and no other for the rest of the object's life.
    Model(&'a P),
    /// The execution's own.
    Static(&'static Original),
}

/// What a checker knows an object by.
pub(crate) trait Part: Sized {
    /// Whether it has a location under rc11.
    const NAMED: bool;
    /// Whether code may have a reference to the value for good, that says nothing of where it is from.
    const LENDS: bool;

    /// Whether a guard of it is alive.
    fn is_held(&self) -> bool {
        false
    }

    /// It is no longer used, and its object is not dropped.
    fn end(self) {}

    /// It lies where it stays.
    fn placed(&self) {}
}

/// While it is held no object is used for the first time.
fn settle() -> MutexGuard<'static, ()> {
    static SETTLES: Mutex<()> = Mutex::new(());
    SETTLES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn boxed<P>(part: P) -> *mut Boxed<P> {
    Box::into_raw(Box::new(Boxed { drop: drop_boxed::<P>, part }))
}

impl Word {
    #[inline]
    fn get(&self) -> (usize, *mut ()) {
        let word = self.0.load(Ordering::Acquire);
        let bits = word.addr() & BITS;
        (bits, word.wrapping_byte_sub(bits))
    }
}

impl<P> Made<P> {
    /// Of an `O`, which this is a part of, around a `T`.
    pub(crate) const fn new<O, T>() -> Self {
        let about = ptr::from_ref(Object::<O, T>::ABOUT).cast_mut();
        Made::of(about.cast::<()>().wrapping_byte_add(UNTOUCHED))
    }

    const fn of(word: *mut ()) -> Self {
        Made { word: Word(AtomicPtr::new(word)), of: PhantomData }
    }

    #[inline]
    fn word(&self) -> (usize, *mut ()) {
        self.word.get()
    }

    fn set<T>(&self, pointer: *mut T, bits: usize) {
        self.word.0.store(pointer.cast::<()>().wrapping_byte_add(bits), Ordering::Release);
    }

    /// Whether nothing has used the object.
    pub(crate) fn is_untouched(&self) -> bool {
        self.word().0 == UNTOUCHED
    }

    /// Of an object that is the real thing for good.
    pub(crate) const fn real() -> Self {
        Made::of(ptr::without_provenance_mut(REAL))
    }

    /// Of an object that a model has this for.
    pub(crate) fn modelled(part: P) -> Self {
        let made = Self::real();
        made.set(boxed(part), MODELLED);
        made
    }

    /// Whether the object is the real thing for good.
    #[inline]
    pub(crate) fn is_real(&self) -> bool {
        self.word.0.load(Ordering::Relaxed).addr() == REAL
    }

    /// What a model has for the object for the rest of its life.
    #[inline]
    pub(crate) fn part(&self) -> Option<&P> {
        let (bits, pointer) = self.word();
        // SAFETY: the pointer came from a box, which is dropped with `self` and not before.
        (bits == MODELLED).then(|| unsafe { &(*pointer.cast::<Boxed<P>>()).part })
    }

    /// Who serves the object that lies at `object`, as far as that is settled.
    fn settled(&self) -> Option<Serving<'_, P>> {
        let (bits, pointer) = self.word();
        match bits {
            // SAFETY: the pointer came from a box, which is dropped with `self` and not before.
            MODELLED => Some(Serving::Model(unsafe { &(*pointer.cast::<Boxed<P>>()).part })),
            STATIC if context::current().is_model() && in_execution() => {
                // SAFETY: the pointer came from a box that is never dropped.
                Some(Serving::Static(unsafe { &*pointer.cast::<Original>() }))
            }
            STATIC | REAL => Some(Serving::Real),
            _ => None,
        }
    }

    /// What the object at this address was when the program began, if it was there. Only while nothing has used it, and
    /// nothing does.
    fn original(&self, object: *const u8, about: &'static About) -> Option<Original> {
        let image = image::at(object.addr(), about.layout.size())?;
        // SAFETY: the object is there, for `self` is a part of it, and no thread has begun to use it.
        let same = unsafe { image::is_the_same(object, image) };
        same.then(|| Original { key: fresh(), home: object.addr(), about, image })
    }

    /// Settles who serves the object, unless it is to be one of a model's own.
    fn settle(&self, object: *const u8, in_model: bool) {
        let _alone = settle();
        // Looked at once: of an object that processes share, another process may settle the same meanwhile.
        let (bits, about) = self.word();
        if bits != UNTOUCHED {
            return;
        }
        // SAFETY: an untouched word is what `new` made of this reference.
        let about = unsafe { &*about.cast::<About>() };
        match self.original(object, about) {
            Some(original) => self.set(Box::leak(Box::new(original)), STATIC),
            None if in_model => {}
            None => self.set(ptr::null_mut::<()>(), REAL),
        }
    }
}

impl<P: Part> Made<P> {
    /// Who serves the object that lies at `object`. Under a model `make` makes it what the model has for it.
    pub(crate) fn serving(&self, object: *const u8, make: impl FnOnce() -> P) -> Serving<'_, P> {
        if let Some(serving) = self.settled() {
            return serving;
        }
        let in_model = context::current().is_model() && in_execution();
        self.settle(object, in_model);
        if let Some(serving) = self.settled() {
            return serving;
        }
        // Other threads may run, and one of them may make it first: theirs counts then.
        if P::NAMED {
            super::name_lazily();
        }
        let made = make();
        let alone = settle();
        if self.word().0 == UNTOUCHED {
            self.set(boxed(made), MODELLED);
            drop(alone);
            self.placed();
        } else {
            drop(alone);
            made.end();
        }
        self.settled().unwrap_or(Serving::Real)
    }

    /// As [`Made::serving`], of an object that cannot serve several processes.
    ///
    /// # Panics
    /// With [`NotForProcesses`] if the object lies in memory that they share.
    pub(crate) fn serving_alone(
        &self,
        object: *const u8,
        kind: &str,
        make: impl FnOnce() -> P,
    ) -> Serving<'_, P> {
        if self.word().0 == UNTOUCHED && context::current() == Context::Process {
            refuse_if_shared(object.addr(), kind);
        }
        self.serving(object, make)
    }

    /// As [`Made::serving`], as far as that is known without making anything.
    pub(crate) fn served(&self) -> Serving<'_, P> {
        self.settled().unwrap_or(Serving::Real)
    }

    /// As [`Made::served`], where no other thread has the object: what the model had for it is the caller's, and the
    /// object is as if never used.
    pub(crate) fn take(&mut self) -> Option<P> {
        let (MODELLED, pointer) = self.word() else { return None };
        // It stays what it is, whoever uses it next.
        self.set(ptr::null_mut::<()>(), REAL);
        // SAFETY: the pointer came from this box, and the word no longer has it.
        Some(unsafe { Box::from_raw(pointer.cast::<Boxed<P>>()) }.part)
    }

    /// Settles who serves the object where no other thread has it, and makes nothing.
    pub(crate) fn settled_exclusively(&self, object: *const u8) -> Serving<'_, P> {
        self.settle(object, context::current().is_model());
        self.served()
    }
}

impl<P: Part + Held> Made<P> {
    /// What serves in the place of `object`, which is no more than its part and cannot serve several processes. `first`
    /// makes one that is there from the beginning of the execution. To be kept for an operation, and no longer.
    ///
    /// # Panics
    /// As [`Made::serving_alone`].
    #[track_caller]
    pub(crate) fn whole<'a>(&'a self, object: &'a P, kind: &str, first: impl Fn() -> P) -> &'a P {
        match self.serving_alone(ptr::from_ref(object).cast(), kind, &first) {
            Serving::Real => object,
            Serving::Model(part) => part,
            // SAFETY: it lives until the execution ends.
            Serving::Static(original) => unsafe { original.part(first).as_ref() },
        }
    }
}

impl Drop for Word {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.get().0, MODELLED | STATIC) {
            self.drop_served();
        }
    }
}

impl Word {
    #[cold]
    #[inline(never)]
    fn drop_served(&mut self) {
        let (bits, pointer) = self.get();
        if bits == MODELLED {
            // SAFETY: the pointer came from a box of a `Boxed`, which begins with the function for it, and nothing
            // has the word any more.
            return unsafe { (*pointer.cast::<unsafe fn(*mut ())>())(pointer) };
        }
        // SAFETY: the pointer came from a box that is never dropped.
        let original = unsafe { &*pointer.cast::<Original>() };
        if let Some(slot) = take(original.key) {
            slot.outlive();
        }
    }
}

/// Turns an object away that lies in memory which processes share.
fn refuse_if_shared(object: usize, kind: &str) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let shared = maps.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-'));
        let range = range.and_then(|(start, end)| {
            Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
        });
        range.is_some_and(|range| range.contains(&object))
            && fields.next().is_some_and(|access| access.ends_with('s'))
    });
    if shared {
        std::panic::panic_any(NotForProcesses(format!(
            "a `{kind}` that `const_new` has made serves one process, and this one is in a state that several share: \
             make it with `new`, without the feature `const-new`"
        )));
    }
}

/// An object in one execution, as it was when the program began.
pub(crate) struct Anew<P: Part> {
    memory: NonNull<u8>,
    part: NonNull<P>,
    about: &'static About,
    lent: Cell<bool>,
}

impl Original {
    /// What the execution has in the place of the object. `put` puts what `make` makes into the copy of it that lies
    /// at this address, in the place of its [`Made`], and says where that is.
    pub(crate) fn anew<P: Part>(
        &self,
        make: impl FnOnce() -> P,
        put: impl FnOnce(NonNull<u8>, P) -> NonNull<P>,
    ) -> NonNull<Anew<P>> {
        find(self.key).unwrap_or_else(|| {
            enter(self.home, self.key, P::NAMED, || {
                let made = make();
                let memory = self.copy();
                let part = put(memory, made);
                // SAFETY: `put` has just put it there.
                unsafe { part.as_ref() }.placed();
                Anew { memory, part, about: self.about, lent: Cell::new(false) }
            })
        })
    }

    fn copy(&self) -> NonNull<u8> {
        let layout = self.about.layout;
        // SAFETY: an object has a size: its word's at least.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        // SAFETY: the image is as long as the object, and the memory is new.
        unsafe {
            memory
                .as_ptr()
                .cast::<MaybeUninit<u8>>()
                .copy_from_nonoverlapping(self.image.as_ptr(), layout.size())
        };
        memory
    }

    /// What the execution has in the place of an object that is no more than its part.
    pub(crate) fn part<P: Part + Held>(&self, make: impl FnOnce() -> P) -> NonNull<P> {
        find(self.key).unwrap_or_else(|| enter(self.home, self.key, P::NAMED, make))
    }

    /// Takes what the execution has in the place of an object that no other thread has.
    pub(crate) fn take<P: Part + Held>(&self) -> Option<P> {
        let slot = take(self.key)?;
        // SAFETY: `part` has made this pointer from a `Box<P>`, and it has been taken out of the list.
        Some(*unsafe { Box::from_raw(slot.value.cast::<P>().as_ptr()) })
    }

    /// As [`Original::part`] or [`Original::anew`], if the execution has anything.
    pub(crate) fn existing<P: Held>(&self) -> Option<NonNull<P>> {
        find(self.key)
    }

    /// The execution's copy of the object at `object`, if it has one; of an object whose part is a [`Made`].
    pub(crate) fn copy_of<O: ?Sized, P: Part>(&self, object: *const O) -> Option<*const O> {
        let anew = self.existing::<Anew<Made<P>>>()?;
        // SAFETY: it lives until the execution ends.
        Some(unsafe { anew.as_ref() }.object(object))
    }

    /// A field of the object as it was when the program began.
    ///
    /// # Safety
    /// The field lies `offset` bytes from the start of the object, and its type is `F`.
    pub(crate) unsafe fn first<F>(&self, offset: usize) -> F {
        let field = &self.image[offset..offset + size_of::<F>()];
        // SAFETY: the image is that of an object which the compiler has made, and the field is in it.
        unsafe { field.as_ptr().cast::<F>().read_unaligned() }
    }
}

impl<P: Part> Anew<P> {
    /// The object, by a pointer to the one that it is a copy of.
    pub(crate) fn object<O: ?Sized>(&self, original: *const O) -> *mut O {
        at_address(original, self.memory)
    }

    /// A reference was given out that may be kept for good.
    pub(crate) fn lend(&self) {
        self.lent.set(true);
    }
}

/// As `like`, with another address.
fn at_address<O: ?Sized>(like: *const O, address: NonNull<u8>) -> *mut O {
    let mut pointer = like.cast_mut();
    // SAFETY: a pointer begins with the address, whatever else it has; that is seen to below.
    unsafe { (&raw mut pointer).cast::<*mut u8>().write(address.as_ptr()) };
    assert_eq!(pointer.cast::<u8>(), address.as_ptr(), "a pointer begins with its address");
    pointer
}

/// The object that serves in the place of `object`, and its part; `None` if the real one does. `first` makes the part
/// of one that is there from the beginning, and `part` says where it lies.
pub(crate) fn around<'a, O: ?Sized, P: Part>(
    object: &'a O,
    serving: Serving<'a, P>,
    first: impl FnOnce() -> P,
    part: impl Fn(*mut O) -> *mut P,
) -> Option<(&'a O, &'a P)> {
    let original = match serving {
        Serving::Real => return None,
        Serving::Model(part) => return Some((object, part)),
        Serving::Static(original) => original,
    };
    let anew = original.anew(first, |memory, made| {
        let place = part(at_address(object, memory));
        // SAFETY: memory of the object's layout, in which this is the place of its part. What is there owns nothing:
        // when the program began no object had been used.
        unsafe { place.write(made) };
        NonNull::new(place).expect("memory that was allocated")
    });
    // SAFETY: it lives until the execution ends.
    let anew = unsafe { anew.as_ref() };
    let copy = anew.object(object);
    // SAFETY: a whole object: the image of one that the compiler has made, with a part for this execution. It goes when
    // the execution ends, unless a guard is alive or it was lent; else no reference is kept beyond the call.
    Some(unsafe { (&*copy, &*part(copy)) })
}

/// As [`around`], of an object whose part is no more than a [`Made`].
pub(crate) fn boxed_around<'a, O: ?Sized, P: Part>(
    object: &'a O,
    serving: Serving<'a, P>,
    first: impl FnOnce() -> P,
    part: impl Fn(*mut O) -> *mut Made<P>,
) -> Option<(&'a O, &'a P)> {
    let original = match serving {
        Serving::Real => return None,
        Serving::Model(part) => return Some((object, part)),
        Serving::Static(original) => original,
    };
    let first = || Made::modelled(first());
    let (copy, made) = around(object, Serving::Static(original), first, part)?;
    Some((copy, made.part()?))
}

impl<P: Part> Part for Made<P> {
    const NAMED: bool = P::NAMED;
    const LENDS: bool = P::LENDS;

    fn is_held(&self) -> bool {
        self.part().is_some_and(P::is_held)
    }

    fn end(mut self) {
        if let Some(part) = self.take() {
            part.end();
        }
    }

    fn placed(&self) {
        if let Some(part) = self.part() {
            part.placed();
        }
    }
}

impl<P: Part> Held for Anew<P> {
    fn outlive(self: Box<Self>) {
        if self.about.owns {
            crate::rt::leaks::keep();
            crate::rt::count::forgive();
        }
        // SAFETY: `anew` has put the part there, and nothing has taken it away.
        if self.lent.get() || unsafe { self.part.as_ref() }.is_held() {
            return;
        }
        // SAFETY: no reference to the part is left: no guard of it is alive, and no object was lent.
        unsafe { self.part.read() }.end();
        if !P::LENDS {
            // SAFETY: `copy` has allocated it so, and no reference to the value is left.
            unsafe { dealloc(self.memory.as_ptr(), self.about.layout) };
        }
    }
}
