//! Who and what there is to try.

use anyhow::Context;
use gametriggers_domain::{
    ledger::Counters,
    model::{Campaign, Participation, TrackingLinks, User},
    price::Payment,
};
use gametriggers_persistence::{NewCampaign, NewParticipation, NewUser};
use gametriggers_services::{Storage, new_token};
use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, MediaType, Money, ObjectId, OverlaySettings, ParticipationId,
    ParticipationStatus, PaymentType, Role, RotationInterval, SelectionSettings, Timestamp, UserId,
};

use super::media;

/// A campaign of the demo.
struct Sponsor {
    title: &'static str,
    file: &'static str,
    media_type: MediaType,
    payment_type: PaymentType,
    rate_units: i64,
    budget_units: i64,
}

const SPONSORS: [Sponsor; 4] = [
    Sponsor {
        title: "Nimbus Keyboards",
        file: "nimbus-keyboards.png",
        media_type: MediaType::Image,
        payment_type: PaymentType::Cpm,
        rate_units: 1_660,
        budget_units: 5_000,
    },
    Sponsor {
        title: "Volt Energy",
        file: "volt-energy.png",
        media_type: MediaType::Image,
        payment_type: PaymentType::Cpm,
        rate_units: 1_245,
        budget_units: 8_000,
    },
    Sponsor {
        title: "Pixel Forge Hosting",
        file: "pixel-forge-hosting.png",
        media_type: MediaType::Image,
        payment_type: PaymentType::Cpc,
        rate_units: 12,
        budget_units: 3_000,
    },
    Sponsor {
        title: "Orbit Headsets",
        file: "orbit-headsets.webm",
        media_type: MediaType::Video,
        payment_type: PaymentType::Fixed,
        rate_units: 2_500,
        budget_units: 10_000,
    },
];

/// Stores what is missing of the demo's documents and returns the streamer as stored.
pub(super) async fn fill(storage: &Storage, now: Timestamp) -> anyhow::Result<User> {
    let brand = user(UserId::from(fixed_id(1)), "Demo Brands", Role::Brand, now);
    let streamer = user(UserId::from(fixed_id(2)), "demo_streamer", Role::Streamer, now);
    for user in [&brand, &streamer] {
        let new = NewUser { user: user.clone(), password_hash: None, other_fields: "{}".to_owned() };
        storage.users.insert_if_absent(&new).await?;
    }
    storage.users.ensure_overlay_token(streamer.id, &new_token()?).await?;
    for (number, sponsor) in (10..).zip(&SPONSORS) {
        let campaign = campaign(CampaignId::from(fixed_id(number)), sponsor, brand.id, now)?;
        let token = new_token()?;
        let participation = Participation {
            id: ParticipationId::from(fixed_id(number + 10)),
            campaign_id: campaign.id,
            streamer_id: streamer.id,
            status: ParticipationStatus::Active,
            counters: Counters::default(),
            average_viewers_before: 0.0,
            browser_source_url: format!("/api/v1/overlay/{}", token.expose()),
            browser_source_token: token,
            joined_at: now,
            tracking: TrackingLinks::default(),
            created_at: now,
            updated_at: now,
        };
        let other_fields = "{}".to_owned();
        storage
            .campaigns
            .insert_if_absent(&NewCampaign { campaign, other_fields: other_fields.clone() })
            .await?;
        storage.participations.insert_if_absent(&NewParticipation { participation, other_fields }).await?;
    }
    storage.users.find_by_id(streamer.id).await?.context("the demo streamer was not stored")
}

/// The same ids at every start: what is stored already is found again.
fn fixed_id(number: u8) -> ObjectId {
    ObjectId::from_parts(0, [0, 0, 0, 0, 0, 0, 0, number])
}

fn user(id: UserId, name: &str, role: Role, now: Timestamp) -> User {
    let selection = SelectionSettings {
        // The shortest there is, so that something happens while one watches.
        interval: RotationInterval::try_from(1_i64).unwrap_or_default(),
        ..SelectionSettings::default()
    };
    User {
        id,
        email: format!("{}@example.com", name.to_lowercase().replace(' ', "-")),
        name: name.to_owned(),
        image: None,
        role,
        auth_provider: AuthProvider::Email,
        auth_provider_id: None,
        channel_url: None,
        categories: vec!["Gaming".to_owned()],
        languages: vec!["English".to_owned()],
        description: None,
        is_active: true,
        overlay: OverlaySettings::default(),
        overlay_token: None,
        tokens_revoked_at: None,
        overlay_last_seen: None,
        selection,
        test_campaign: None,
        created_at: now,
        updated_at: now,
    }
}

fn campaign(id: CampaignId, sponsor: &Sponsor, brand_id: UserId, now: Timestamp) -> anyhow::Result<Campaign> {
    let units = |units: i64| Money::from_micros(units * Money::MICROS_PER_UNIT);
    let rate = units(sponsor.rate_units);
    Ok(Campaign {
        id,
        title: sponsor.title.to_owned(),
        description: None,
        brand_id,
        budget: units(sponsor.budget_units),
        remaining_budget: units(sponsor.budget_units),
        media_url: media::path(sponsor.file),
        media_type: sponsor.media_type,
        click_url: Some(format!("https://example.com/{}", sponsor.title.to_lowercase().replace(' ', "-"))),
        status: CampaignStatus::Active,
        categories: vec!["Gaming".to_owned()],
        languages: vec!["English".to_owned()],
        start_date: None,
        end_date: None,
        payment: Payment::new(sponsor.payment_type, rate, Payment::DEFAULT_EXPECTED_IMPRESSIONS)?,
        created_at: now,
        updated_at: now,
    })
}
