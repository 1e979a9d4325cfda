//! The HTML pages: the overlay page for OBS, and the plain page for viewers who follow a link.

pub(crate) mod overlay;
pub(crate) mod visit;
