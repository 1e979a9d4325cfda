//! The eleven counter columns that participations, openings and rollups share.

use gametriggers_domain::ledger::Counters;
use rusqlite::ToSql;

use crate::{
    error::DbResult,
    row::{EntityRow, signed},
};

/// The columns, in the order of [`values`].
pub(crate) const COLUMNS: &str = "impressions, clicks, chat_clicks, qr_scans, link_clicks, visits, paid_units, \
                                  earnings_micros, peak_viewers, viewer_sum, viewer_samples";
/// As many places for values.
pub(crate) const PLACES: &str = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
/// How [`values`] are added to a row, in the same order.
pub(crate) const ADD: &str = "impressions = impressions + ?, clicks = clicks + ?, chat_clicks = chat_clicks + ?, \
     qr_scans = qr_scans + ?, link_clicks = link_clicks + ?, visits = visits + ?, paid_units = paid_units + ?, \
     earnings_micros = earnings_micros + ?, peak_viewers = max(peak_viewers, ?), viewer_sum = viewer_sum + ?, \
     viewer_samples = viewer_samples + ?";

/// Each counter's column and value, money in micro-units.
pub(crate) fn named(counters: &Counters) -> [(&'static str, i64); 11] {
    [
        ("impressions", signed(counters.impressions)),
        ("clicks", signed(counters.clicks)),
        ("chat_clicks", signed(counters.chat_clicks)),
        ("qr_scans", signed(counters.qr_scans)),
        ("link_clicks", signed(counters.link_clicks)),
        ("visits", signed(counters.visits)),
        ("paid_units", signed(counters.paid_units)),
        ("earnings_micros", counters.earnings.micros()),
        ("peak_viewers", signed(counters.peak_viewers)),
        ("viewer_sum", signed(counters.viewer_sum)),
        ("viewer_samples", signed(counters.viewer_samples)),
    ]
}

/// The values in the order of [`COLUMNS`].
pub(crate) fn values(counters: &Counters) -> [i64; 11] {
    named(counters).map(|(_, value)| value)
}

/// Parameters of a statement: `before`, the counters, `after`.
pub(crate) fn with<'a>(
    before: &[&'a dyn ToSql],
    counters: &'a [i64; 11],
    after: &[&'a dyn ToSql],
) -> Vec<&'a dyn ToSql> {
    let counters = counters.iter().map(|value| -> &dyn ToSql { value });
    before.iter().copied().chain(counters).chain(after.iter().copied()).collect()
}

pub(crate) fn read(row: &EntityRow<'_, '_>) -> DbResult<Counters> {
    Ok(Counters {
        impressions: row.count("impressions")?,
        clicks: row.count("clicks")?,
        chat_clicks: row.count("chat_clicks")?,
        qr_scans: row.count("qr_scans")?,
        link_clicks: row.count("link_clicks")?,
        visits: row.count("visits")?,
        paid_units: row.count("paid_units")?,
        earnings: row.money("earnings_micros")?,
        peak_viewers: row.count("peak_viewers")?,
        viewer_sum: row.count("viewer_sum")?,
        viewer_samples: row.count("viewer_samples")?,
    })
}
