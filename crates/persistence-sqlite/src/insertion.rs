//! Inserts many documents in one transaction. A document that fails does not affect the others.

use gametriggers_persistence::{Insertion, Insertions, StorageError};
use rusqlite::{Connection, ErrorCode};

use crate::{
    database::{Database, STEP_WITHIN},
    error::{DbError, DbResult},
};

/// Inserts the documents in one transaction, which may take longer than other calls.
pub(crate) async fn insert_all<T: Send + 'static>(
    database: &Database,
    new: Vec<T>,
    insert: fn(&Connection, &T) -> DbResult<Insertion>,
) -> Result<Insertions, StorageError> {
    database.within(STEP_WITHIN).write(move |db| each_by_itself(db, &new, insert)).await
}

/// Inserts each document. A document that cannot be stored leaves nothing behind, and the others are stored.
fn each_by_itself<T>(
    db: &Connection,
    new: &[T],
    insert: fn(&Connection, &T) -> DbResult<Insertion>,
) -> DbResult<Insertions> {
    let run = |sql| db.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    let mut answers = Vec::with_capacity(new.len());
    for new in new {
        run("SAVEPOINT one")?;
        let answer = insert(db, new);
        if answer.is_err() {
            run("ROLLBACK TO one")?;
        }
        run("RELEASE one")?;
        answers.push(match answer {
            Ok(insertion) => Ok(insertion),
            Err(error) if is_of_the_document(&error) => Err(error.neutral()),
            Err(error) => return Err(error),
        });
    }
    Ok(answers)
}

/// Whether the error concerns this document alone, so that the next one may be stored.
fn is_of_the_document(error: &DbError) -> bool {
    match error {
        DbError::Storage(_) => true,
        DbError::Sqlite(error) => {
            matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
        }
    }
}
