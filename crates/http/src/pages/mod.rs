//! The HTML pages: the one that OBS shows, and the plain one for viewers who follow a link.

pub(crate) mod overlay;
pub(crate) mod visit;
