//! Imports `campaignparticipations`.

use async_trait::async_trait;
use gametriggers_documents::{
    Fields, Problem,
    participations::{self, Unpriced},
};
use gametriggers_domain::price::Payment;
use gametriggers_persistence::{Insertions, NewParticipation, Repositories, StorageError};
use gametriggers_types::{CampaignId, Money};

use super::{
    collection::{Collection, Obstacle},
    payments::{Pay, Payments},
};
use crate::new_token;

/// The [`Collection`] of participations.
pub(super) struct Participations {
    payments: Payments,
    renew_tokens: bool,
}

/// A participation whose paid units are not known yet.
pub(super) struct Read {
    unpriced: Unpriced,
    other_fields: String,
}

impl Participations {
    pub(super) fn new(renew_tokens: bool) -> Self {
        Self { payments: Payments::default(), renew_tokens }
    }

    /// How the campaign pays, if that is needed to calculate the paid units.
    ///
    /// If the campaign is missing, the number of paid units is unknown, and all units could be paid again later. So a
    /// participation with earnings is refused until its campaign is imported.
    async fn payment(
        &mut self,
        storage: &Repositories,
        unpriced: &Unpriced,
        notes: &mut Vec<Problem>,
    ) -> Result<Option<Payment>, Obstacle> {
        let Some(campaign) = unpriced.price_needed() else { return Ok(None) };
        let has_earned = unpriced.earnings() > Money::ZERO;
        let problem = match self.payments.of(storage, campaign).await? {
            Pay::Known(payment) => return Ok(Some(payment)),
            Pay::Absent if has_earned => absent(
                campaign,
                ", and what was earned cannot be counted without it; import its campaign, then import again",
            ),
            Pay::Unreadable if has_earned => about(format!(
                "campaign {campaign} cannot be read, and what was earned cannot be counted without it"
            )),
            Pay::Absent => {
                notes.push(absent(campaign, "; nothing of it is shown before it is imported"));
                return Ok(None);
            }
            Pay::Unreadable => return Ok(None),
        };
        Err(problem.into())
    }
}

fn absent(campaign: CampaignId, consequence: &str) -> Problem {
    about(format!("there is no campaign {campaign}{consequence}"))
}

fn about(reason: String) -> Problem {
    Problem { field: "campaignId".into(), reason }
}

#[async_trait]
impl Collection for Participations {
    const FILE: &'static str = "campaignparticipations.json";
    type Read = Read;
    type New = NewParticipation;

    fn read(fields: &mut Fields) -> Result<Read, Problem> {
        let unpriced = participations::read(fields)?;
        Ok(Read { unpriced, other_fields: fields.rest()? })
    }

    async fn settle(
        &mut self,
        storage: &Repositories,
        Read { unpriced, other_fields }: Read,
        notes: &mut Vec<Problem>,
    ) -> Result<NewParticipation, Obstacle> {
        let payment = self.payment(storage, &unpriced, notes).await?;
        let mut participation = unpriced.priced(payment.as_ref());
        if self.renew_tokens {
            let token = new_token()?;
            participation.browser_source_url = format!("/api/v1/overlay/{}", token.expose());
            participation.browser_source_token = token;
        }
        Ok(NewParticipation { participation, other_fields })
    }

    async fn insert_all(
        storage: &Repositories,
        new: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError> {
        storage.participations.insert_all_if_absent(new).await
    }
}
