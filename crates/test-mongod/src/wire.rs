//! Sends single commands to a server in MongoDB's wire protocol.
//!
//! The commands for starting and stopping (`hello`, `replSetInitiate`, `shutdown`) do not need the driver. It takes a
//! minute to build, and `cargo xtask` would have to wait for that before it could even check the formatting.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use bson::Document;

/// The opcode of messages that carry commands and answers.
const OP_MSG: i32 = 2013;
/// Length, request id, id of the request answered, opcode; then the flags and the kind of the only section.
const HEADER_LEN: usize = 4 * 4 + 4 + 1;
/// The limit for an answer, larger than any that is expected here.
const MAX_MESSAGE_LEN: usize = 48_000_000;
/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a command, which contains its database's name, to the server at this port. Returns the answer.
pub(crate) fn run_command(port: u16, command: &Document) -> anyhow::Result<Document> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("cannot connect")?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(&message(command)?)?;

    let mut length = [0; 4];
    stream.read_exact(&mut length).context("no answer")?;
    let length = usize::try_from(i32::from_le_bytes(length))?;
    ensure!((HEADER_LEN..MAX_MESSAGE_LEN).contains(&length), "an answer of {length} bytes");
    let mut rest = vec![0; length - 4];
    stream.read_exact(&mut rest).context("the answer breaks off")?;
    Ok(Document::from_reader(&rest[HEADER_LEN - 4..])?)
}

/// An `OP_MSG` message with the command as its only section.
fn message(command: &Document) -> anyhow::Result<Vec<u8>> {
    let body = command.to_vec()?;
    let length = i32::try_from(HEADER_LEN + body.len())?;
    let mut message = Vec::with_capacity(HEADER_LEN + body.len());
    for word in [length, 1, 0, OP_MSG, 0] {
        message.extend(word.to_le_bytes());
    }
    message.push(0);
    message.extend(body);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_command_is_sent_whole_and_the_answer_is_read_whole() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let command = doc! {"hello": 1, "$db": "admin"};
        let expected = message(&command).unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut received = vec![0; expected.len()];
            stream.read_exact(&mut received).unwrap();
            assert_eq!(received, expected);
            stream.write_all(&message(&doc! {"ok": 1.0, "setName": "rs0"}).unwrap()).unwrap();
        });
        assert_eq!(run_command(port, &command).unwrap(), doc! {"ok": 1.0, "setName": "rs0"});
        server.join().unwrap();
    }

    #[test]
    fn a_message_says_its_own_length() {
        let message = message(&doc! {"hello": 1}).unwrap();
        assert_eq!(
            usize::try_from(i32::from_le_bytes(message[..4].try_into().unwrap())).unwrap(),
            message.len()
        );
    }
}
