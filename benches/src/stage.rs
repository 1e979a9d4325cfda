//! Fills stores with any number of participations, and defines which streamers are live.
//!
//! The server's own repositories store one streamer, one campaign and one participation. These are then copied within
//! the store with other ids, tokens and addresses. All other fields and derived rows are copied unchanged, so this code
//! does not need to know the schema.

mod audiences;
mod events;
mod mongodb;
mod shape;
mod sqlite;
mod tally;
mod transactions;

pub(crate) use self::{
    events::Event,
    shape::{LIVE, Shape},
    tally::Tally,
    transactions::Transactions,
};

use std::{collections::BTreeMap, ops::Range};

use gametriggers::{Store, SystemClock};
use gametriggers_domain::{
    model::{Campaign, Participation, User},
    price::Payment,
};
use gametriggers_persistence::{NewCampaign, NewParticipation, NewUser, Repositories};
use gametriggers_services::Clock;
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, MediaType, Money, ObjectId, ParticipationId, PaymentType, Role,
    RotationInterval, ScreenToken, Timestamp, UserId,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::results::Backend;

/// When all documents were created, in seconds since the epoch.
const MADE_AT: u32 = 1_767_225_600;
/// A long interval, so that decisions seldom end during a run.
pub(crate) const ROTATION_MINUTES: i64 = 60;
const NO_OTHER_FIELDS: &str = "{}";

fn object_id(kind: u8, number: u32) -> ObjectId {
    let [a, b, c, d] = number.to_be_bytes();
    ObjectId::from_parts(MADE_AT, [kind, 0, 0, 0, a, b, c, d])
}

pub(crate) fn user_id(number: u32) -> UserId {
    object_id(1, number).into()
}

fn campaign_id(number: u32) -> CampaignId {
    object_id(2, number).into()
}

pub(crate) fn participation_id(number: u32) -> ParticipationId {
    object_id(3, number).into()
}

fn token(kind: &str, number: u32) -> ScreenToken {
    ScreenToken::from_random(Sha256::digest(format!("{kind} {number}")).into())
}

/// The token of a streamer's overlay, derived by a hash so that it looks as random as real tokens.
pub(crate) fn overlay_token(streamer: u32) -> ScreenToken {
    token("overlay", streamer)
}

fn source_token(participation: u32) -> ScreenToken {
    token("source", participation)
}

pub(crate) fn email(streamer: u32) -> String {
    format!("streamer-{streamer}@example.com")
}

/// A value in document number 0, and its replacement in a copy.
struct Renamed<T> {
    from: T,
    to: T,
}

/// The replacements that turn document number 0 into a copy.
struct Renames {
    /// Replacements of ids. The first is the document's own id.
    ids: Vec<Renamed<ObjectId>>,
    /// Replacements of parts of texts.
    texts: Vec<Renamed<String>>,
}

/// The kinds of documents that are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Campaigns,
    Users,
    Participations,
}

impl Kind {
    /// The order in which the documents are made.
    const ALL: [Self; 3] = [Self::Campaigns, Self::Users, Self::Participations];

    const fn count(self, shape: Shape) -> u32 {
        match self {
            Self::Campaigns => shape.campaigns(),
            Self::Users => shape.streamers(),
            Self::Participations => shape.participations(),
        }
    }

    /// The replacements that turn document number 0 into document `number`.
    fn renames(self, shape: Shape, number: u32) -> Renames {
        let id = |from, to| Renamed { from, to };
        let text = |from: String, to| Renamed { from, to };
        match self {
            Self::Campaigns => Renames {
                ids: vec![id(campaign_id(0).object_id(), campaign_id(number).object_id())],
                texts: Vec::new(),
            },
            Self::Users => Renames {
                ids: vec![id(user_id(0).object_id(), user_id(number).object_id())],
                texts: vec![
                    text(overlay_token(0).expose().to_owned(), overlay_token(number).expose().to_owned()),
                    text(email(0), email(number)),
                ],
            },
            Self::Participations => {
                let (streamer, campaign) = shape.parties(number);
                Renames {
                    ids: vec![
                        id(participation_id(0).object_id(), participation_id(number).object_id()),
                        id(user_id(0).object_id(), user_id(streamer).object_id()),
                        id(campaign_id(0).object_id(), campaign_id(campaign).object_id()),
                    ],
                    texts: vec![text(
                        source_token(0).expose().to_owned(),
                        source_token(number).expose().to_owned(),
                    )],
                }
            }
        }
    }

    /// Stores document number 0.
    async fn store_first(self, shape: Shape, repositories: &Repositories) -> anyhow::Result<()> {
        let now = Timestamp::from_second(MADE_AT.into())?;
        let other_fields = NO_OTHER_FIELDS.to_owned();
        match self {
            Self::Campaigns => {
                let new = NewCampaign { campaign: first_campaign(now, shape.payment())?, other_fields };
                repositories.campaigns.insert_if_absent(&new).await?;
            }
            Self::Users => {
                let new = NewUser { user: first_user(now)?, password_hash: None, other_fields };
                repositories.users.insert_if_absent(&new).await?;
            }
            Self::Participations => {
                let (id, campaign, user) = (participation_id(0), campaign_id(0), user_id(0));
                let participation = Participation::joined(id, campaign, user, source_token(0), now);
                let new = NewParticipation { participation, other_fields };
                repositories.participations.insert_if_absent(&new).await?;
            }
        }
        Ok(())
    }
}

