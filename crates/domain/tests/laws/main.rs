//! What must hold of selection and eligibility, whatever the campaigns, the counters and the moment.
//!
//! `every_strategy` holds for each strategy of the registry: a new one is covered without a line here. `engine` and
//! `exploration` hold for the draw under any weights. `broadcast` runs `fair-rotation` through whole broadcasts, as the service
//! does, and so do `capped_fair`, and `spacing` with every strategy. `broadcast_so_far` says what strategies are told about the
//! broadcast. `performance` runs its strategy against audiences whose taste is known, `pacing` through whole flights. `stored`
//! holds records of today against those of yesterday. `parameters` says which values are refused. `tables` and `eligibility`
//! compare single rules with numbers that were worked out by hand. A name such as `s4_…` names the defect of the previous system
//! that the test settles.

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
