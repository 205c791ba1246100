//! shuttle's options.

use std::path::PathBuf;
use std::time::Duration;

/// shuttle's options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Accepted: stacks are the engine's.
    pub stack_size: usize,
    /// Accepted: a failure is told in the panic's message.
    pub failure_persistence: FailurePersistence,
    /// Accepted: the engine's own limit holds.
    pub max_steps: MaxSteps,
    /// How long an exploration may take; heeded under rc11.
    pub max_time: Option<Duration>,
    /// Accepted: there are none.
    pub silence_warnings: bool,
    /// Accepted: nothing is traced.
    pub record_steps_in_span: bool,
    /// Accepted: a failed execution ends as the engine has it.
    pub ungraceful_shutdown_config: UngracefulShutdownConfig,
}

/// When an execution is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxSteps {
    /// Never.
    None,
    /// It fails after so many steps.
    FailAfter(usize),
    /// It is given up after so many steps.
    ContinueAfter(usize),
}

/// Where the schedule of a failure goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePersistence {
    /// Nowhere.
    None,
    /// Into the message.
    Print,
    /// Into a file of this folder; here into the message.
    File(Option<PathBuf>),
}

/// What shuttle does when an execution fails.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct UngracefulShutdownConfig {
    /// Accepted.
    pub immediately_return_on_panic: bool,
    /// Accepted.
    pub continuation_function_behavior: ContinuationFunctionBehavior,
}

impl UngracefulShutdownConfig {
    /// shuttle's defaults.
    #[must_use]
    pub const fn new() -> Self {
        UngracefulShutdownConfig {
            immediately_return_on_panic: false,
            continuation_function_behavior: ContinuationFunctionBehavior::new(),
        }
    }
}

/// What becomes of tasks that a failed execution has not begun.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum ContinuationFunctionBehavior {
    /// They are dropped.
    Drop,
    /// They are leaked.
    #[default]
    Leak,
}

impl ContinuationFunctionBehavior {
    /// shuttle's default.
    #[must_use]
    pub const fn new() -> Self {
        ContinuationFunctionBehavior::Leak
    }
}

impl Config {
    /// shuttle's defaults.
    #[must_use]
    pub fn new() -> Self {
        Config {
            stack_size: 0xf000,
            failure_persistence: FailurePersistence::Print,
            max_steps: MaxSteps::FailAfter(1_000_000),
            max_time: None,
            silence_warnings: false,
            record_steps_in_span: false,
            ungraceful_shutdown_config: UngracefulShutdownConfig::new(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
