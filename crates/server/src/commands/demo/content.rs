//! The demo's streamer, brand and campaigns.

use anyhow::Context;
use gametriggers_domain::{
    model::{Campaign, Participation, User},
    price::Payment,
};
use gametriggers_persistence::{NewCampaign, NewParticipation, NewUser, Repositories};
use gametriggers_services::new_token;
use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, MediaType, Money, ObjectId, ParticipationId, PaymentType, Role,
    RotationInterval, Timestamp, UserId,
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

/// Stores those of the demo's documents that are missing. Returns the stored streamer.
pub(super) async fn fill(storage: &Repositories, now: Timestamp) -> anyhow::Result<User> {
    let brand = user(UserId::from(fixed_id(1)), "Demo Brands", Role::Brand, now);
    let streamer = user(UserId::from(fixed_id(2)), "demo_streamer", Role::Streamer, now);
    for user in [&brand, &streamer] {
        let new = NewUser { user: user.clone(), password_hash: None, other_fields: "{}".to_owned() };
        storage.users.insert_if_absent(&new).await?;
    }
    storage.users.ensure_overlay_token(streamer.id, &new_token()?).await?;
    for (number, sponsor) in (10..).zip(&SPONSORS) {
        let campaign = campaign(CampaignId::from(fixed_id(number)), sponsor, brand.id, now)?;
        let id = ParticipationId::from(fixed_id(number + 10));
        let participation = Participation::joined(id, campaign.id, streamer.id, new_token()?, now);
        let other_fields = "{}".to_owned();
        storage
            .campaigns
            .insert_if_absent(&NewCampaign { campaign, other_fields: other_fields.clone() })
            .await?;
        storage.participations.insert_if_absent(&NewParticipation { participation, other_fields }).await?;
    }
    storage.users.find_by_id(streamer.id).await?.context("the demo streamer was not stored")
}

/// Ids that are the same at every start, so that stored documents are found again.
fn fixed_id(number: u8) -> ObjectId {
    ObjectId::from_parts(0, [0, 0, 0, 0, 0, 0, 0, number])
}

fn user(id: UserId, name: &str, role: Role, now: Timestamp) -> User {
    let email = format!("{}@example.com", name.to_lowercase().replace(' ', "-"));
    let mut user = User::new(id, email, name.to_owned(), role, AuthProvider::Email, now);
    // The shortest interval, so that a user soon sees the campaign change.
    user.selection.interval = RotationInterval::try_from(1_i64).unwrap_or_default();
    user
}

fn campaign(id: CampaignId, sponsor: &Sponsor, brand_id: UserId, now: Timestamp) -> anyhow::Result<Campaign> {
    let units = |units: i64| Money::from_micros(units * Money::MICROS_PER_UNIT);
    let rate = units(sponsor.rate_units);
    let payment = Payment::new(sponsor.payment_type, rate, Payment::DEFAULT_EXPECTED_IMPRESSIONS)?;
    Ok(Campaign {
        budget: units(sponsor.budget_units),
        remaining_budget: units(sponsor.budget_units),
        media_url: media::path(sponsor.file),
        media_type: sponsor.media_type,
        click_url: Some(format!("https://example.com/{}", sponsor.title.to_lowercase().replace(' ', "-"))),
        status: CampaignStatus::Active,
        categories: vec!["Gaming".to_owned()],
        languages: vec!["English".to_owned()],
        ..Campaign::draft(id, brand_id, sponsor.title.to_owned(), payment, now)
    })
}
