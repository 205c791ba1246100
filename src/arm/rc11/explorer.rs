//! Runs a program along one graph after the other, until none is left.

use super::run::{End, Run};
use crate::explore::rc11::step::WorkList;
use crate::explore::rc11::{Graph, Model};

/// The graphs of one program that are still to be executed.
pub(crate) struct Explorer {
    left: WorkList,
    run: Run,
}

impl Explorer {
    /// An exploration that has not begun.
    pub(crate) fn new(model: Model) -> Self {
        Self { left: vec![Graph::default()], run: Run::new(model) }
    }

    /// Whether every graph has been executed.
    pub(crate) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Graphs that are known and have not been executed.
    pub(crate) fn waiting(&self) -> usize {
        self.left.len()
    }

    /// Takes the graph that comes next out of the exploration.
    pub(crate) fn take(&mut self) -> Option<Graph> {
        self.left.pop()
    }

    /// Executes `main`, the main thread of the program, along the next graph. `None` if there is none.
    pub(crate) fn execute(&mut self, main: Box<dyn FnOnce()>) -> Option<End> {
        let graph = self.left.pop()?;
        Some(self.run.execute(graph, &mut self.left, main))
    }

    /// The graph that was executed last.
    pub(crate) fn graph(&self) -> &Graph {
        self.run.graph()
    }
}
