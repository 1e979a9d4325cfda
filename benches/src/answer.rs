//! Finds the end of an HTTP answer.

use std::ops::Range;

use anyhow::{Context, ensure};

/// More headers than any server here sends.
const HEADERS_MAX: usize = 32;

/// The status and the position of the body; `None` while the answer is incomplete.
///
/// # Errors
/// If this is not an HTTP answer, or one without `content-length`.
pub(crate) fn parse(received: &[u8]) -> anyhow::Result<Option<(u16, Range<usize>)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(received).context("no HTTP answer")? else {
        return Ok(None);
    };
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("an answer without content-length")?.value;
    let length: usize = std::str::from_utf8(length)?.trim().parse().context("content-length")?;
    let end = head + length;
    ensure!(received.len() <= end, "more than was asked for");
    let status = answer.code.context("an answer without status")?;
    Ok((received.len() == end).then_some((status, head..end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 201 Created\r\nContent-Length: 16\r\ncontent-type: application/json\r\n\r\n{\"success\":true}";

    #[test]
    fn an_answer_is_there_when_its_last_byte_is_wherever_the_reads_split_it() {
        for received in 0..ANSWER.len() {
            assert_eq!(parse(&ANSWER[..received]).unwrap(), None, "{received}");
        }
        let (status, body) = parse(ANSWER).unwrap().unwrap();
        assert_eq!((status, &ANSWER[body]), (201, &b"{\"success\":true}"[..]));
    }

    #[test]
    fn an_answer_whose_end_is_unknown_or_that_goes_on_is_refused() {
        let refused = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert!(refused("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").contains("content-length"));
        assert!(refused("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP").contains("more than"));
        assert!(refused("SSH-2.0-OpenSSH\r\n").contains("no HTTP answer"));
    }
}
