//! Reads and writes `campaignparticipations`.

use bson::{Document, doc};
use gametriggers_domain::{
    ledger::Counters,
    model::{Participation, TrackingLinks},
    price::Payment,
};
use gametriggers_types::{CampaignId, Money, ParticipationId, ParticipationStatus};

use crate::{
    IN_LEDGER, OPEN_ROLLUP,
    fields::{Fields, Problem},
    values::{
        self, amount, count, number, parsed, stored_count, stored_id, stored_money, stored_time, text, time,
        token,
    },
};

/// The status of a document that stores none.
pub const DEFAULT_STATUS: ParticipationStatus = ParticipationStatus::Active;

const LEFT_OUT: &str = "left out";

/// A participation whose paid units may still be unknown. The previous system did not count paid units; they are
/// calculated from the earnings and the campaign's price.
#[derive(Debug)]
pub struct Unpriced {
    participation: Participation,
    has_paid_units: bool,
}

impl Unpriced {
    /// The campaign whose price is needed to calculate the paid units; `None` if they are stored.
    #[must_use]
    pub fn price_needed(&self) -> Option<CampaignId> {
        (!self.has_paid_units).then_some(self.participation.campaign_id)
    }

    /// The earnings so far.
    #[must_use]
    pub const fn earnings(&self) -> Money {
        self.participation.counters.earnings
    }

    /// The complete participation. `payment` is how its campaign pays, or `None` if the campaign does not exist.
    #[must_use]
    pub fn priced(mut self, payment: Option<&Payment>) -> Participation {
        if !self.has_paid_units {
            let counters = &mut self.participation.counters;
            counters.paid_units = payment.map_or(0, |payment| payment.units_for(counters.earnings));
        }
        self.participation
    }
}

/// Reads a participation from the fields of its document and removes the fields that it reads.
///
/// # Errors
/// [`Problem`] if a required field is missing, or if a field has a wrong value that must not be replaced by a default.
pub fn read(fields: &mut Fields) -> Result<Unpriced, Problem> {
    fields.forget(IN_LEDGER);
    fields.forget(OPEN_ROLLUP);
    fields.mend("chatCommand");
    let id: ParticipationId = fields.required("_id", values::id)?;
    let created_at = fields.time_or_of_id("createdAt", id.object_id());
    let campaign_id = fields.required("campaignId", values::id)?;
    let counters = counters(fields)?;
    let paid_units = fields.optional("paidUnits", count)?;
    let browser_source_token = fields.required("browserSourceToken", token)?;
    let participation = Participation {
        id,
        campaign_id,
        streamer_id: fields.required("streamerId", values::id)?,
        status: fields.optional("status", parsed)?.unwrap_or(DEFAULT_STATUS),
        counters: Counters { paid_units: paid_units.unwrap_or(0), ..counters },
        average_viewers_before: average_viewers(fields),
        browser_source_url: fields
            .usable("browserSourceUrl", text, "it is made from the token")
            .unwrap_or_else(|| format!("/api/v1/overlay/{}", browser_source_token.expose())),
        browser_source_token,
        joined_at: fields.usable("joinedAt", time, "the time of making is used").unwrap_or(created_at),
        tracking: TrackingLinks {
            tracking_url: fields.usable("trackingUrl", text, LEFT_OUT),
            qr_code_url: fields.usable("qrCodeUrl", text, LEFT_OUT),
            chat_command: fields.usable("chatCommand", text, LEFT_OUT),
        },
        created_at,
        updated_at: fields.time_or_of_id("updatedAt", id.object_id()),
    };
    Ok(Unpriced { participation, has_paid_units: paid_units.is_some() })
}

/// The document of a participation. Absent values have no field.
#[must_use]
pub fn write(participation: &Participation) -> Document {
    let counters = &participation.counters;
    let mut document = doc! {
        "_id": stored_id(participation.id.object_id()),
        "campaignId": stored_id(participation.campaign_id.object_id()),
        "streamerId": stored_id(participation.streamer_id.object_id()),
        "status": participation.status.as_str(),
        "impressions": stored_count(counters.impressions),
        "clicks": stored_count(counters.clicks),
        "chatClicks": stored_count(counters.chat_clicks),
        "qrScans": stored_count(counters.qr_scans),
        "linkClicks": stored_count(counters.link_clicks),
        "visits": stored_count(counters.visits),
        "paidUnits": stored_count(counters.paid_units),
        "estimatedEarnings": stored_money(counters.earnings),
        "peakViewerCount": stored_count(counters.peak_viewers),
        "viewerSum": stored_count(counters.viewer_sum),
        "viewerSamples": stored_count(counters.viewer_samples),
        "avgViewerCount": participation.average_viewers_before,
        "browserSourceToken": participation.browser_source_token.expose(),
        "browserSourceUrl": &participation.browser_source_url,
        "joinedAt": stored_time(participation.joined_at),
        "createdAt": stored_time(participation.created_at),
        "updatedAt": stored_time(participation.updated_at),
    };
    document.extend(write_links(&participation.tracking));
    document
}

/// The fields of those tracking links that are present.
#[must_use]
pub fn write_links(links: &TrackingLinks) -> Document {
    let texts = [
        ("trackingUrl", &links.tracking_url),
        ("qrCodeUrl", &links.qr_code_url),
        ("chatCommand", &links.chat_command),
    ];
    texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))).collect()
}

/// Reads the counters except the paid units.
///
/// # Errors
/// [`Problem`] if a counter is not a number of the right kind.
pub fn counters(fields: &mut Fields) -> Result<Counters, Problem> {
    let mut counter = |key| fields.optional(key, count);
    let impressions = match counter("impressions")? {
        Some(impressions) => impressions,
        // The field's name until June 2025.
        None => counter("viewerImpressions")?.unwrap_or(0),
    };
    Ok(Counters {
        impressions,
        clicks: counter("clicks")?.unwrap_or(0),
        chat_clicks: counter("chatClicks")?.unwrap_or(0),
        qr_scans: counter("qrScans")?.unwrap_or(0),
        link_clicks: counter("linkClicks")?.unwrap_or(0),
        visits: counter("visits")?.unwrap_or(0),
        paid_units: 0,
        peak_viewers: counter("peakViewerCount")?.unwrap_or(0),
        viewer_sum: counter("viewerSum")?.unwrap_or(0),
        viewer_samples: counter("viewerSamples")?.unwrap_or(0),
        earnings: fields.optional("estimatedEarnings", amount)?.unwrap_or(Money::ZERO),
    })
}

/// The average from the previous system. The ledger moves it to `avgViewerCountBefore` before it overwrites
/// `avgViewerCount` with the mean of its own samples. Old documents may hold a concatenated text (defect M16).
fn average_viewers(fields: &mut Fields) -> f64 {
    let average = |value: &_| match number(value)? {
        average if average < 0.0 => Err("less than 0".to_owned()),
        average => Ok(average),
    };
    let shown = fields.usable("avgViewerCount", average, "0 is used");
    fields.usable("avgViewerCountBefore", average, "0 is used").or(shown).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_the_ledger_beside_it_is_not_left_over() {
        let id = bson::oid::ObjectId::new();
        let mut fields = Fields::from(doc! {
            "_id": id, "campaignId": id, "streamerId": id, "browserSourceToken": "a-token", "note": "kept",
            IN_LEDGER: true, OPEN_ROLLUP: {"clicks": 1_i64},
        });
        read(&mut fields).unwrap();
        assert_eq!(fields.rest().unwrap(), r#"{"note":"kept"}"#);
    }
}
