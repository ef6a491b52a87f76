//! Random programs against a plain model. A program is a list of transactions over a few objects: they look, change,
//! make and remove, hold guards for too long, mistake one type for another, use what is gone, send, refuse and
//! panic. Whatever one of them saw must be what a plain map shows at its place in the commit order, and what
//! the sink was handed must be what it did, once, and nothing else.
//!
//! Alone on one thread, that is a test of every operation. With three threads at once it is a test of
//! serializability by construction: each transaction is judged at the place that the engine gave it (the
//! serial order is known, so none has to be searched for). With the engine broken on purpose the same
//! judgement must fail.

#[path = "../common/mod.rs"]
mod common;
mod judge;
mod model;
mod performance;
mod program;
mod real;
mod run;
mod subject;

use daystar_engine::{Breaks, Settings};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};

use judge::judge;
use program::{crowd, loner};
use run::run;

/// Few enough for every build; more with `PROPTEST_CASES`, others with `PROPTEST_RNG_SEED`.
const CASES: u32 = 64;
const SEED: u64 = 20_080_607;

/// How many programs a broken engine may get right by luck. Nearly all are caught without validation, but only one in
/// forty with unchecked extension, since nothing but a task that leaves nothing behind is harmed by it.
const CASES_UNTIL_CAUGHT: u32 = 2_000;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_thread_does_what_the_model_does(program in loner()) {
        let run = run(&program, Settings::default());
        prop_assert!(run.logs().all(|log| log.attempts.len() == 1), "run again without a conflict");
        judge(&program, &run).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn three_threads_do_what_the_model_does_in_commit_order(program in crowd()) {
        let run = run(&program, Settings::default());
        judge(&program, &run).map_err(TestCaseError::fail)?;
    }

    /// Whatever can go out of memory goes after every task.
    #[test]
    fn three_threads_do_what_the_model_does_when_memory_is_short(program in crowd()) {
        let run = run(&program, common::no_memory());
        judge(&program, &run).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn without_validation_the_model_disagrees() {
    let breaks = Breaks { no_validation: true, ..Breaks::default() };
    assert!(is_caught(breaks), "validation is off, and the model agreed with everything");
}

#[test]
fn with_unchecked_extension_the_model_disagrees() {
    let breaks = Breaks { unchecked_extension: true, ..Breaks::default() };
    assert!(is_caught(breaks), "extension is unchecked, and the model agreed with everything");
}

/// Whether a broken engine is caught with one of many programs: a race need not show in every one.
fn is_caught(breaks: Breaks) -> bool {
    let mut runner = TestRunner::new(config());
    (0..CASES_UNTIL_CAUGHT).any(|_| {
        let program = crowd().new_tree(&mut runner).expect("no program is rejected").current();
        let run = run(&program, Settings { breaks, ..Settings::default() });
        judge(&program, &run).is_err()
    })
}
