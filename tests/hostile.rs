//! Designs that do their worst, each with the verdict that it is to get; the whole of it by `ci/hostile.sh`, which takes
//! its time.
//!
//! They wait for limits more than they compute: several at a time.

#[path = "it/hostile/mod.rs"]
mod cases;
#[allow(dead_code, reason = "the other tests use more of it")]
#[path = "it/support.rs"]
mod support;

use libtest_mimic::{Arguments, Trial};
use std::num::NonZero;

/// Tests at a time, for each core.
const FOR_EACH_CORE: usize = 2;

macro_rules! trials {
    ($($module:ident: $($name:ident)+;)+) => {
        vec![$($(Trial::test(concat!(stringify!($module), "::", stringify!($name)), || {
            cases::$module::$name();
            Ok(())
        })),+),+]
    };
}

fn main() -> std::process::ExitCode {
    let trials = trials! {
        designs:
            a_design_that_does_not_do_the_same_twice_is_never_safe
            threads_and_objects_that_no_checker_knows_are_never_safe
            every_end_is_told_by_what_it_is
            nothing_that_a_worker_writes_is_trusted
            closures_beside_the_actors_take_nothing_down
            what_takes_long_is_out_of_time_and_no_hang
            what_stands_still_is_told_by_its_loops_and_locks
            a_panic_of_a_checker_is_told_as_one
            a_lock_that_is_read_twice_is_named
            safe_code_breaks_no_memory;
        harness:
            the_harness_says_the_same
            a_damaged_page_is_named_and_left_alone;
        leaks:
            nothing_outlives_a_run
            signals_leave_nothing_behind
            run_after_run_is_the_same
            behind_the_lock_of_another_run_it_says_so_and_obeys;
        surroundings:
            a_scenario_function_takes_no_other_scenario_down
            no_control_character_of_a_name_reaches_a_terminal
            a_result_that_was_not_written_is_no_success
            an_argument_that_is_no_text_is_a_usage_error
            variables_of_the_checkers_change_nothing
            without_a_folder_for_temporary_files_no_witness_is_lost
            below_a_limit_of_the_system_it_works_or_says_why_not
            where_no_more_processes_can_be_started_it_says_so
            files_that_are_no_regular_files_do_not_block
            mutated_tokens_take_no_memory_and_nothing_down
            what_is_printed_without_end_is_cut_and_it_is_said;
    };
    let mut arguments = Arguments::from_args();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(FOR_EACH_CORE * cores);
    libtest_mimic::run(&arguments, trials).exit_code()
}
