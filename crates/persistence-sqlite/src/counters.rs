//! The eleven counter columns that participations, openings and rollups share, and how values are added to them.

use gametriggers_domain::ledger::Counters;
use rusqlite::{Connection, ToSql};

use crate::{
    error::DbResult,
    row::{EntityRow, signed},
};

/// The names of the columns, in the order of [`values`].
pub(crate) const COLUMNS: &str = "impressions, clicks, chat_clicks, qr_scans, link_clicks, visits, paid_units, earnings_micros, \
     peak_viewers, viewer_sum, viewer_samples";
/// The only column that is not a sum.
pub(crate) const PEAK: &str = "peak_viewers";
/// The placeholders for [`values`].
pub(crate) const PLACES: &str = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
/// Adds the values of an insertion to the row that exists already.
pub(crate) const ADD: &str = "impressions = impressions + excluded.impressions, clicks = clicks + excluded.clicks, \
     chat_clicks = chat_clicks + excluded.chat_clicks, qr_scans = qr_scans + excluded.qr_scans, \
     link_clicks = link_clicks + excluded.link_clicks, visits = visits + excluded.visits, \
     paid_units = paid_units + excluded.paid_units, earnings_micros = earnings_micros + excluded.earnings_micros, \
     peak_viewers = max(peak_viewers, excluded.peak_viewers), viewer_sum = viewer_sum + excluded.viewer_sum, \
     viewer_samples = viewer_samples + excluded.viewer_samples";

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
        (PEAK, signed(counters.peak_viewers)),
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

/// Adds to the counters of a participation, and makes their row if there is none yet.
pub(crate) fn add(db: &Connection, participation: &str, added: &Counters) -> DbResult<()> {
    if *added == Counters::default() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO participation_counters (participation_id, {COLUMNS}) VALUES (?, {PLACES}) \
         ON CONFLICT (participation_id) DO UPDATE SET {ADD}"
    );
    db.prepare_cached(&sql)?.execute(&*with(&[&participation], &values(added), &[]))?;
    Ok(())
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
