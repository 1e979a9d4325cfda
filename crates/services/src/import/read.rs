//! Reading ahead: while the store takes one batch, the next is read from the file.

use std::io;

use gametriggers_documents::{Fields, Problem};
use gametriggers_types::ObjectId;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    Remark,
    lines::{Line, Lines},
};

/// Lines of a batch at most. The store makes a batch durable as one, so that the more there are in it, the less each costs.
const BATCH_LINES: usize = 5_000;
/// Bytes of a batch's lines, beyond which no other line is added.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Batches that wait for the store.
const WAITING: usize = 1;

/// What some lines of a file hold.
pub(super) struct Batch<T> {
    /// The first line.
    pub(super) first: u64,
    /// The last line.
    pub(super) last: u64,
    /// The documents, in order.
    pub(super) documents: Vec<Document<T>>,
    /// The lines that hold none.
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

/// Begins to read; what is received is in the order of the file.
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
            // Nobody receives any more where the store has failed.
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
