//! How many processes of a run may compute at the same time: workers, and those that help them explore.
//!
//! A worker has a seat from its start to its end; an exploration that lasts takes further ones for helpers
//! while nobody sits there. Limit: a run knows its own processes only. Several runs at once, as under a test
//! runner that starts a process for each test, each have as many seats as they were given.

use super::interrupt;
use super::mapping::{Shared, path_for_others};
use crate::engine::{Holder, Slots};
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// The slots of this run and the file behind them; `None` if the system has no memory for them.
static SLOTS: OnceLock<Option<(Shared<Slots>, File)>> = OnceLock::new();

fn slots() -> anyhow::Result<&'static (Shared<Slots>, File)> {
    let made = SLOTS.get_or_init(|| {
        let made = Shared::<Slots>::create("selvedge-slots").ok()?;
        made.0.get().open(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        Some(made)
    });
    made.as_ref().context("cannot share memory with workers")
}

/// Has this run compute with up to so many processes at a time; as many as there are cores, if nobody says.
pub(crate) fn limit(jobs: usize) {
    if let Ok((slots, _)) = slots() {
        slots.get().open(jobs);
    }
}

/// The place of a worker, given back with all that its helpers have taken when dropped.
pub(crate) struct Seat {
    slots: &'static Slots,
    slot: usize,
    worker: Option<u32>,
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
/// If the run is interrupted, or if the system has no memory for seats.
pub(crate) fn take() -> anyhow::Result<(Seat, Place)> {
    let (slots, file) = slots()?;
    let nobody_yet = Holder { family: u32::MAX, process: std::process::id() };
    loop {
        if let Some(slot) = slots.get().claim(nobody_yet) {
            let place = Place { slots: path_for_others(file), slot };
            return Ok((Seat { slots: slots.get(), slot, worker: None }, place));
        }
        if interrupt::interrupted() {
            bail!("interrupted");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Seat {
    /// Says which process sits here.
    pub(crate) fn seat(&mut self, worker: u32) {
        self.worker = Some(worker);
        self.slots.hand_over(self.slot, Holder { family: worker, process: worker });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        match self.worker {
            Some(worker) => self.slots.release_family(worker),
            None => self.slots.release(self.slot),
        }
    }
}
