//! `campaignparticipations`.

use gametriggers_domain::{
    ledger::Counters,
    model::{Participation, TrackingLinks},
};
use gametriggers_persistence::{NewParticipation, Repositories, StorageError};
use gametriggers_types::{CampaignId, Money, ParticipationId, ParticipationStatus};

use super::{
    Obstacle,
    fields::{Fields, Problem},
    values::{self, amount, count, number, parsed, text, time, token},
};

const LEFT_OUT: &str = "left out";

pub(super) async fn read(fields: &mut Fields, storage: &Repositories) -> Result<NewParticipation, Obstacle> {
    let id: ParticipationId = fields.required("_id", values::id)?;
    let created_at = fields.time_or_of_id("createdAt", id.object_id());
    let campaign_id = fields.required("campaignId", values::id)?;
    let mut counters = counters(fields)?;
    counters.paid_units = match fields.optional("paidUnits", count)? {
        Some(units) => units,
        None => units_for(fields, storage, campaign_id, counters.earnings).await?,
    };
    let browser_source_token = fields.required("browserSourceToken", token)?;
    let participation = Participation {
        id,
        campaign_id,
        streamer_id: fields.required("streamerId", values::id)?,
        status: fields.optional("status", parsed)?.unwrap_or(ParticipationStatus::Active),
        counters,
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
    Ok(NewParticipation { participation, other_fields: fields.rest()? })
}

/// All but `paid_units`.
fn counters(fields: &mut Fields) -> Result<Counters, Problem> {
    let mut counter = |key| fields.optional(key, count);
    let impressions = match counter("impressions")? {
        Some(impressions) => impressions,
        // Its name until June 2025.
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

/// The paid units that earnings from before the ledger stand for.
async fn units_for(
    fields: &mut Fields,
    storage: &Repositories,
    campaign: CampaignId,
    earnings: Money,
) -> Result<u64, StorageError> {
    let found = storage.campaigns.find_by_id(campaign).await?;
    if found.is_none() {
        fields.note("campaignId", &format!("there is no campaign {campaign}; no unit counts as paid so far"));
    }
    Ok(found.map_or(0, |campaign| campaign.payment.units_for(earnings)))
}

/// It was a concatenated text for a while (defect M16).
fn average_viewers(fields: &mut Fields) -> f64 {
    let average = |value: &_| match number(value)? {
        average if average < 0.0 => Err("less than 0".to_owned()),
        average => Ok(average),
    };
    fields.usable("avgViewerCount", average, "0 is used").unwrap_or(0.0)
}
