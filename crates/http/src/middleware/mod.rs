//! The steps through which every request passes before its endpoint, and every answer after it. Each step has a file.
//!
//! [`app`](crate::app) sets the order of the steps.

pub(crate) mod access_log;
pub(crate) mod client_address;
pub(crate) mod cors;
pub(crate) mod default_headers;
pub(crate) mod head;
pub(crate) mod rate_limits;
pub(crate) mod request_id;
