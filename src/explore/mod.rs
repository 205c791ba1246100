//! Pure searches: they choose what happens next, and know nothing of coroutines, facade objects or I/O.

pub(crate) mod dpor;
pub(crate) mod rc11;
