//! Decides which campaigns may be on which screen at a given time.

use gametriggers_types::{
    CampaignStatus, Minute, ParticipationStatus, SelectionSettings, Slot, Timestamp, WebUrl,
};

pub use crate::decision::EmptyReason;
use crate::model::{Campaign, Participation, User};

/// Why a campaign may not be shown on the screen of a participation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// The participation's status is not active.
    ParticipationNotActive,
    /// The campaign's status is not active, or the campaign has not begun or has ended.
    CampaignNotActive,
    /// The remaining budget does not pay for one more unit.
    BudgetExhausted,
    /// The media URL is not a valid [`WebUrl`].
    MediaNotDisplayable,
}

/// Whether one of the streamer's blackout periods is in force, in the streamer's time zone.
#[must_use]
pub fn in_blackout(settings: &SelectionSettings, now: Timestamp) -> bool {
    if settings.blackouts.is_empty() {
        return false;
    }
    let local = settings.time_zone.local_time(now);
    settings.blackouts.iter().any(|period| period.covers(local))
}

/// Until when a campaign that may be shown at `from` may stay on screen: the end of the slot, the beginning of a
/// blackout period or the end of the campaign, whichever is first. Uses only what is known at `from`.
#[must_use]
pub fn shown_until(
    settings: &SelectionSettings,
    campaign: &Campaign,
    from: Timestamp,
    slot: Slot,
) -> Timestamp {
    let slot_end = slot.end();
    let minutes = Minute::containing(from).since_epoch() + 1..Minute::containing(slot_end).since_epoch();
    // At most 60 minutes have to be checked, because a slot has at most 60, and blackout periods begin on whole
    // minutes.
    let blackout = (!settings.blackouts.is_empty())
        .then(|| minutes.map(Minute::from_epoch).find(|minute| in_blackout(settings, minute.start())))
        .flatten();
    [blackout.map(Minute::start), campaign.end_date].into_iter().flatten().fold(slot_end, Timestamp::min)
}

/// Until when a screen that is empty at `now` stays empty if no settings, statuses or budgets change. A blackout period
/// may end at the next whole minute, and a campaign that the streamer has joined may begin.
#[must_use]
pub fn empty_until(user: &User, joined: &[(Participation, Campaign)], now: Timestamp) -> Timestamp {
    let next_minute = Minute::from_epoch(Minute::containing(now).since_epoch() + 1).start();
    let blackout = (!user.selection.blackouts.is_empty()).then_some(next_minute);
    let begin = joined.iter().filter_map(|(_, campaign)| campaign.start_date).filter(|begin| now < *begin);
    begin.chain(blackout).min().unwrap_or(Timestamp::MAX)
}

/// Why the streamer's screen must be empty; `None` if a campaign may be shown.
#[must_use]
pub fn screen_hindrance(user: &User, now: Timestamp) -> Option<EmptyReason> {
    if !user.is_active || !user.role.is_streamer() {
        Some(EmptyReason::StreamerInactive)
    } else if in_blackout(&user.selection, now) {
        Some(EmptyReason::Blackout)
    } else {
        None
    }
}

/// The period `[from, until)` in which visits through the participation's link count: the campaign's dates, if
/// streamer, participation and campaign are active. `None` if visits do not count. Budget and media do not matter.
#[must_use]
pub fn visits_count(
    streamer: &User,
    campaign: &Campaign,
    participation: &Participation,
) -> Option<(Timestamp, Timestamp)> {
    let is_active = streamer.is_active
        && participation.status == ParticipationStatus::Active
        && campaign.status == CampaignStatus::Active;
    let dates = (campaign.start_date.unwrap_or(Timestamp::MIN), campaign.end_date.unwrap_or(Timestamp::MAX));
    is_active.then_some(dates)
}

/// Why this campaign may not be shown on this participation's screen; `None` if it may.
#[must_use]
pub fn hindrance(campaign: &Campaign, participation: &Participation, now: Timestamp) -> Option<Hindrance> {
    let begun = campaign.start_date.is_none_or(|start| start <= now);
    let ended = campaign.end_date.is_some_and(|end| end <= now);
    if participation.status != ParticipationStatus::Active {
        Some(Hindrance::ParticipationNotActive)
    } else if campaign.status != CampaignStatus::Active || !begun || ended {
        Some(Hindrance::CampaignNotActive)
    } else if WebUrl::parse(&campaign.media_url).is_err() {
        Some(Hindrance::MediaNotDisplayable)
    } else if !campaign.payment.affords_next(participation.counters.paid_units, campaign.remaining_budget) {
        Some(Hindrance::BudgetExhausted)
    } else {
        None
    }
}
