//! Laws of selection and eligibility. They hold for any campaigns, counters and moments.
//!
//! `every_strategy` tests each strategy of the registry, so a new strategy is covered without a line here. `engine` and
//! `exploration` test the draw under any weights. Three files run whole broadcasts as the service does: `broadcast`
//! with `fair-rotation`, `capped_fair` with its strategy, and `spacing` with every strategy. `broadcast_so_far` tests
//! what strategies are told about the broadcast. `performance` runs its strategy against audiences whose click-through
//! rates are known, and `pacing` runs its strategy through whole flights. `daypart` tests its strategy for any zone and
//! moment. `stored` compares the records of this version with records of earlier versions. `parameters` tests which
//! values are refused. `tables` and `eligibility` compare single rules with numbers that were worked out by hand. A
//! test name such as `s4_…` begins with the defect of the previous system (`docs/defects.md`) that the test covers.

// Helpers of tests fail by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broadcast;
mod broadcast_so_far;
mod capped_fair;
mod daypart;
mod eligibility;
mod engine;
mod every_strategy;
mod exploration;
mod pacing;
mod parameters;
mod performance;
mod spacing;
mod stored;
mod support;
mod tables;
mod whole_broadcasts;
