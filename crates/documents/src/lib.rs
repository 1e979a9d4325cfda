//! The documents of `users`, `campaigns` and `campaignparticipations`, in the form in which the previous system stored
//! them and this one goes on storing them in MongoDB.
//!
//! Owns which stored field becomes what of the model, and back: one file per collection, read beside the list of fields
//! in it. The same documents come from a line of an export and from a database, so there is one reader for both. It
//! takes whatever the previous system could store: absent fields get its defaults, numbers are read from every numeric
//! type, values that cannot be used are noted and replaced. What cannot be a document at all is a [`Problem`] that
//! names the field. Nothing here shows a token, an e-mail address or a password.
//!
//! Knows no driver, no file and no store. A new field is read and written in its collection's file, and nowhere else.

pub mod campaigns;
mod decimal;
mod extended_json;
mod fields;
pub mod participations;
mod stored;
pub mod users;
pub mod values;

pub use fields::{Fields, Problem};

/// True in a document of MongoDB whose opening entry is in the ledger beside it. It says nothing about another store, so
/// an import leaves it out.
pub const IN_LEDGER: &str = "inLedger";
/// In a participation of MongoDB, what its entries of the latest quarter-hour add up to. An import leaves it out, too.
pub const OPEN_ROLLUP: &str = "openRollup";
