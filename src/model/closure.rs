//! A closure as a program without actors: its main thread is all there is at first.
//!
//! Limit: only checkers execute it as a program; the real engines call it.

use crate::base::outcome::{Grade, Graded, OutcomeCount};
use crate::rt::context::{self, Options};
use crate::rt::execution;
use crate::rt::model;
use crate::scenario::Exit;
use crate::scenario::program::{Layouts, Program};
use std::alloc::Layout;
use std::ops::Range;
use std::sync::Arc;

/// What is checked.
pub(super) struct Closure(Box<dyn Fn() + Send + Sync>);

/// Why a closure has no states.
const NO_STATES: &str = "a closure has no states: real engines call it";

impl Closure {
    pub(super) fn new(body: impl Fn() + Send + Sync + 'static) -> Self {
        Closure(Box::new(body))
    }

    /// Once, in the current context.
    pub(super) fn call(&self) {
        (self.0)();
    }

    /// One execution, to the end of its last thread.
    fn run(&self) {
        context::set_options(Options { drops_freely: true, ..Options::default() });
        let _nameless = model::nameless_main();
        (self.0)();
        crate::rt::wait_for_others();
        execution::end();
        assert!(model::unheard() == 0, "{}", model::UNHEARD);
        crate::rt::leaks::check();
    }
}

impl Program for Closure {
    fn actors(&self) -> usize {
        0
    }

    fn execute(self: Arc<Self>) -> Option<Graded> {
        self.run();
        None
    }

    fn try_out(self: Arc<Self>) -> Graded {
        self.run();
        Graded { value: "()".to_owned(), grade: Grade::Acceptable, sentence: String::new() }
    }

    fn layouts(&self) -> Layouts {
        let unit = Layout::new::<()>();
        Layouts { state: unit, returned: unit, returned_needs_drop: false }
    }

    unsafe fn make(&self, _states: *mut u8, _count: usize) {
        unreachable!("{NO_STATES}");
    }

    unsafe fn act(&self, _actor: usize, _states: *const u8, _range: Range<usize>, _returns: *mut u8) {
        unreachable!("{NO_STATES}");
    }

    unsafe fn observe(&self, _states: *mut u8, _count: usize, _returns: &[*mut u8], _exits: &[Exit<()>]) {
        unreachable!("{NO_STATES}");
    }

    fn forget_outcomes(&self) {}

    fn outcomes(&self) -> Vec<OutcomeCount> {
        Vec::new()
    }
}
