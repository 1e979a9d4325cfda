//! Runs over one or several instances in a store whose campaigns pay.

use std::fmt;

use super::{Backend, grouped};

/// All events are on one campaign.
pub(crate) const HOT: u32 = 1;
/// The number of campaigns that a server with many viewers may show at once.
pub(crate) const FIFTY: u32 = 50;

/// Events that are sent to one or several instances on one store. The order of the fields puts runs that are compared
/// close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Paying {
    pub(crate) backend: Backend,
    /// The number of campaigns over which the events are spread.
    pub(crate) campaigns: u32,
    pub(crate) cache: Cache,
    pub(crate) sent: Sent,
    /// The number of server processes. The connections are spread evenly over them.
    pub(crate) instances: u32,
}

/// The events that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sent {
    /// Clicks. No campaign pays for them.
    Clicks(Receipts),
    /// Visits, each by a new visitor. Each is paid. They are answered before they are stored.
    Visits,
    /// Displays, each of its own decision. Each is paid.
    Displays(Receipts),
}

/// Whether events name the display that they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Receipts {
    Given,
    Missing,
}

/// What the instances have in memory before the events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cache {
    /// Every instance has read the screens and links.
    Warm,
    /// No instance has read any. Each screen or link has one event.
    Cold,
}

impl Paying {
    /// The same events on so many instances.
    pub(crate) const fn on(self, instances: u32) -> Self {
        Self { instances, ..self }
    }

    /// The same events spread over so many campaigns.
    pub(crate) const fn over(self, campaigns: u32) -> Self {
        Self { campaigns, ..self }
    }

    /// These events in place of the others.
    pub(crate) const fn sending(self, sent: Sent) -> Self {
        Self { sent, ..self }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clicks(Receipts::Given) => "clicks",
            Self::Clicks(Receipts::Missing) => "clicks without receipts",
            Self::Visits => "paid visits",
            Self::Displays(Receipts::Given) => "paid displays",
            Self::Displays(Receipts::Missing) => "paid displays without receipts",
        })
    }
}

impl fmt::Display for Paying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, campaigns, cache, sent, instances } = *self;
        let cold = if cache == Cache::Cold { ", nothing in memory" } else { "" };
        write!(f, "{sent} on {backend}, {}, {}{cold}", on(campaigns), of_instances(instances))
    }
}

/// The number of campaigns as a text.
pub(crate) fn on(campaigns: u32) -> String {
    if campaigns == HOT { "1 campaign".to_owned() } else { format!("{} campaigns", grouped(campaigns)) }
}

/// The number of instances as a text.
pub(crate) fn of_instances(count: u32) -> String {
    if count == 1 { "1 instance".to_owned() } else { format!("{count} instances") }
}
