//! A progress line on standard error, where that is a terminal; nothing anywhere else.

use crate::engine::Shrinking;
use crate::report::plain;
use crate::runner::Event;
use crate::scenario::Engine;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::time::Duration;

/// How far a run is.
pub(super) struct Progress {
    bar: ProgressBar,
    /// What is being executed, oldest first.
    current: RefCell<Vec<String>>,
}

impl Progress {
    /// A progress line for so many cells.
    pub(super) fn new(cells: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(cells as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} cells, {elapsed}  {wide_msg}")
        {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, current: RefCell::default() }
    }

    /// Follows the run.
    pub(super) fn note(&self, event: &Event<'_>) {
        match event {
            Event::Begun { design, engine } => {
                let mut current = self.current.borrow_mut();
                current.push(format!("{} on {engine}", plain::name(design)));
                let recent = current.len().saturating_sub(2);
                self.bar.set_message(current[recent..].join(", "));
            }
            Event::Shrinking { design, engine, how_far } => {
                self.bar.set_message(shrinking(design, *engine, *how_far));
            }
            Event::Done => self.bar.inc(1),
            Event::Row { .. } | Event::Finished(_) => {}
        }
    }

    /// Takes the line away while something else is printed.
    pub(super) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Takes the line away for good.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn shrinking(design: &str, engine: Engine, how_far: Shrinking) -> String {
    let Shrinking { tried, operations } = how_far;
    let design = plain::name(design);
    format!("shrinking {design} on {engine}: {operations} operations left, {tried} programs tried")
}