fn first_campaign(now: Timestamp, payment: PaymentType) -> anyhow::Result<Campaign> {
    // A visit costs the whole rate, so the rate is low enough for the budget to last.
    let rate = if payment == PaymentType::Cpc { 0.1 } else { 1_000.0 };
    let (rate, budget) = (Money::from_units(rate)?, Money::from_units(1_000_000.0)?);
    Ok(Campaign {
        id: campaign_id(0),
        title: "Autumn promotion of a brand".to_owned(),
        description: Some("A drink for those who stay up late.".to_owned()),
        brand_id: object_id(9, 0).into(),
        budget,
        remaining_budget: budget,
        media_url: "https://media.example.com/campaigns/autumn-promotion.png".to_owned(),
        media_type: MediaType::Image,
        click_url: Some("https://brand.example.com/autumn".to_owned()),
        status: CampaignStatus::Active,
        categories: vec!["gaming".to_owned()],
        languages: vec!["en".to_owned()],
        start_date: None,
        end_date: None,
        payment: Payment::new(payment, rate, Payment::DEFAULT_EXPECTED_IMPRESSIONS)?,
        created_at: now,
        updated_at: now,
    })
}

fn first_user(now: Timestamp) -> anyhow::Result<User> {
    let (role, provider) = (Role::Streamer, AuthProvider::Twitch);
    let mut user = User::new(user_id(0), email(0), "A streamer".to_owned(), role, provider, now);
    user.overlay_token = Some(overlay_token(0));
    user.selection.interval = RotationInterval::try_from(ROTATION_MINUTES)?;
    Ok(user)
}

/// A filled store. It is deleted when this value is dropped.
pub(crate) struct Stage {
    pub(crate) backend: Backend,
    pub(crate) shape: Shape,
    place: Place,
    /// The number of events of each kind that were answered as counted.
    answered: BTreeMap<Event, u64>,
    /// The number of units that the campaigns have to pay for these events.
    payable: u64,
    /// The number of visits that the servers did not count, because too many waited for the store.
    uncounted: u64,
    /// The number of streamers whose screens were given out by [`fresh_screens`](Self::fresh_screens).
    used_screens: u32,
}

enum Place {
    Sqlite(TempDir),
    MongoDb(TestDatabase),
}

impl Stage {
    /// Makes a store of this shape. `mongodb` is the connection string of the server for a MongoDB store.
    ///
    /// # Errors
    /// If the store cannot be made.
    pub(crate) async fn set(backend: Backend, shape: Shape, mongodb: &str) -> anyhow::Result<Self> {
        let place = match backend {
            Backend::Sqlite => {
                Place::Sqlite(tempfile::Builder::new().prefix("gametriggers-bench-").tempdir()?)
            }
            Backend::MongoDb => Place::MongoDb(TestDatabase::create_on(mongodb).await),
        };
        let answered = BTreeMap::new();
        let stage = Self { backend, shape, place, answered, payable: 0, uncounted: 0, used_screens: 0 };
        let store = Store::open(&stage.url()).await?;
        store.migrate().await?;
        let repositories = store.repositories();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.count(shape) > 0) {
            kind.store_first(shape, &repositories).await?;
            match &stage.place {
                Place::Sqlite(folder) => {
                    let file = file_in(folder);
                    spawn_blocking(move || sqlite::multiply(&file, kind, shape)).await??;
                }
                Place::MongoDb(database) => mongodb::multiply(database.raw(), kind, shape).await?,
            }
        }
        if let Place::MongoDb(database) = &stage.place {
            mongodb::settle(database.raw()).await;
        }
        Ok(stage)
    }

    /// The `storage.url` of this store.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Place::Sqlite(folder) => format!("sqlite://{}", file_in(folder).display()),
            Place::MongoDb(database) => database.uri().to_owned(),
        }
    }

    /// The next `count` streamers whose screens were not given out before.
    ///
    /// # Errors
    /// If fewer are left.
    pub(crate) fn fresh_screens(&mut self, count: u32) -> anyhow::Result<Range<u32>> {
        let first = self.used_screens;
        anyhow::ensure!(
            first + count <= self.shape.streamers(),
            "only {} of {} screens are left in this store, and {count} are needed",
            self.shape.streamers() - first,
            self.shape.streamers()
        );
        self.used_screens += count;
        Ok(first..first + count)
    }

    /// Pauses and resumes every campaign. Each is changed twice and ends as it was.
    ///
    /// # Errors
    /// If the store cannot be changed.
    pub(crate) async fn change_campaigns(&self) -> anyhow::Result<()> {
        let store = Store::open(&self.url()).await?;
        let campaigns = store.repositories().campaigns;
        let (now, active, paused) = (SystemClock.now(), CampaignStatus::Active, CampaignStatus::Paused);
        for number in 0..self.shape.campaigns() {
            for (from, to) in [(active, paused), (paused, active)] {
                let is_changed = campaigns.transition(campaign_id(number), from, to, now).await?;
                anyhow::ensure!(is_changed, "campaign {number} is not {from}");
            }
        }
        Ok(())
    }
}

fn file_in(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("store.db")
}
