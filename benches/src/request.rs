//! Prepared requests. Only the parts that must be new each time are filled in later.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use gametriggers_types::ParticipationId;

/// The placeholder of an event id.
const EVENT_ID_PLACE: &str = "0000000000000000";
/// The user agent of a browser, so that visitors do not count as bots.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A prepared request. If it has an event id or a visitor, new digits are filled in each time it is sent.
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where digits are filled in, and which of the sixteen new ones.
    new: Vec<(usize, Range<usize>)>,
}

impl Request {
    /// Requests what is on the screen of a token.
    pub(crate) fn data(token: &str) -> Self {
        Self::always(format!("GET /api/v1/overlay/{token}/data HTTP/1.1\r\nhost: localhost\r\n\r\n"))
    }

    /// Reports a click under a token. With a receipt, the click is on the display that the receipt names, and otherwise
    /// on what is on screen. Each time it is sent, it is a new click.
    pub(crate) fn click(token: &str, receipt: Option<&str>) -> Self {
        let receipt = receipt.map_or(String::new(), |receipt| format!(r#""receipt":"{receipt}","#));
        let body = format!(r#"{{{receipt}"eventId":"{EVENT_ID_PLACE}"}}"#);
        let text = with_body("POST", &format!("/api/v1/overlay/{token}/click"), "", &body);
        let at = text.len() - EVENT_ID_PLACE.len() - 2;
        Self { bytes: text.into_bytes(), new: vec![(at, 0..EVENT_ID_PLACE.len())] }
    }

    /// Reports the display that a receipt names; without a receipt, the display of what is on screen. It counts once.
    pub(crate) fn display(token: &str, receipt: Option<&str>) -> Self {
        let body = receipt.map_or_else(|| "{}".to_owned(), |receipt| format!(r#"{{"receipt":"{receipt}"}}"#));
        Self::always(with_body("POST", &format!("/api/v1/campaigns/impression/{token}"), "", &body))
    }

    /// Follows a participation's tracking link, as a proxy forwards it. Each time it is sent, the visitor is new and in
    /// a network of its own.
    pub(crate) fn visit(participation: ParticipationId) -> Self {
        let head = format!(
            "GET /c/{participation} HTTP/1.1\r\nhost: localhost\r\nuser-agent: {AGENT}\r\nx-forwarded-for: "
        );
        let at = head.len();
        let text = format!("{head}2000:0000:0000:0000::1\r\n\r\n");
        // The first digit stays 2, as in public addresses. The other fifteen are new.
        let new = vec![(at + 1, 1..4), (at + 5, 4..8), (at + 10, 8..12), (at + 15, 12..16)];
        Self { bytes: text.into_bytes(), new }
    }

    /// Sets the rotation interval of the streamer with this bearer token.
    pub(crate) fn interval(bearer: &str, minutes: u32) -> Self {
        let body = format!(r#"{{"campaignRotationSettings":{{"rotationIntervalMinutes":{minutes}}}}}"#);
        let authorization = format!("authorization: Bearer {bearer}\r\n");
        Self::always(with_body("PUT", "/api/v1/users/me/campaign-selection", &authorization, &body))
    }

    fn always(text: String) -> Self {
        Self { bytes: text.into_bytes(), new: Vec::new() }
    }

    /// Writes the request, with new digits where they are needed.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.bytes);
        if self.new.is_empty() {
            return;
        }
        let digits = new_digits();
        for (at, which) in &self.new {
            into[*at..at + which.len()].copy_from_slice(&digits[which.clone()]);
        }
    }
}

/// A request with a body.
fn with_body(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// Sixteen hexadecimal digits that this process has not used before. The last fifteen are new, too. Ids of real clients
/// are random, so these are not in order either: multiplication by an odd number is a permutation.
fn new_digits() -> [u8; EVENT_ID_PLACE.len()] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut digits = [0; EVENT_ID_PLACE.len()];
    for (place, digit) in digits.iter_mut().enumerate() {
        let shift = 60 - 4 * place;
        *digit = b"0123456789abcdef"[usize::from((number >> shift) as u8 & 0xf)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv6Addr};

    use gametriggers_types::ObjectId;
    use serde_json::Value;

    use super::*;

    /// What is sent, as often as told: heads and bodies.
    fn sent(request: &Request, times: usize) -> Vec<(String, String)> {
        let mut bytes = Vec::new();
        let mut send = || {
            request.write(&mut bytes);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (head.to_owned(), body.to_owned())
        };
        (0..times).map(|_| send()).collect()
    }

    #[test]
    fn each_click_that_is_sent_has_an_event_id_of_its_own_and_all_else_alike() {
        for receipt in [Some("a-receipt"), None] {
            let mut ids = BTreeSet::new();
            for (head, body) in sent(&Request::click("a-token", receipt), 3) {
                assert!(head.starts_with("POST /api/v1/overlay/a-token/click HTTP/1.1\r\n"), "{head}");
                assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
                let json: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(json["receipt"].as_str(), receipt);
                ids.insert(json["eventId"].as_str().unwrap().to_owned());
            }
            assert_eq!(ids.len(), 3, "{ids:?}");
            assert!(ids.iter().all(|id| id.len() == EVENT_ID_PLACE.len()), "{ids:?}");
        }
    }

    #[test]
    fn each_visit_is_somebody_elses_in_another_network() {
        let visits = sent(&Request::visit(ObjectId::from_bytes([1; 12]).into()), 100);
        let network = |head: &str| {
            let address = head.rsplit_once("x-forwarded-for: ").unwrap().1;
            let address: Ipv6Addr = address.parse().unwrap_or_else(|_| panic!("{address}"));
            assert_eq!(address.segments()[0] >> 12, 2, "{address}");
            address.segments()[..4].to_vec()
        };
        let networks: BTreeSet<_> = visits.iter().map(|(head, _)| network(head)).collect();
        assert_eq!(networks.len(), 100);
    }
}
