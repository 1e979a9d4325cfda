//! The middleware: what happens to every request before its endpoint and to every answer after it. Each has its own file.
//!
//! [`app`](crate::app) defines their order.

pub(crate) mod access_log;
pub(crate) mod client_address;
pub(crate) mod cors;
pub(crate) mod default_headers;
pub(crate) mod head;
pub(crate) mod rate_limits;
pub(crate) mod request_id;
