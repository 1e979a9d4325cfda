//! The caller's address: that of the connection, or the one that the proxies in front of the server report.
//!
//! Each proxy appends the address that it saw to a header. Earlier entries came with the request, so the caller may have made
//! them up.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, Service, ServiceRequest},
    http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, X_FORWARDED_FOR},
    web::Data,
};
use gametriggers_types::NetworkAddress;

use crate::{
    error::ApiError,
    settings::{ForwardedHeader, HttpSettings},
    state::ApiState,
};

/// The address of a request's caller. Endpoints take it as an argument.
#[derive(Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) NetworkAddress);

/// Finds the caller's address once per request and keeps it in the request's extensions.
pub(crate) fn note<S: Service<ServiceRequest>>(request: ServiceRequest, next: &S) -> S::Future {
    if let Some(state) = request.app_data::<Data<ApiState>>() {
        let address = ClientAddress(client_address(request.request(), &state.settings));
        request.extensions_mut().insert(address);
    }
    next.call(request)
}

impl ClientAddress {
    /// Returns the address that [`note`] found.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let noted = request.extensions().get().copied();
        noted.unwrap_or(Self(NetworkAddress::UNKNOWN))
    }
}

impl FromRequest for ClientAddress {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl ForwardedHeader {
    const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }

    /// Reads the address in one element of the header's list.
    fn read(self, element: &str) -> Option<NetworkAddress> {
        match self {
            Self::XForwardedFor => element.parse().ok(),
            Self::Forwarded => node(element)?.parse().ok(),
        }
    }
}

/// Returns the address of the caller. With n trusted proxies, it is the n-th from the end of the list in their header. If there
/// is no trusted proxy, or that entry is missing or no address, it is the address of the connection. If the connection has none,
/// it is [`NetworkAddress::UNKNOWN`].
fn client_address(request: &HttpRequest, settings: &HttpSettings) -> NetworkAddress {
    let peer = || request.peer_addr().map_or(NetworkAddress::UNKNOWN, |peer| peer.ip().into());
    forwarded(request.headers(), settings).unwrap_or_else(peer)
}

fn forwarded(headers: &HeaderMap, settings: &HttpSettings) -> Option<NetworkAddress> {
    let nth_of_list = settings.trusted_proxies.checked_sub(1)?;
    let header = settings.forwarded_header;
    // Several header lines form one list.
    let lines: Vec<_> = headers.get_all(header.name()).map(HeaderValue::as_bytes).collect();
    let element = lines.into_iter().rev().flat_map(elements_from_the_end).nth(nth_of_list)?;
    header.read(std::str::from_utf8(element).ok()?)
}

/// The elements of a list, the last one first. The list is read from its end, because the caller may have written its beginning:
/// a quote that is never closed there must not change how the proxies' entries are read.
fn elements_from_the_end(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    line.rsplit(move |&byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    })
}

/// The value of `for` in an element of `Forwarded`, without the quotes that an address with a colon needs.
fn node(element: &str) -> Option<&str> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    match node.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(node),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const PEER: &str = "198.51.100.9:50001";

    #[track_caller]
    fn assert_read(header: ForwardedHeader, lines: &[&str], trusted_proxies: usize, expected: &str) {
        let mut request = TestRequest::default().peer_addr(PEER.parse().unwrap());
        for line in lines {
            request = request.append_header((header.name(), *line));
        }
        let settings = HttpSettings { trusted_proxies, forwarded_header: header, ..HttpSettings::default() };
        let address = client_address(&request.to_http_request(), &settings);
        assert_eq!(address.to_string(), expected, "{lines:?} behind {trusted_proxies}");
    }

    #[test]
    fn the_entry_of_the_outermost_trusted_proxy_is_the_caller() {
        for (lines, trusted_proxies, expected) in [
            (&["203.0.113.7"][..], 0, "198.51.100.9"),
            (&["203.0.113.7"], 1, "203.0.113.7"),
            (&["203.0.113.7:50001"], 1, "203.0.113.7"),
            (&["[2001:db8::1]:50001"], 1, "2001:db8::1"),
            (&["::ffff:203.0.113.7"], 1, "203.0.113.7"),
            (&["192.0.2.1, 203.0.113.7"], 1, "203.0.113.7"),
            (&["192.0.2.1,203.0.113.7 , 198.51.100.1"], 2, "203.0.113.7"),
            (&["192.0.2.1", "203.0.113.7"], 1, "203.0.113.7"),
            (&["192.0.2.1, 203.0.113.7", "198.51.100.1"], 2, "203.0.113.7"),
            (&["\"192.0.2.1, 203.0.113.7"], 1, "203.0.113.7"),
            (&[], 1, "198.51.100.9"),
            (&["203.0.113.7"], 2, "198.51.100.9"),
            (&["203.0.113.7, unknown"], 1, "198.51.100.9"),
            (&["203.0.113.7,"], 1, "198.51.100.9"),
            (&["203.0.113.7, \u{fc}"], 1, "198.51.100.9"),
            (&[""], 1, "198.51.100.9"),
        ] {
            assert_read(ForwardedHeader::XForwardedFor, lines, trusted_proxies, expected);
        }
        for (lines, trusted_proxies, expected) in [
            (&["for=203.0.113.7"][..], 0, "198.51.100.9"),
            (&["for=203.0.113.7"], 1, "203.0.113.7"),
            (&["For=\"203.0.113.7:50001\";proto=https;by=198.51.100.1"], 1, "203.0.113.7"),
            (&["proto=https; FOR = \"[2001:db8::1]:_a\""], 1, "2001:db8::1"),
            (&["for=192.0.2.1, for=203.0.113.7;host=\"a,b;c\""], 1, "203.0.113.7"),
            (&["for=192.0.2.1;by=\"a, for=203.0.113.7", "for=198.51.100.1"], 2, "203.0.113.7"),
            (&["for=\"192.0.2.1, for=203.0.113.7"], 1, "203.0.113.7"),
            (&["for=\"\\\", for=\"[2001:db8::1]\""], 1, "2001:db8::1"),
            (&["for=203.0.113.7, for=unknown"], 1, "198.51.100.9"),
            (&["for=203.0.113.7, for=_hidden"], 1, "198.51.100.9"),
            (&["for=203.0.113.7, by=203.0.113.8"], 1, "198.51.100.9"),
            (&["for=203.0.113.7;for=203.0.113.8"], 1, "198.51.100.9"),
            (&["203.0.113.7"], 1, "198.51.100.9"),
        ] {
            assert_read(ForwardedHeader::Forwarded, lines, trusted_proxies, expected);
        }
    }

    /// No proxy writes the other header, so the caller may have made it up.
    #[test]
    fn the_other_header_is_not_read() {
        for (header, other) in
            [(FORWARDED, ForwardedHeader::XForwardedFor), (X_FORWARDED_FOR, ForwardedHeader::Forwarded)]
        {
            let request = TestRequest::default().peer_addr(PEER.parse().unwrap());
            let request = request.insert_header((header, "for=203.0.113.7, 203.0.113.7")).to_http_request();
            let settings =
                HttpSettings { trusted_proxies: 1, forwarded_header: other, ..HttpSettings::default() };
            assert_eq!(client_address(&request, &settings).to_string(), "198.51.100.9");
        }
        let nobody = TestRequest::default().to_http_request();
        assert_eq!(client_address(&nobody, &HttpSettings::default()), NetworkAddress::UNKNOWN);
    }
}
