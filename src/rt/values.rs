//! The thread-local values of a model thread.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// The thread-local values of one model thread, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Values(RefCell<Vec<Entry>>);

struct Entry {
    key: usize,
    value: Value,
}

enum Value {
    Alive(Rc<dyn Any>),
    /// Alive, and no destructor to run: stays so to the end, as in std.
    Plain(Rc<dyn Any>),
    Destroyed,
}

impl Values {
    /// The value of this key, if it was made; `Some(None)` if it was already destroyed.
    pub(crate) fn find<T: 'static>(&self, key: usize) -> Option<Option<Rc<T>>> {
        let entries = self.0.borrow();
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(match &entry.value {
            Value::Alive(value) | Value::Plain(value) => value.clone().downcast().ok(),
            Value::Destroyed => None,
        })
    }

    /// The value of this key was made.
    pub(crate) fn insert<T: 'static>(&self, key: usize, value: T) -> Rc<T> {
        let value = Rc::new(value);
        let entry = Entry {
            key,
            value: if std::mem::needs_drop::<T>() {
                Value::Alive(value.clone())
            } else {
                Value::Plain(value.clone())
            },
        };
        let mut entries = self.0.borrow_mut();
        let old = entries.iter().position(|entry| entry.key == key);
        let old = old.map(|at| entries.remove(at));
        entries.push(entry);
        drop(entries);
        drop(old);
        value
    }

    /// Whether there is a value with a destructor.
    pub(crate) fn have_destructors(&self) -> bool {
        self.0.borrow().iter().any(|entry| matches!(entry.value, Value::Alive(_)))
    }

    /// Destroys the values, last made first, also those that destructors make.
    pub(crate) fn destroy(&self) {
        loop {
            let last = {
                let mut entries = self.0.borrow_mut();
                entries
                    .iter_mut()
                    .rev()
                    .find(|entry| matches!(entry.value, Value::Alive(_)))
                    .map(|entry| std::mem::replace(&mut entry.value, Value::Destroyed))
            };
            match last {
                Some(value) => drop(value),
                None => return,
            }
        }
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        // A failed execution drops its threads' storage from outside: destructors that reach for the
        // engine there would abort the process, so the values are given up instead.
        if std::thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}
