//! How many processes of a run may compute at the same time: workers, and those that help them explore.
//!
//! A worker has a seat from its start to its end. Seats that are free meanwhile are lent to workers that run, for
//! helpers, and taken back as those end. The book is the supervisor's: what it shares with a worker is that worker's
//! alone, and a design that writes there can do no more than start more processes of its own.
//!
//! Limit: a run knows its own processes only. Several runs at once, as under a test runner that starts a process for
//! each test, each have as many seats as they were given.

use super::interrupt;
use super::mapping::{Shared, path_for_others};
use crate::engine::{Holder, Slots};
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who sits, and what is lent.
struct Book {
    /// As many as there are cores, by default.
    seats: Option<usize>,
    /// Seats lent to each worker beside its own, by the number of the worker.
    lent: BTreeMap<u64, usize>,
    waiting: usize,
    next: u64,
}

static BOOK: Mutex<Book> = Mutex::new(Book { seats: None, lent: BTreeMap::new(), waiting: 0, next: 0 });

fn book() -> MutexGuard<'static, Book> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    fn seats(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.seats.unwrap_or_else(cores).max(1)
    }

    fn free(&self) -> usize {
        self.seats().saturating_sub(self.lent.len() + self.lent.values().sum::<usize>())
    }

    /// Sits down a worker, if there is a seat.
    fn sit(&mut self) -> Option<u64> {
        if self.free() == 0 {
            return None;
        }
        self.next += 1;
        self.lent.insert(self.next, 0);
        Some(self.next)
    }

    /// What a worker has from now on that uses so many seats beside its own: no more than that while others wait.
    fn lend(&mut self, worker: u64, used: usize) -> usize {
        let free = if self.waiting > 0 { 0 } else { self.free() };
        let Some(lent) = self.lent.get_mut(&worker) else { return 0 };
        let kept = if free == 0 { used.min(*lent) } else { *lent };
        *lent = kept + free;
        *lent
    }
}

/// Has this run compute with up to so many processes at a time.
pub(crate) fn limit(jobs: usize) {
    book().seats = Some(jobs);
}

/// The place of a worker, given back with all that it was lent when dropped.
pub(crate) struct Seat {
    worker: u64,
    slots: Shared<Slots>,
    _file: File,
}

/// For a worker: where its place is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) slots: PathBuf,
    pub(crate) slot: usize,
}

/// Waits for a seat.
///
/// # Errors
/// If the run is interrupted, or if the system has no memory to share with the worker.
pub(crate) fn take() -> anyhow::Result<(Seat, Place)> {
    let (slots, file) =
        Shared::<Slots>::create("selvedge-slots").context("cannot share memory with a worker")?;
    slots.get().open(1);
    let nobody_yet = Holder { family: u32::MAX, process: std::process::id() };
    slots.get().hand_over(0, nobody_yet);
    let worker = wait()?;
    let place = Place { slots: path_for_others(&file), slot: 0 };
    Ok((Seat { worker, slots, _file: file }, place))
}

fn wait() -> anyhow::Result<u64> {
    if let Some(worker) = book().sit() {
        return Ok(worker);
    }
    book().waiting += 1;
    loop {
        let mut book = book();
        let seated = book.sit();
        if seated.is_some() || interrupt::interrupted() {
            book.waiting -= 1;
            let Some(worker) = seated else { bail!("interrupted") };
            return Ok(worker);
        }
        drop(book);
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Seat {
    /// Says which process sits here.
    pub(crate) fn seat(&self, worker: u32) {
        self.slots.get().hand_over(0, Holder { family: worker, process: worker });
    }

    /// Lends the worker what is free, and takes back what it does not use if others wait. To be called again and again
    /// while it runs.
    pub(crate) fn lend(&self) {
        let used = self.slots.get().held().saturating_sub(1);
        let lent = book().lend(self.worker, used);
        self.slots.get().open(1 + lent);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        book().lent.remove(&self.worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book_of(seats: usize) -> Book {
        Book { seats: Some(seats), lent: BTreeMap::new(), waiting: 0, next: 0 }
    }

    #[test]
    fn no_more_sit_or_are_lent_than_there_are_seats() {
        let mut book = book_of(4);
        let one = book.sit().expect("a seat");
        assert_eq!(book.lend(one, 0), 3);
        assert_eq!(book.sit(), None, "all are lent");
        book.waiting = 1;
        assert_eq!(book.lend(one, 2), 2, "what is not used is taken back");
        let two = book.sit().expect("a seat");
        book.waiting = 0;
        assert_eq!((book.lend(one, 2), book.lend(two, 0)), (2, 0));
        book.lent.remove(&one);
        assert_eq!(book.lend(two, 0), 3);
    }

    #[test]
    fn lies_about_what_is_used_gain_nothing() {
        let mut book = book_of(3);
        let (one, two) = (book.sit().expect("a seat"), book.sit().expect("a seat"));
        book.waiting = 1;
        assert_eq!((book.lend(one, usize::MAX), book.lend(two, 200)), (0, 0));
        assert!(book.sit().is_some());
        assert_eq!(book.free(), 0);
    }
}
