//! A file of lines.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read},
    path::Path,
};

use super::ImportError;

/// Bytes of one line at most, so that one without an end does not fill the memory. It is what MongoDB takes of a document.
const LINE_MAX: usize = 16 * 1024 * 1024;
/// How much is read at once.
const BUFFER: usize = 256 * 1024;
/// Bytes of the beginning by which a file of another form is known.
const SAMPLE: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a file of one document a line; `None` where there is no such file.
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

/// By its byte order mark, or by the zeros that stand beside the letters.
fn is_utf16(beginning: &[u8]) -> bool {
    let sample = &beginning[..beginning.len().min(SAMPLE)];
    sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") || sample.contains(&0)
}

/// The lines of a file that are not blank.
pub(super) struct Lines {
    reader: BufReader<File>,
    number: u64,
}

/// A line that is not blank.
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// `None` where it is too long to be kept.
    pub(super) text: Option<Vec<u8>>,
}

impl Line {
    /// Why a line without a text has none.
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
            // An editor may have put a byte order mark at the beginning.
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

/// Passes over the rest of a line, keeping none of it.
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
