//! A file of lines.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind},
    iter::Peekable,
    path::Path,
};

use super::ImportError;

/// The lines of a file that are not blank, with their numbers from 1.
pub(super) type Lines = Peekable<NumberedLines>;

/// Opens a file of one document a line; `None` where there is no such file.
pub(super) fn open(directory: &Path, file: &'static str) -> Result<Option<Lines>, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file, source };
    let reader = match File::open(directory.join(file)) {
        Ok(opened) => BufReader::new(opened),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut lines = NumberedLines { reader, number: 0 }.peekable();
    let first = match lines.peek() {
        Some(Ok((_, text))) => text.as_slice(),
        Some(Err(_)) | None => b"",
    };
    match first {
        [b'[', ..] => Err(ImportError::NotLines { file, option: "--jsonArray" }),
        b"{" => Err(ImportError::NotLines { file, option: "--pretty" }),
        _ => Ok(Some(lines)),
    }
}

/// See [`Lines`].
pub(super) struct NumberedLines {
    reader: BufReader<File>,
    number: u64,
}

impl Iterator for NumberedLines {
    type Item = io::Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(error)),
            }
            // An editor may have put a byte order mark at the beginning.
            let text =
                if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Some(Ok((self.number, text.to_vec())));
            }
        }
    }
}
