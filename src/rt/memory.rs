//! Memory that an execution has asked for: a use after it was freed, or without an order between the two, is a failure,
//! and no write into what the allocator has.
//!
//! Each use of an atomic or a cell in a block is a read of the block, and that the block is freed is a write. What is
//! freed stays as it was until the execution ends.
//!
//! Limit: under rc11 alone; under the others freed memory stays, too, and nothing is said.

use super::cell::PlainCell;
use super::context;
use super::execution;
use super::leaks;
use super::runtime::Runtime;
use crate::race::Access;
use crate::rt::cell::RawCell;
use crate::rt::pending::Site;
use std::alloc::Layout;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;

/// The blocks of one execution, by address.
#[derive(Default)]
pub(super) struct Blocks(BTreeMap<usize, Block>);

impl Blocks {
    pub(super) const fn new() -> Self {
        Blocks(BTreeMap::new())
    }
}

struct Block {
    memory: *mut u8,
    layout: Layout,
    /// What its uses are followed by.
    cell: Option<Rc<PlainCell>>,
    freed: Option<Site>,
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.freed.is_some() {
            // SAFETY: it was freed by the caller of `free`, and not yet here.
            unsafe { std::alloc::dealloc(self.memory, self.layout) };
        }
    }
}

/// An execution begins, which has no memory.
pub(super) fn begin() {
    if execution::with(|execution| execution.has_blocks.replace(false)) {
        drop(execution::with(|execution| execution.blocks.take()));
    }
}

/// This memory was allocated here.
#[track_caller]
pub(crate) fn allocated(memory: *mut u8, layout: Layout) {
    if memory.is_null() || !context::current().is_model() {
        return;
    }
    leaks::made(memory.addr(), "an allocation", Location::caller(), None::<()>);
    let cell = match super::checker() {
        Some(checker) if super::leaks_are_looked_for() => {
            Some(Rc::new(make!(checker, PlainCell, R => R::cell(false))))
        }
        _ => None,
    };
    let block = Block { memory, layout, cell, freed: None };
    let before = execution::with(|execution| {
        execution.has_blocks.set(true);
        execution.blocks.borrow_mut().0.insert(memory.addr(), block)
    });
    drop(before);
}

/// What lies at this address is used.
///
/// # Panics
/// If it lies in memory that was freed.
#[inline]
#[track_caller]
pub(crate) fn used(address: usize) {
    if execution::with(|execution| execution.has_blocks.get()) {
        used_in_block(address);
    }
}

#[cold]
#[track_caller]
fn used_in_block(address: usize) {
    if !super::leaks_are_looked_for() || std::thread::panicking() {
        return;
    }
    let found = execution::with(|execution| {
        let blocks = execution.blocks.borrow();
        let (begin, block) = blocks.0.range(..=address).next_back()?;
        (address - begin < block.layout.size()).then(|| (block.cell.clone(), block.freed))
    });
    let Some((cell, freed)) = found else { return };
    if let Some(cell) = cell {
        each!(PlainCell, &*cell, cell => cell.access(Access::Read));
    }
    if let Some(site) = freed {
        panic!("memory is used after it was freed at {site}");
    }
}

/// This memory is freed here.
///
/// # Safety
/// As [`std::alloc::dealloc`].
///
/// # Panics
/// If it was freed before, in a model.
#[track_caller]
pub(crate) unsafe fn free(memory: *mut u8, layout: Layout) {
    leaks::freed(memory.addr());
    let here = Location::caller();
    let known = execution::with(|execution| {
        let mut blocks = execution.blocks.borrow_mut();
        let block = blocks.0.get_mut(&memory.addr())?;
        Some((block.cell.clone(), block.freed.replace(here)))
    });
    match known {
        // SAFETY: by the caller's promise.
        None => unsafe { std::alloc::dealloc(memory, layout) },
        Some((_, Some(earlier))) => {
            assert!(std::thread::panicking(), "memory is freed again: it was freed at {earlier}");
        }
        Some((Some(cell), None)) if super::alive() && !std::thread::panicking() => {
            each!(PlainCell, &*cell, cell => cell.access(Access::Write));
        }
        Some((_, None)) => {}
    }
}
