//! `campaignparticipations`.

use gametriggers_documents::{Fields, participations};
use gametriggers_domain::price::Payment;
use gametriggers_persistence::{NewParticipation, Repositories, StorageError};
use gametriggers_types::CampaignId;

use super::Obstacle;

pub(super) async fn read(fields: &mut Fields, storage: &Repositories) -> Result<NewParticipation, Obstacle> {
    let unpriced = participations::read(fields)?;
    let payment = match unpriced.price_needed() {
        Some(campaign) => payment_of(fields, storage, campaign).await?,
        None => None,
    };
    Ok(NewParticipation { participation: unpriced.priced(payment.as_ref()), other_fields: fields.rest()? })
}

async fn payment_of(
    fields: &mut Fields,
    storage: &Repositories,
    campaign: CampaignId,
) -> Result<Option<Payment>, StorageError> {
    let found = storage.campaigns.find_by_id(campaign).await?;
    if found.is_none() {
        fields.note("campaignId", &format!("there is no campaign {campaign}; no unit counts as paid so far"));
    }
    Ok(found.map(|campaign| campaign.payment))
}
