//! Reads ahead: while the store inserts one batch, the next is read from the file.

use std::io;

use gametriggers_documents::{Fields, Problem};
use gametriggers_types::ObjectId;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    Remark,
    lines::{Line, Lines},
};

/// The greatest number of lines in a batch. The store makes a whole batch durable in one step, so larger batches cost less per
/// document.
const BATCH_LINES: usize = 5_000;
/// No further line is added to a batch whose lines have this many bytes.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The number of batches that may wait for the store.
const WAITING: usize = 1;

/// The contents of several lines of a file.
pub(super) struct Batch<T> {
    /// The number of the first line.
    pub(super) first: u64,
    /// The number of the last line.
    pub(super) last: u64,
    /// The documents, in order.
    pub(super) documents: Vec<Document<T>>,
    /// The lines that could not be read as documents.
    pub(super) refused: Vec<Remark>,
}

/// A document that was read.
pub(super) struct Document<T> {
    pub(super) origin: Origin,
    pub(super) read: T,
    pub(super) notes: Vec<Problem>,
}

/// Where a document comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) file: &'static str,
    pub(super) line: u64,
    pub(super) id: Option<ObjectId>,
}

impl Origin {
    pub(super) fn remark(self, Problem { field, reason }: Problem) -> Remark {
        let Self { file, line, id } = self;
        Remark { file, line, id, field: Some(field.into_owned()), reason }
    }
}

/// Starts reading. The batches arrive in the order of the file.
pub(super) fn ahead<T: Send + 'static>(
    file: &'static str,
    lines: Lines,
    read: fn(&mut Fields) -> Result<T, Problem>,
) -> mpsc::Receiver<io::Result<Batch<T>>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    spawn_blocking(move || {
        let mut lines = lines.peekable();
        while lines.peek().is_some() {
            let batch = next_batch(file, &mut lines, read);
            let has_failed = batch.is_err();
            // If the store has failed, nobody receives the batches.
            if sender.blocking_send(batch).is_err() || has_failed {
                return;
            }
        }
    });
    receiver
}

fn next_batch<T>(
    file: &'static str,
    lines: &mut impl Iterator<Item = io::Result<Line>>,
    read: fn(&mut Fields) -> Result<T, Problem>,
) -> io::Result<Batch<T>> {
    let mut batch = Batch { first: 0, last: 0, documents: Vec::new(), refused: Vec::new() };
    let (mut count, mut bytes) = (0, 0);
    while count < BATCH_LINES && bytes < BATCH_BYTES {
        let Some(line) = lines.next() else { break };
        let Line { number, text } = line?;
        batch.first = if count == 0 { number } else { batch.first };
        batch.last = number;
        count += 1;
        bytes += text.as_ref().map_or(0, Vec::len);
        match read_line(file, number, text.as_deref(), read) {
            Ok(document) => batch.documents.push(document),
            Err(remark) => batch.refused.push(remark),
        }
    }
    Ok(batch)
}

fn read_line<T>(
    file: &'static str,
    line: u64,
    text: Option<&[u8]>,
    read: fn(&mut Fields) -> Result<T, Problem>,
) -> Result<Document<T>, Remark> {
    let fields = text.ok_or_else(|| Line::TOO_LONG.to_owned()).and_then(Fields::parse);
    let mut fields = fields.map_err(|reason| Remark { file, line, id: None, field: None, reason })?;
    let origin = Origin { file, line, id: fields.id() };
    let read = read(&mut fields).map_err(|problem| origin.remark(problem))?;
    Ok(Document { origin, read, notes: fields.into_notes() })
}
