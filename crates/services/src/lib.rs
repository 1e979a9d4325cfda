//! The use cases of GameTriggers.
//!
//! This crate does the work of a request after HTTP has read it. [`OverlayService`] says what a screen shows. [`TrackingService`]
//! credits events. [`LinkService`] says where tracking links lead. [`StreamerService`] reads and changes a streamer's settings.
//! [`CampaignService`] lists what a streamer has joined. [`import`] imports a previous database. All entries reach the ledger
//! through [`Recorder::record`]. This crate knows no HTTP and no driver, and gets the time from a [`Clock`].
//!
//! A new use case is a method of the service whose documents it changes.

mod bots;
mod campaigns;
mod clock;
mod entropy;
mod error;
mod group_commit;
mod heartbeats;
pub mod import;
mod link;
mod link_reader;
mod links;
mod memory;
mod recorder;
mod screens;
mod secrets;
pub mod shortening;
mod streamers;
pub mod tasks;
mod tracking;
mod visits;

use std::sync::Arc;

use gametriggers_domain::selection::ExplorationShare;
use gametriggers_persistence::Repositories;

use crate::{
    link_reader::Links,
    memory::{Follower, Memory},
    tasks::Tasks,
    visits::Visits,
};

pub use campaigns::CampaignService;
pub use clock::Clock;
pub use entropy::{NoEntropy, new_object_id, new_token};
pub use error::ServiceError;
pub use gametriggers_persistence::{Entity, OverlayPatch, SelectionPatch, StorageError};
pub use group_commit::{BATCH_MAX, QUEUE_MAX};
pub use link::VisitTarget;
pub use links::{LinkService, LinkSettings, Visitor};
pub use memory::Rendering;
pub use recorder::Recorder;
pub use screens::{OnScreen, OverlayService, Screen, ScreenOwner, ShownCampaign, receipt::RECEIPT_GRACE};
pub use secrets::Secrets;
pub use streamers::{OVERLAY_ACTIVE_WITHIN, OverlayStatus, StreamerService, TEST_AD_LASTS, TestAd};
pub use tracking::{Event, EventOutcome, EventReport, TrackingService};
pub use visits::{PendingVisits, VISITS_MAX};

/// The settings of an installation that services need.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Links and the visits through them.
    pub links: LinkSettings,
    /// The share of decisions that are left to chance.
    pub exploration: ExplorationShare,
}

/// Every service, wired to one store and one clock.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Services {
    pub overlay: OverlayService,
    pub tracking: TrackingService,
    pub links: LinkService,
    pub streamers: StreamerService,
    pub campaigns: CampaignService,
    recorder: Recorder,
    storage: Repositories,
    memory: Arc<Memory>,
    tasks: Tasks,
}

impl Services {
    /// Connects the services to the store and the clock. Call this within a Tokio runtime.
    #[must_use]
    pub fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
        settings: &ServiceSettings,
    ) -> Self {
        let secrets = Arc::new(secrets);
        let memory = Arc::new(Memory::new());
        let overlay = OverlayService::new(
            storage.clone(),
            clock.clone(),
            secrets.clone(),
            memory.clone(),
            settings.exploration,
        );
        let tasks = Tasks::default();
        let recorder = Recorder::new(storage.ledger.clone(), &tasks);
        let stored_links = Links::new(storage.clone(), memory.clone());
        let visits = Visits::new(stored_links.clone(), recorder.clone(), &tasks);
        Self {
            tracking: TrackingService::new(
                storage.clone(),
                clock.clone(),
                secrets.clone(),
                recorder.clone(),
                overlay.clone(),
                &tasks,
            ),
            links: LinkService::new(
                storage.clone(),
                clock.clone(),
                secrets,
                overlay.clone(),
                stored_links,
                visits,
                &settings.links,
            ),
            streamers: StreamerService::new(storage.clone(), clock, memory.clone()),
            campaigns: CampaignService::new(storage.clone()),
            overlay,
            recorder,
            storage,
            memory,
            tasks,
        }
    }

    /// Makes the services answer from memory from now on. The memory is at most one second behind a store that answers, and at
    /// most two seconds behind a store that does not (`docs/adr/0009-live-reads.md`). This mode ends when the last clone of these
    /// services is dropped. Without it, each request reads the store. Call this within a Tokio runtime.
    pub fn spawn_live_reads(&self) {
        self.tasks.start_until_stopped(Follower::new(&self.memory, self.storage.changes.clone()));
    }

    /// Returns a copy of these services for the requests of one thread, and a future. Run the future on that thread as long as
    /// there are requests: see [`Recorder::for_thread`].
    pub fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<>) {
        let (recorder, handing_out) = self.recorder.for_thread();
        let services = Self { tracking: self.tracking.with(recorder.clone()), recorder, ..self.clone() };
        (services, handing_out)
    }

    /// The visits that were accepted and are not recorded yet. [Wait for them](PendingVisits::settled) before the process ends.
    #[must_use]
    pub fn pending_visits(&self) -> PendingVisits {
        self.links.pending_visits()
    }

    /// The background tasks of these services. [Shut them down](Tasks::shut_down) before the process ends.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Checks that the store answers.
    ///
    /// # Errors
    /// [`StorageError`] if the store does not answer.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.storage.probe.ping().await
    }
}
