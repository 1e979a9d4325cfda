//! Reads a file line by line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read},
    path::Path,
};

use super::ImportError;

/// The greatest length of a line in bytes, so that a file without line ends does not fill the memory. It is MongoDB's
/// limit for a document.
const LINE_MAX: usize = 16 * 1024 * 1024;
/// The number of bytes that are read from the file at once.
const BUFFER: usize = 256 * 1024;
/// The number of bytes at the beginning from which UTF-16 is recognised.
const SAMPLE: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a file with one document per line; `None` if the file does not exist.
pub(super) fn open(directory: &Path, file: &'static str) -> Result<Option<Lines>, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file, source };
    let mut reader = match File::open(directory.join(file)) {
        Ok(opened) => BufReader::with_capacity(BUFFER, opened),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let beginning = reader.fill_buf().map_err(unreadable)?;
    if is_utf16(beginning) {
        return Err(ImportError::Utf16 { file });
    }
    let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    match first_line {
        [b'[', ..] => Err(ImportError::NotLines { file, option: "--jsonArray" }),
        b"{" => Err(ImportError::NotLines { file, option: "--pretty" }),
        _ => Ok(Some(Lines { reader, number: 0 })),
    }
}

/// Recognises UTF-16 by its byte order mark or by zero bytes.
fn is_utf16(beginning: &[u8]) -> bool {
    let sample = &beginning[..beginning.len().min(SAMPLE)];
    sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") || sample.contains(&0)
}

/// The lines of a file, without blank ones.
pub(super) struct Lines {
    reader: BufReader<File>,
    number: u64,
}

/// A line that is not blank.
pub(super) struct Line {
    /// The number of the line, from 1.
    pub(super) number: u64,
    /// `None` if the line is too long.
    pub(super) text: Option<Vec<u8>>,
}

impl Line {
    /// The reason in the report for a line that is too long.
    pub(super) const TOO_LONG: &str = "longer than 16 MiB, and so than any document of MongoDB";
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut text = Vec::new();
            let limit = u64::try_from(LINE_MAX + 1).unwrap_or(u64::MAX);
            match (&mut self.reader).take(limit).read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(error)),
            }
            if text.len() > LINE_MAX && text.last() != Some(&b'\n') {
                let passed_over = skip_line(&mut self.reader);
                return Some(passed_over.map(|()| Line { number: self.number, text: None }));
            }
            // Some editors put a byte order mark at the beginning.
            if self.number == 1 && text.starts_with(BYTE_ORDER_MARK) {
                text.drain(..BYTE_ORDER_MARK.len());
            }
            text.truncate(text.trim_ascii_end().len());
            if !text.trim_ascii_start().is_empty() {
                return Some(Ok(Line { number: self.number, text: Some(text) }));
            }
        }
    }
}

/// Skips the rest of a line without keeping it in memory.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let read = reader.fill_buf()?;
        if read.is_empty() {
            return Ok(());
        }
        let end = read.iter().position(|byte| *byte == b'\n');
        let passed_over = end.map_or(read.len(), |end| end + 1);
        reader.consume(passed_over);
        if end.is_some() {
            return Ok(());
        }
    }
}
