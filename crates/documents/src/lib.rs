//! The documents of `users`, `campaigns` and `campaignparticipations` in the form of the previous system, which MongoDB
//! still uses.
//!
//! Owns the mapping from stored fields to the model and back, with one file for each collection. Documents come from
//! lines of an export and from a database, and one reader serves both.
//!
//! The reader accepts whatever the previous system could store. Missing fields get the previous system's defaults,
//! numbers may have any numeric type, and unusable values are noted and replaced. A document that cannot be read gives
//! a [`Problem`] that names the field. Messages of this crate never show tokens, e-mail addresses or passwords.
//!
//! Knows no driver, no file and no store. To add a field, change only the file of its collection.

pub mod campaigns;
mod decimal;
mod extended_json;
mod fields;
pub mod participations;
mod stored;
pub mod users;
pub mod values;

pub use fields::{Fields, Problem};

/// In MongoDB, a document has this field with the value true if its opening entry is in the ledger of the same
/// database. It says nothing about another store, so an import drops it.
pub const IN_LEDGER: &str = "inLedger";
/// In MongoDB, a participation has the sums of its entries of the latest quarter-hour in this field. An import drops
/// it.
pub const OPEN_ROLLUP: &str = "openRollup";
